"""The statements and bodies of a file that parses: what is cut, as ranges of its text.

A statement is a named child of a block or of the file that is no comment; a body is what stands on the lines of a
block. Tree-sitter is asked here directly, since the server never needs every statement of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter

from infill_lsp.languages import language_for
from infill_lsp.text.line_index import LineIndex
from infill_lsp.trees.grammars import grammar_of

_MAX_DEPTH = 500
_CLOSERS = frozenset(")]}")
_OPENERS = frozenset("([{,.=")
# What may also end an expression, or open a list of types.
_UNCLEAR = frozenset({"<", ">", ">>", "++", "--", "!", "?", "*", "&", "...", "..", ";", ":", ")", "]", "}", "#", "@"})


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open range in code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, the innermost function around it, and where one could stop typing it."""

    start: int
    end: int
    function: Range | None
    stops: tuple[int, ...]  # where the token begins that follows an opening bracket, an operator, a comma or a dot


@dataclass(frozen=True, slots=True)
class Body:
    """The statements of one block, from the first to the last, comments between them included."""

    start: int
    end: int
    function: Range | None
    is_of_class: bool  # its statements are members: of a class, an interface, an enumeration, a module


@dataclass(slots=True)
class Nodes:
    """What one file holds, in the order of the text."""

    statements: list[Statement] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    closers: set[int] = field(default_factory=set)  # closing brackets
    comments: list[Range] = field(default_factory=list)
    num_comment_bodies: int = 0  # bodies that hold nothing but comments


def nodes_of(text: str, language_id: str) -> Nodes:
    """Find the statements and bodies of a text."""
    language, grammar = language_for(language_id), grammar_of(language_id).parser_language
    if grammar is None:
        raise ValueError(f"no grammar for {language_id} is installed")
    data = text.encode("utf-8", "surrogatepass")
    tree = tree_sitter.Parser(grammar).parse(data)
    index = LineIndex(text)
    found = Nodes()
    functions: list[tuple[int, Range]] = []  # with their depth
    path: list[str] = []  # the kinds of the nodes around

    def place(node: tree_sitter.Node) -> Range:
        start, end = index.offset_of_byte(node.start_byte), index.offset_of_byte(node.end_byte)
        return Range(start, start + len(text[start:end].rstrip()))  # Some nodes take the line break along.

    for node, depth in _walk(tree.root_node):
        while functions and functions[-1][0] >= depth:
            functions.pop()
        inner = functions[-1][1] if functions else None
        del path[depth:]
        path.append(node.type)
        if node.type in _CLOSERS:
            found.closers.add(index.offset_of_byte(node.start_byte))
        if node.type in language.function_kinds:
            functions.append((depth, place(node)))
        if node.type in language.comment_kinds:
            found.comments.append(place(node))
        if depth and node.type not in language.block_kinds:
            continue
        named = _inside(node)
        children = [child for child in named if child.type not in language.comment_kinds]
        statements = [child for child in children if child.type not in language.block_kinds]
        for child in statements:
            at = place(child)
            if at.start < at.end:
                found.statements.append(Statement(at.start, at.end, inner, _stops(child, language.string_kinds, index)))
        if depth and not children:
            found.num_comment_bodies += bool(named)
        elif depth:
            first, last = place(named[0]), place(named[-1])
            body = Body(first.start, last.end, inner, path[depth - 1] in language.class_kinds)
            if body not in found.bodies[-1:]:  # Some grammars put a block into a block.
                found.bodies.append(body)
    return found


def _walk(root: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, int]]:
    cursor = root.walk()
    depth = 0
    while True:
        node = cursor.node
        assert node is not None
        yield node, depth
        if depth < _MAX_DEPTH and cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


def _inside(block: tree_sitter.Node) -> list[tree_sitter.Node]:
    """Give a block's named children without those behind its closing brace, where a grammar may put a comment."""
    brace = next((child for child in reversed(block.children) if child.type == "}"), None)
    return [child for child in block.named_children if brace is None or child.start_byte < brace.start_byte]


def _stops(statement: tree_sitter.Node, string_kinds: frozenset[str], index: LineIndex) -> tuple[int, ...]:
    if statement.start_point.row != statement.end_point.row:
        return ()
    stops: list[int] = []
    after_opener, string_end = False, -1
    for node, _ in _walk(statement):
        if node.start_byte < string_end:
            continue
        if node.type in string_kinds:
            string_end = node.end_byte
        elif node.child_count:
            continue
        if after_opener and node.start_byte > statement.start_byte:
            stops.append(index.offset_of_byte(node.start_byte))
        after_opener = node.child_count == 0 and not node.is_named and _opens(node.type)
    return tuple(stops)


def _opens(token: str) -> bool:
    """Tell a token after which an expression must go on."""
    if token in _UNCLEAR or not token or any(character.isalnum() or character in "_\"'`" for character in token):
        return False
    return token in _OPENERS or not set(token) & set(")]}\"'`;")
