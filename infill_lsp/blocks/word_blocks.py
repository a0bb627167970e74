"""Blocks that a word or a sign opens and a word closes: `do` … `end`, `then` … `fi`, `where` and its layout.

In a language without `end_words` a dedent alone ends a block. It knows no holes and no suggestions.
"""

from __future__ import annotations

from infill_lsp.blocks.brace_kind import block_braces_off
from infill_lsp.blocks.lines import (
    Expected,
    code_of,
    columns,
    first_word,
    leading,
    levels,
    line_text,
    next_line,
    previous_code_line,
    unit,
)
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot

_MAX_HEADER = 2_000  # a longer line is data


def header_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent of the statement whose block begins below `line`, or None when none does."""
    language = language_for(snapshot.language)
    code = code_of(snapshot, line)
    if len(code) > _MAX_HEADER or not language.block_opener.search(code):
        return None
    end = snapshot.index.line_start(line) + len(code)
    place = place_at(snapshot, end)
    if place.where != "code" or block_braces_off(snapshot, place.frames):
        return None
    return leading(line_text(snapshot, statement_line(snapshot, line)))


def statement_line(snapshot: Snapshot, line: int) -> int:
    """Find the first line of the statement that `line` belongs to."""
    while True:
        frames = block_braces_off(snapshot, place_at(snapshot, snapshot.index.line_start(line)).frames)
        if frames:
            line = snapshot.index.line_of(frames[0].offset)
        elif line > 0 and line_text(snapshot, line - 1).endswith("\\"):
            line -= 1
        else:
            return line


def ends_block(code: str, language: Language) -> bool:
    """Tell whether a line ends the block above it, by its first word or by the sign that it begins with."""
    text = code.lstrip(" \t")
    signs = tuple(end for end in language.end_words if not end[0].isalnum())
    return first_word(text) in language.end_words or bool(signs and text.startswith(signs))


def expected(snapshot: Snapshot, line: int) -> Expected:
    """Tell the indent of code on the blank `line`, from the lines around it and the blanks already typed."""
    language = language_for(snapshot.language)
    typed = leading(line_text(snapshot, line))
    above, below = previous_code_line(snapshot, line), next_line(snapshot, line)
    if above is None:
        return Expected("", False)
    text_below = line_text(snapshot, below) if below is not None else ""
    indent_below = leading(text_below)
    header = header_indent(snapshot, above)
    if header is not None:
        if columns(indent_below) > columns(header):
            return Expected(indent_below, False)
        return Expected(typed if columns(typed) > columns(header) else header + unit(snapshot, line), True)
    open_levels = levels(snapshot, statement_line(snapshot, above))
    if typed and typed in open_levels:
        return Expected(typed, False)
    if ends_block(text_below, language):
        # Nothing can stand beside a closing word but what it closes.
        inner = [level for level in open_levels if columns(level) > columns(indent_below)]
        return Expected(inner[-1] if inner else indent_below + unit(snapshot, line), False)
    is_last = first_word(line_text(snapshot, statement_line(snapshot, above))) in language.last_words
    if above == line - 1 and not is_last:
        return Expected(open_levels[0], False)
    return Expected(indent_below if columns(indent_below) <= columns(open_levels[0]) else open_levels[0], False)
