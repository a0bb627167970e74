"""Blocks by indentation: where a line should begin, read from the lines around it.

White space decides here and not the tree, which sees no error in a header without a body.
It knows no holes and no suggestions.
"""

from __future__ import annotations

from infill_lsp.blocks.broken import mended_place_at
from infill_lsp.blocks.lines import (
    Expected,
    begins_header,
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
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot


def header_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent of the statement whose block begins below `line`, or None when none does."""
    language = language_for(snapshot.language)
    code = code_of(snapshot, line)
    if not language.header_end or not code.endswith(language.header_end):
        return None
    if mended_place_at(snapshot, snapshot.index.line_start(line) + len(code)).frames:
        return None
    first = line_text(snapshot, statement_line(snapshot, line))
    return leading(first) if begins_header(first, language) else None


def statement_line(snapshot: Snapshot, line: int) -> int:
    """Find the first line of the statement that `line` belongs to."""
    while True:
        frames = mended_place_at(snapshot, snapshot.index.line_start(line)).frames
        if frames:
            line = snapshot.index.line_of(frames[0].offset)
        elif line > 0 and line_text(snapshot, line - 1).endswith("\\"):
            line -= 1
        else:
            return line


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
    open_levels = levels(snapshot, statement_line(snapshot, above))
    if typed and typed in open_levels:
        return Expected(typed, False)
    indent_above = open_levels[0]
    is_last = first_word(line_text(snapshot, statement_line(snapshot, above))) in (
        language_for(snapshot.language).last_words
    )
    if above == line - 1 and not is_last:
        return Expected(indent_above, False)
    nearest = indent_below if columns(indent_below) <= columns(indent_above) else indent_above
    return Expected(nearest, False)


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
            return start if alone and not mended_place_at(snapshot, node.start).frames else None
    return None
