"""Syntax trees of documents, in plain values: kinds and offsets in code points.

It knows no document, no hole and no protocol. Trees of user text may be 100,000 levels deep, so nothing here recurses,
prints a node or asks one for its parent: each of these crashes or stalls the parser's library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from infill_lsp.excludes.refusal import MAX_BYTES, refusal_of_text
from infill_lsp.text.line_index import LineIndex
from infill_lsp.trees.grammars import grammar_of
from infill_lsp.trees.landmarks import Landmark, landmarks
from infill_lsp.trees.parsing import Parsing

_BUDGET_S = 1.0
_MAX_DEPTH = 500
_MAX_ERRORS = 10_000


@dataclass(frozen=True, slots=True)
class SyntaxNode:
    """One node: its kind in the grammar and its half-open range in code points."""

    kind: str
    start: int
    end: int
    named: bool


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """A place that does not parse: text that fits nowhere, or a token that is missing (then `start == end`)."""

    kind: str
    missing: bool
    start: int
    end: int


class SyntaxTree:
    """The tree of one text.

    An incremental parse takes the inner tree away from its predecessor; that one parses afresh if it is asked again.
    """

    __slots__ = ("_index", "_language", "_text", "_tree")

    def __init__(self, text: str, language: str, tree: tree_sitter.Tree, index: LineIndex) -> None:
        self._text = text
        self._language = language
        self._tree: tree_sitter.Tree | None = tree
        self._index = index

    def path_at(self, offset: int) -> tuple[SyntaxNode, ...]:
        """Give the nodes that hold `offset`, root first; of two leaves that meet there, the left one."""
        tree = self._alive()
        if tree is None:
            return ()
        index = self._index
        byte = index.byte(offset)
        cursor = tree.walk()
        path: list[SyntaxNode] = []
        while len(path) < _MAX_DEPTH:
            node = cursor.node
            assert node is not None
            if index.may_hold_returns:
                start, end = index.offset_of_byte(node.start_byte), index.offset_of_byte(node.end_byte)
            else:  # The parser counts lines as we do, which spares a search.
                start = index.offset_of_byte_in(node.start_point.row, node.start_byte)
                end = index.offset_of_byte_in(node.end_point.row, node.end_byte)
            path.append(SyntaxNode(node.type, start, end, node.is_named))
            if not _into_child(cursor, byte):
                break
        return tuple(path)

    def start_around(self, kinds: frozenset[str], offset: int) -> int | None:
        """Give where the outermost node of some kinds begins that holds `offset` between its ends, None without one.

        As `path_at` finds it, but nothing is made of the nodes on the way.
        """
        tree = self._alive()
        if tree is None:
            return None
        byte = self._index.byte(offset)
        cursor = tree.walk()
        for _ in range(_MAX_DEPTH):
            node = cursor.node
            assert node is not None
            if node.start_byte < byte < node.end_byte and node.type in kinds:
                return self._index.offset_of_byte(node.start_byte)
            if not _into_child(cursor, byte):
                break
        return None

    @property
    def has_faults(self) -> bool:
        """Tell whether any place does not parse; costs nothing, while `faults` looks for the places."""
        tree = self._alive()
        return tree is not None and tree.root_node.has_error

    def faults(self) -> tuple[SyntaxFault, ...]:
        """Give every place that does not parse, in the order of the text."""
        tree = self._alive()
        if tree is None or not tree.root_node.has_error:
            return ()
        index = self._index
        return tuple(
            SyntaxFault(
                node.type,
                node.is_missing,
                index.offset_of_byte(node.start_byte),
                index.offset_of_byte(node.end_byte),
            )
            for node in _fault_nodes(tree)
        )

    def landmarks(self, wanted: frozenset[str], opened: frozenset[str], around: int) -> list[Landmark]:
        """Give the nodes of the wanted kinds in the order of the text, without what stands inside functions.

        It looks into nodes that are `opened`, that hold `around`, that do not parse, or that are small and not wanted.
        """
        tree = self._alive()
        return [] if tree is None else landmarks(tree, self._text, self._index.byte(around), wanted, opened)

    def edit(self, start: int, end: int, new_text: str, new_index: LineIndex) -> None:
        """Tell the tree that `[start, end)` of its text was replaced, which gave `new_text`.

        `parse(..., old=tree)` makes it whole again; it answers nothing between the two calls.
        """
        if self._tree is not None:
            new_end = end + len(new_text) - len(self._text)
            self._tree.edit(
                new_index.byte(start),
                self._index.byte(end),
                new_index.byte(new_end),
                _point(self._text, self._index, start),
                _point(self._text, self._index, end),
                _point(new_text, new_index, new_end),
            )
        self._text = new_text
        self._index = new_index

    def reparsed(self, start: int, end: int, new_text: str) -> SyntaxTree | None:
        """Parse `new_text`, which is this tree's text with `[start, end)` replaced. This tree stays as it is.

        None: a text that is refused, or out of time.
        """
        tree, index = self._alive(), LineIndex(new_text)
        if tree is None:
            return parse(new_text, self._language, index)
        old = SyntaxTree(self._text, self._language, tree.copy(), self._index)
        old.edit(start, end, new_text, index)
        begun = start_parse(new_text, self._language, index, old)
        return None if begun is None else begun.go_on(_BUDGET_S)

    def take(self) -> SyntaxTree | None:
        """Move the inner tree into a new owner, who may edit it; this tree parses afresh if it is asked again."""
        if self._tree is None:
            return None
        moved = SyntaxTree(self._text, self._language, self._tree, self._index)
        self._tree = None
        return moved

    def _alive(self) -> tree_sitter.Tree | None:
        if self._tree is None and (again := start_parse(self._text, self._language, self._index)) is not None:
            self._tree = again._work.go_on(_BUDGET_S)
        return self._tree


class Parse:
    """A text that is being parsed, as far as its time allowed."""

    __slots__ = ("_index", "_language", "_text", "_work", "is_from_scratch")

    def __init__(self, work: Parsing, text: str, language: str, index: LineIndex, *, is_from_scratch: bool) -> None:
        self.is_from_scratch = is_from_scratch
        self._work = work
        self._text = text
        self._language = language
        self._index = index

    @property
    def spent_s(self) -> float:
        """How much processor time it has taken."""
        return self._work.spent_s

    def go_on(self, budget_s: float) -> SyntaxTree | None:
        """Parse for some time. None: there is more to do."""
        tree = self._work.go_on(budget_s)
        return None if tree is None else SyntaxTree(self._text, self._language, tree, self._index)


def start_parse(text: str, language: str, index: LineIndex, old: SyntaxTree | None = None) -> Parse | None:
    """Begin to parse a text, from `old` if that tree was told of every edit since.

    None: no grammar for the language, or a text that is refused.
    """
    grammar = grammar_of(language).parser_language
    if grammar is None or refusal_of_text(text, index, MAX_BYTES) is not None:
        return None
    known = old._tree if old is not None and old._text == text else None
    return Parse(Parsing(grammar, text, index, known), text, language, index, is_from_scratch=known is None)


def parse(text: str, language: str, index: LineIndex | None = None) -> SyntaxTree | None:
    """Parse a text whole, as a fill is judged. None: no grammar, a text that is refused, or out of time."""
    begun = start_parse(text, language, index or LineIndex(text)) if has_grammar(language) else None
    return None if begun is None else begun.go_on(_BUDGET_S)


def has_grammar(language: str) -> bool:
    """Tell whether texts of this language can be parsed here."""
    return grammar_of(language).parser_language is not None


def _into_child(cursor: tree_sitter.TreeCursor, byte: int) -> bool:
    """Move to the child that holds `byte`, the left one of two that meet there. False: there is none."""
    parent = cursor.node
    assert parent is not None
    if parent.child_count == 0 or cursor.goto_first_child_for_byte(max(byte - 1, parent.start_byte)) is None:
        return False
    while True:
        node = cursor.node
        assert node is not None
        if node.start_byte < byte <= node.end_byte or node.start_byte == byte < node.end_byte:
            return True
        if node.start_byte > byte or not cursor.goto_next_sibling():
            cursor.goto_parent()
            return False


def _fault_nodes(tree: tree_sitter.Tree) -> Iterator[tree_sitter.Node]:
    cursor = tree.walk()
    found = 0
    while found < _MAX_ERRORS:
        node = cursor.node
        assert node is not None
        if node.is_error or node.is_missing:
            found += 1
            yield node
        elif node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _point(text: str, index: LineIndex, offset: int) -> tuple[int, int]:
    """Give the row and the column of an offset as the parser counts: lines end at `\n` alone, columns are bytes."""
    start = text.rfind("\n", 0, offset) + 1
    row = text.count("\n", 0, start) if index.may_hold_returns else index.line_of(start)
    return row, index.byte(offset) - index.byte(start)
