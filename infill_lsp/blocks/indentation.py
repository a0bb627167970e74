"""Where a line should begin: each way in which languages mark their blocks has a room, and this one chooses.

It knows no holes and no suggestions.
"""

from __future__ import annotations

from infill_lsp.blocks import braces, indented_blocks, word_blocks
from infill_lsp.blocks.lines import (
    Expected,
    begins_header,
    code_of,
    columns,
    first_word,
    leading,
    line_break,
    line_text,
    next_line,
    previous_code_line,
    previous_line,
    unit,
)
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot

__all__ = [
    "Expected",
    "begins_header",
    "code_of",
    "columns",
    "expected",
    "first_word",
    "header_indent",
    "leading",
    "line_break",
    "line_text",
    "next_line",
    "previous_code_line",
    "previous_line",
    "statement_line",
    "unit",
]


def header_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent of the statement whose block begins below `line`, or None when none does."""
    match language_for(snapshot.language).blocks:
        case "indentation":
            return indented_blocks.header_indent(snapshot, line)
        case "braces":
            return braces.header_indent(snapshot, line)
        case "words":
            return word_blocks.header_indent(snapshot, line)
        case "none":
            return None


def expected(snapshot: Snapshot, line: int) -> Expected:
    """Tell the indent of code on the blank `line`, from the lines around it and the blanks already typed."""
    match language_for(snapshot.language).blocks:
        case "indentation":
            return indented_blocks.expected(snapshot, line)
        case "braces":
            return braces.expected(snapshot, line)
        case "words":
            return word_blocks.expected(snapshot, line)
        case "none":
            above = previous_line(snapshot, line)
            return Expected(leading(line_text(snapshot, line)) or _indent_of(snapshot, above), False)


def statement_line(snapshot: Snapshot, line: int) -> int:
    """Find the first line of the statement that `line` belongs to."""
    match language_for(snapshot.language).blocks:
        case "indentation":
            return indented_blocks.statement_line(snapshot, line)
        case "words":
            return word_blocks.statement_line(snapshot, line)
        case "braces":
            return braces.statement_line(snapshot, line)
        case "none":
            return line


def _indent_of(snapshot: Snapshot, line: int | None) -> str:
    return "" if line is None else leading(line_text(snapshot, line))
