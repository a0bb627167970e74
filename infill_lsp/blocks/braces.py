"""Blocks by braces: where a line should begin, read from brackets and from the lines around it.

A brace that was never closed must not move what stands below it: the line above decides, and brackets only tell to
which statement that line belongs. It knows no holes and no suggestions.
"""

from __future__ import annotations

from infill_lsp.blocks.brace_kind import brace_kind
from infill_lsp.blocks.brace_statements import (
    closes,
    code_above,
    code_below,
    header_line,
    is_bare_header,
    is_label,
    statement_line,
)
from infill_lsp.blocks.lines import (
    Expected,
    code_of,
    columns,
    first_word,
    leading,
    levels,
    line_text,
    next_line,
    unit,
)
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import Frame, missing_closers, place_at
from infill_lsp.text.document import Snapshot

__all__ = ["ends_block", "expected", "header_indent", "statement_line"]

_MAX_LINES_FOR_STYLE = 300
_MAX_HEADER = 600  # so much of a line is searched for what opens a block


def header_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent of the statement whose block begins below `line`, or None when none does."""
    code = code_of(snapshot, line)
    if is_label(code, language_for(snapshot.language)):
        return leading(code)
    if _opened(snapshot, line, code) is None:
        return None
    indent = leading(line_text(snapshot, header_line(snapshot, line)))
    below = next_line(snapshot, line)
    # In some styles the block hangs on what stands before it; then the closing brace tells.
    closer = line_text(snapshot, below) if below is not None else ""
    return leading(closer) if closes(closer) and columns(leading(closer)) > columns(indent) else indent


def expected(snapshot: Snapshot, line: int) -> Expected:
    """Tell the indent of code on the blank `line`, from the lines around it and the blanks already typed."""
    typed = leading(line_text(snapshot, line))
    above = code_above(snapshot, line)
    if above is None:
        return Expected("", False)
    header = header_indent(snapshot, above)
    if header is not None:
        return _below_header(snapshot, line, above, header)
    first = statement_line(snapshot, above)
    indent = leading(line_text(snapshot, first))
    language = language_for(snapshot.language)
    if is_bare_header(code_of(snapshot, above), language) or (
        first != above and first_word(line_text(snapshot, first)) in language.label_words
    ):
        return Expected(indent + unit(snapshot, line), False)
    if typed and typed != indent and typed in levels(snapshot, first) and _lacks_closer(snapshot, line):
        return Expected(typed, False)
    return Expected(indent, False)


def _below_header(snapshot: Snapshot, line: int, above: int, header: str) -> Expected:
    typed, below = leading(line_text(snapshot, line)), code_below(snapshot, line)
    if below is not None and not ends_block(snapshot, line, above):
        return Expected(leading(line_text(snapshot, below)), False)
    if columns(typed) > columns(header):
        return Expected(typed, True)
    brace = _opened(snapshot, above, code_of(snapshot, above))
    is_flat = brace is not None and brace_kind(snapshot, brace) == "cases" and not _indents_cases(snapshot, line, typed)
    return Expected(header if is_flat else header + unit(snapshot, line), True)


def _indents_cases(snapshot: Snapshot, line: int, typed: str) -> bool:
    """Tell whether labels stand deeper than their `switch`, as typed or as the nearest other one has it."""
    language = language_for(snapshot.language)
    if not language.label_words:
        return True
    for above in range(line, max(line - _MAX_LINES_FOR_STYLE, 0), -1):
        text = line_text(snapshot, above)
        if first_word(text) in language.label_words and (switch := code_above(snapshot, above)) is not None:
            header = line_text(snapshot, switch)
            if header.rstrip().endswith("{") and first_word(header) in language.case_words:
                return columns(leading(text)) > columns(leading(header))
    return not typed and language.cases_indented


def ends_block(snapshot: Snapshot, line: int, header: int) -> bool:
    """Tell whether nothing of the block below a header stands below `line`."""
    below = code_below(snapshot, line)
    if below is None:
        return True
    text, indent = line_text(snapshot, below), header_indent(snapshot, header) or ""
    if closes(text):
        return True
    if columns(leading(text)) > columns(indent):
        return False
    language = language_for(snapshot.language)
    is_case = is_label(text.rstrip(), language)
    if is_label(code_of(snapshot, header), language):
        return True
    if is_case:
        return False
    # Otherwise the closing brace is not typed yet.
    return first_word(line_text(snapshot, header)) not in language.flat_words or _lacks_closer(snapshot, line)


def _opened(snapshot: Snapshot, line: int, code: str) -> Frame | None:
    """Give the brace that ends a line and opens a block."""
    if not code.endswith("{") and not language_for(snapshot.language).block_opener.search(code[-_MAX_HEADER:]):
        return None
    bracket = place_at(snapshot, snapshot.index.line_start(line) + len(code)).bracket
    return bracket if bracket is not None and bracket.opener == "{" else None


def _lacks_closer(snapshot: Snapshot, line: int) -> bool:
    start = snapshot.index.line_start(line)
    frames = place_at(snapshot, start).frames
    return bool(missing_closers(snapshot.text, start, language_for(snapshot.language), frames))
