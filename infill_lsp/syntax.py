"""Syntax trees of documents: the only room that knows tree-sitter.

What goes out is plain: kinds and offsets in code points. It knows no document, no hole and no protocol.
Trees of user text may be 100,000 levels deep, so nothing here recurses, prints a node or asks one for its parent:
each of these crashes or stalls the parser's library. A parse has a size cap and a time budget.
A parse that runs out of time has its parser thrown away, since the same parser would resume the old text.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter

from infill_lsp.languages import language_for
from infill_lsp.line_index import LineIndex

MAX_BYTES = 2_000_000
_BUDGET_S = 1.0
_CHUNK_BYTES = 65_536
_BINARY_PROBE = 8_192
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

    def __init__(self, text: str, language: str, tree: tree_sitter.Tree, index: LineIndex | None = None) -> None:
        self._text = text
        self._language = language
        self._tree: tree_sitter.Tree | None = tree
        self._index = index

    def path_at(self, offset: int) -> tuple[SyntaxNode, ...]:
        """Give the nodes that hold `offset`, root first; of two leaves that meet there, the left one."""
        tree = self._alive()
        if tree is None:
            return ()
        index = self._offsets()
        byte = index.byte(offset)
        cursor = tree.walk()
        path: list[SyntaxNode] = []
        while len(path) < _MAX_DEPTH:
            node = cursor.node
            assert node is not None
            start, end = index.offset_of_byte(node.start_byte), index.offset_of_byte(node.end_byte)
            path.append(SyntaxNode(node.type, start, end, node.is_named))
            if not _into_child(cursor, byte):
                break
        return tuple(path)

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
        index = self._offsets()
        return tuple(
            SyntaxFault(
                node.type,
                node.is_missing,
                index.offset_of_byte(node.start_byte),
                index.offset_of_byte(node.end_byte),
            )
            for node in _fault_nodes(tree)
        )

    def edit(self, start: int, end: int, new_text: str, new_index: LineIndex) -> None:
        """Tell the tree that `[start, end)` of its text was replaced, which gave `new_text`.

        `parse(..., old=tree)` makes it whole again; it answers nothing between the two calls.
        """
        text = self._text
        new_end = end + len(new_text) - len(text)
        row = text.count("\n", 0, start)
        if self._tree is not None:
            self._tree.edit(
                new_index.byte(start),
                self._offsets().byte(end),
                new_index.byte(new_end),
                (row, _column(text, start)),
                (row + text.count("\n", start, end), _column(text, end)),
                (row + new_text.count("\n", start, new_end), _column(new_text, new_end)),
            )
        self._text = new_text
        self._index = new_index

    def take(self) -> SyntaxTree | None:
        """Move the inner tree into a new owner, who may edit it; this tree parses afresh if it is asked again."""
        if self._tree is None:
            return None
        moved = SyntaxTree(self._text, self._language, self._tree, self._index)
        self._tree = None
        return moved

    def _alive(self) -> tree_sitter.Tree | None:
        if self._tree is None:
            self._tree = _parse(self._text, self._language, None)
        return self._tree

    def _offsets(self) -> LineIndex:
        if self._index is None:
            self._index = LineIndex(self._text)
        return self._index


def parse(text: str, language: str, old: SyntaxTree | None = None, index: LineIndex | None = None) -> SyntaxTree | None:
    """Parse a text, again from `old` if that tree was told of every edit since.

    None: no grammar for the language, a binary or too large text, or out of time.
    """
    reusable = old._tree if old is not None and old._text == text else None
    tree = _parse(text, language, reusable)
    return None if tree is None else SyntaxTree(text, language, tree, index)


def has_grammar(language: str) -> bool:
    """Tell whether texts of this language can be parsed here."""
    return _grammar(language) is not None


def _parse(text: str, language: str, old: tree_sitter.Tree | None) -> tree_sitter.Tree | None:
    grammar = _grammar(language)
    if grammar is None or len(text) > MAX_BYTES or "\0" in text[:_BINARY_PROBE]:
        return None
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        return None
    deadline = time.monotonic() + _BUDGET_S

    def read(byte: int, _point: tree_sitter.Point) -> bytes:
        return data[byte : byte + _CHUNK_BYTES]

    def out_of_time(_byte: int, _has_error: bool) -> bool:
        return time.monotonic() > deadline

    parser = tree_sitter.Parser(grammar)
    try:
        if old is None:
            return parser.parse(read, progress_callback=out_of_time)
        return parser.parse(read, old, progress_callback=out_of_time)
    except ValueError:
        return None


@cache
def _grammar(language: str) -> tree_sitter.Language | None:
    known = language_for(language)
    if known.grammar is None:
        return None
    try:
        module = importlib.import_module(known.grammar)
    except ImportError:
        return None
    return tree_sitter.Language(getattr(module, known.grammar_function)())


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


def _column(text: str, offset: int) -> int:
    """Count the bytes between the last `\\n` and `offset`: the parser knows no other line break."""
    return _num_bytes(text[text.rfind("\n", 0, offset) + 1 : offset])


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
