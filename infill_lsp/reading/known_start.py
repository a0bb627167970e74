"""Where reading must begin to tell what stands open at an offset, and what may be left out on the way.

Reading a file from its start for every question would cost too much. A tree without faults tells which statements and
blocks hold the offset, so that only their beginnings are read. Any other tree cannot be trusted: then reading begins
at the nearest line that looks like a statement outside strings and brackets.
It knows no brackets but those that begin a block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from infill_lsp.languages import Language
from infill_lsp.reading.unclosed import Unclosed
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.syntax import SyntaxNode

Range = tuple[int, int]

_MAX_LINES_BACK = 400
_MAX_CHARS_BACK = 20_000
_MAX_PATH = 400  # a longer path may be cut short
_FIRST_WORD = re.compile(r"[ \t]*(\w+)")


class Starts:
    """Where reading begins in one snapshot, kept for the next question about it."""

    def __init__(self, snapshot: Snapshot, language: Language) -> None:
        self.unclosed = Unclosed(snapshot.text, language)
        self.is_code: dict[int, bool] = {}  # whether a word that may begin a statement is one
        self.of_line: dict[int, int] = {}  # where to begin for a line, the line's own start left out

    def above(self, line: int, line_start: int) -> int | None:
        """Give where to begin for a line, if that was asked for it or for one below it."""
        if line in self.of_line:
            return self.of_line[line]
        known = tuple(self.of_line.items())
        return next((start for below, start in known if below > line and start < line_start), None)


def ranges_before(snapshot: Snapshot, language: Language, offset: int, starts: Starts) -> tuple[Range, ...]:
    """Give the parts of the text that, read one after the other, tell what stands open at `offset`.

    `starts` is of the caller, another one for each snapshot: it keeps what was found for each line.
    """
    tree = snapshot.tree
    if tree is not None and not tree.has_faults:
        path = tree.path_at(offset)
        if 0 < len(path) < _MAX_PATH:
            return (*_by_tree(snapshot.text, path, language, offset),) or ((offset, offset),)
    line = snapshot.index.line_of(offset)
    start = _statement_start(snapshot, language, line, offset)
    if start is not None and (language.blocks == "indentation" or start == snapshot.index.line_start(line)):
        if start not in starts.is_code:
            starts.is_code[start] = not (starts.unclosed.at(start) or _in_text(snapshot, language, start))
        if starts.is_code[start]:
            return ((start, offset),)
    start = starts.above(line, snapshot.index.line_start(line))
    if start is None:
        start = _above(snapshot, language, line, starts)
        starts.of_line[line] = start
    return (*_braces_around(snapshot, language, start), (start, offset))


def _by_tree(text: str, path: Sequence[SyntaxNode], language: Language, offset: int) -> list[Range]:
    """Read the beginning of every statement that holds the offset up to its block, the block's brace, and so on."""
    ranges: list[Range] = []
    has_braces = language.blocks == "braces"
    first = 1  # the statement that is read next
    for number in range(1, len(path)):
        node = path[number]
        if node.kind not in language.block_kinds:
            continue
        ranges += _within(text, path[first:number], node.start)
        if has_braces and node.start < offset and _begins_with_own_bracket(text, path, number):
            # One token may span both: `${`.
            start = ranges.pop()[0] if ranges and ranges[-1][1] == node.start else node.start
            ranges.append((start, node.start + 1))
        first = number + 1
        if first < len(path) and path[first].end == node.start + 1 and ranges and ranges[-1][1] == node.start + 1:
            first += 1  # That brace is all that is left of the path.
    return ranges + _within(text, path[first:], offset)


def _within(text: str, path: Sequence[SyntaxNode], end: int) -> list[Range]:
    """Read from the start of a path's first node to `end`; of a node that is too long, only what opens it."""
    ranges: list[Range] = []
    for number, node in enumerate(path):
        if end - node.start <= _MAX_CHARS_BACK:
            return [*ranges, (node.start, end)]
        if _begins_with_own_bracket(text, path, number):
            ranges.append((node.start, node.start + 1))
        elif (line_end := text.find("\n", node.start, path[number + 1].start if number + 1 < len(path) else end)) >= 0:
            ranges.append((node.start, line_end))
    return ranges


def _begins_with_own_bracket(text: str, path: Sequence[SyntaxNode], number: int) -> bool:
    """Tell whether the bracket that a node begins with encloses the whole node and belongs to no child of it."""
    node = path[number]
    if text[node.start : node.start + 1] + text[node.end - 1 : node.end] not in ("()", "[]", "{}"):
        return False
    child = path[number + 1] if number + 1 < len(path) else None
    return child is None or child.start > node.start or child.end == node.start + 1


def _above(snapshot: Snapshot, language: Language, last: int, starts: Starts) -> int:
    """Find the nearest line above `last` that begins a statement outside all strings and brackets.

    Where blocks stand in brackets, that is one without an indent, or else the one with the smallest.
    """
    index = snapshot.index
    found, least = -1, _MAX_CHARS_BACK
    doubtful, least_doubtful = -1, _MAX_CHARS_BACK
    line = last
    bottom = index.line_start(last)
    while line > 0 and last - line < _MAX_LINES_BACK and bottom - index.line_start(line) < _MAX_CHARS_BACK:
        line -= 1
        start = _statement_start(snapshot, language, line, len(snapshot.text))
        if start is None or (indent := start - index.line_start(line)) >= least:
            continue
        if starts.unclosed.at(start):
            if indent < least_doubtful:
                doubtful, least_doubtful = start, indent
        elif not _in_text(snapshot, language, start):
            found, least = start, indent
            if least == 0 or language.blocks == "indentation":
                return found
    if line == 0:
        return 0
    # A string that is open for so long is none: a quote in a comment was taken for one.
    for start in (found, doubtful):
        if start >= 0 and not _in_text(snapshot, language, start):
            return start
    return _text_start(snapshot, language, index.line_start(line))


def _braces_around(snapshot: Snapshot, language: Language, start: int) -> list[Range]:
    """Give the braces of the blocks around a start, if the tree knows them and they stand left of it.

    The blocks of some headers, as of namespaces, are not indented.
    """
    text, index = snapshot.text, snapshot.index
    line_start = index.line_start(index.line_of(start))
    if snapshot.tree is None or language.blocks != "braces" or (start == line_start and not language.flat_words):
        return []
    path = snapshot.tree.path_at(start)
    ranges: list[Range] = []
    for number, node in enumerate(path):
        if (
            node.kind in language.block_kinds
            and node.start < line_start
            and _begins_with_own_bracket(text, path, number)
        ):
            before = text[index.line_start(index.line_of(node.start)) : node.start + 1]
            word = _FIRST_WORD.match(before)
            is_flat = word is not None and word.group(1) in language.flat_words
            if is_flat or len(before) - len(before.lstrip(" \t")) < start - line_start:
                ranges.append((node.start, node.start + 1))
    return ranges


def _statement_start(snapshot: Snapshot, language: Language, line: int, end: int) -> int | None:
    """Give the start of the word that a line begins with, if a statement may begin so."""
    word = _FIRST_WORD.match(snapshot.text, snapshot.index.line_start(line), end)
    return word.start(1) if word and word.group(1) in language.statement_words else None


def _in_text(snapshot: Snapshot, language: Language, offset: int) -> bool:
    """Tell whether the tree has an offset in a string or a comment."""
    return _text_start(snapshot, language, offset) != offset


def _text_start(snapshot: Snapshot, language: Language, offset: int) -> int:
    """Move a start that lies in a string or a comment to where that begins, so that reading begins in code."""
    if snapshot.tree is None:
        return offset
    start = snapshot.tree.start_around(language.string_kinds | language.comment_kinds, offset)
    return offset if start is None else start
