"""Where a line should begin: indents, blocks and their headers, read from the lines around.

White space decides here and not the tree, which sees no error in a header without a body.
It knows no holes and no suggestions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_lsp.document import Snapshot
from infill_lsp.languages import Language, language_for
from infill_lsp.scan import place_at

_MAX_LINES = 1_000
_MAX_LINES_FOR_UNIT = 400
_TAB_COLUMNS = 8
_DEFAULT_UNIT = "    "
_USED_AS_NAME = ("=", ".", ",", ")")
_FIRST_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Expected:
    """The indent that code on a blank line should have, and whether it is the first of its block."""

    indent: str
    empty_block: bool


def line_text(snapshot: Snapshot, line: int) -> str:
    """Give a line without its line ending."""
    return snapshot.text[snapshot.index.line_start(line) : snapshot.index.line_end(line)]


def line_break(snapshot: Snapshot, line: int) -> str:
    """Give the line break in use around `line`; `\\n` in a text without any."""
    index = snapshot.index
    return (index.line_ending(line - 1) if line > 0 else index.line_ending(line)) or "\n"


def leading(text: str) -> str:
    """Give the blanks and tabs that a line begins with."""
    return text[: len(text) - len(text.lstrip(" \t"))]


def columns(indent: str) -> int:
    """Measure an indent, tabs to the next multiple of eight."""
    return len(indent.expandtabs(_TAB_COLUMNS))


def code_of(snapshot: Snapshot, line: int) -> str:
    """Give a line without its comment and its trailing blanks."""
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    place = place_at(snapshot, end)
    if place.where == "comment":
        end = place.frames[-1].offset
    return snapshot.text[start:end].rstrip()


def previous_code_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line above that holds more than a comment."""
    markers = language_for(snapshot.language).line_comments
    for above in range(line - 1, max(line - 1 - _MAX_LINES, -1), -1):
        text = line_text(snapshot, above).strip()
        if text and not text.startswith(markers):
            return above
    return None


def previous_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line above that is not blank."""
    for above in range(line - 1, max(line - 1 - _MAX_LINES, -1), -1):
        if line_text(snapshot, above).strip():
            return above
    return None


def next_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line below that is not blank."""
    for below in range(line + 1, min(line + 1 + _MAX_LINES, snapshot.index.num_lines)):
        if line_text(snapshot, below).strip():
            return below
    return None


def header_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent of the statement whose block begins below `line`, or None when none does."""
    language = language_for(snapshot.language)
    code = code_of(snapshot, line)
    if not language.header_end or not code.endswith(language.header_end):
        return None
    if place_at(snapshot, snapshot.index.line_start(line) + len(code)).frames:
        return None
    first = line_text(snapshot, statement_line(snapshot, line))
    return leading(first) if begins_header(first, language) else None


def statement_line(snapshot: Snapshot, line: int) -> int:
    """Find the first line of the statement that `line` belongs to."""
    while True:
        frames = place_at(snapshot, snapshot.index.line_start(line)).frames
        if frames:
            line = snapshot.index.line_of(frames[0].offset)
        elif line > 0 and line_text(snapshot, line - 1).endswith("\\"):
            line -= 1
        else:
            return line


def begins_header(line: str, language: Language) -> bool:
    """Tell whether a line begins with a word that opens a block, used as such and not as a name."""
    word = first_word(line)
    return word in language.header_words and line.lstrip()[len(word) :].lstrip()[:1] not in _USED_AS_NAME


def first_word(line: str) -> str:
    """Give the word that a line begins with, or `""`."""
    match = _FIRST_WORD.match(line.lstrip(" \t"))
    return match.group() if match else ""


def unit(snapshot: Snapshot, line: int) -> str:
    """Give one level of indentation as the lines nearest to `line` have it; four blanks where nothing tells."""
    last = snapshot.index.num_lines
    for lines in (
        range(line, max(line - _MAX_LINES_FOR_UNIT, 0), -1),
        range(line + 1, min(line + _MAX_LINES_FOR_UNIT, last)),
    ):
        for below in lines:
            text = line_text(snapshot, below)
            indent = leading(text)
            # The blanks that were typed on the line itself count, those on other blank lines do not.
            if not indent or not (text.strip() or below == line):
                continue
            above = previous_line(snapshot, below)
            outer = leading(line_text(snapshot, above)) if above is not None else ""
            if len(outer) < len(indent) and indent.startswith(outer) and _begins_block(snapshot, above):
                return indent[len(outer) :]
    return _DEFAULT_UNIT


def expected(snapshot: Snapshot, line: int) -> Expected:
    """Tell the indent of code on the blank `line`, from the lines around it and the blanks already typed."""
    typed = leading(line_text(snapshot, line))
    above = previous_code_line(snapshot, line)
    if above is None:
        return Expected("", False)
    below = next_line(snapshot, line)
    indent_below = leading(line_text(snapshot, below)) if below is not None else ""
    header, inner = _open_header(snapshot, above)
    if header is not None:
        if columns(indent_below) > columns(header):
            return Expected(indent_below, False)
        if inner is None:
            deep_enough = columns(typed) > columns(header)
            return Expected(typed if deep_enough else header + unit(snapshot, line), True)
        if not typed or columns(typed) > columns(header):
            return Expected(inner, True)
    levels = _levels(snapshot, above)
    if typed and typed in levels:
        return Expected(typed, False)
    indent_above = levels[0]
    is_last = first_word(line_text(snapshot, statement_line(snapshot, above))) in (
        language_for(snapshot.language).last_words
    )
    if above == line - 1 and not is_last:
        return Expected(indent_above, False)
    nearest = indent_below if columns(indent_below) <= columns(indent_above) else indent_above
    return Expected(nearest, False)


def _begins_block(snapshot: Snapshot, line: int | None) -> bool:
    if line is None:
        return False
    header_end = language_for(snapshot.language).header_end
    return not header_end or line_text(snapshot, line).rstrip().endswith(header_end)


def _open_header(snapshot: Snapshot, line: int) -> tuple[str | None, str | None]:
    """Give the indent of a header that has no body yet but for a string that documents it, and that string's indent."""
    header = header_indent(snapshot, line)
    if header is not None:
        return header, None
    start = _documentation_start(snapshot, line)
    if start is None:
        return None, None
    above = previous_code_line(snapshot, start)
    header = header_indent(snapshot, above) if above is not None else None
    return (header, leading(line_text(snapshot, start))) if header is not None else (None, None)


def _documentation_start(snapshot: Snapshot, line: int) -> int | None:
    """Find the first line of a string that is a statement by itself and ends on `line`."""
    if snapshot.tree is None:
        return None
    end = snapshot.index.line_start(line) + len(code_of(snapshot, line))
    kinds = language_for(snapshot.language).string_kinds
    for node in snapshot.tree.path_at(end):
        if node.kind in kinds and node.end == end:
            start = snapshot.index.line_of(node.start)
            alone = not snapshot.text[snapshot.index.line_start(start) : node.start].strip()
            return start if alone and not place_at(snapshot, node.start).frames else None
    return None


def _levels(snapshot: Snapshot, line: int) -> list[str]:
    """Give the indents of the blocks that are open after `line`, innermost first."""
    first = statement_line(snapshot, line)
    levels = [leading(line_text(snapshot, first))]
    for above in range(first - 1, max(first - 1 - _MAX_LINES, -1), -1):
        if not levels[-1]:
            break
        text = line_text(snapshot, above)
        if text.strip() and columns(leading(text)) < columns(levels[-1]):
            levels.append(leading(text))
    return levels
