"""Code that stands for code to come: `...`, `pass`, a TODO comment, a header with nothing below.

It finds ranges; what a hole is and when one is offered is decided by `hole`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_lsp.blocks.brace_kind import block_braces_off
from infill_lsp.blocks.braces import ends_block
from infill_lsp.blocks.broken import mended_place_at
from infill_lsp.blocks.indentation import (
    columns,
    header_indent,
    leading,
    line_text,
    next_line,
    previous_code_line,
    unit,
)
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Place
from infill_lsp.text.document import Snapshot

_VALUE_BEFORE = re.compile(r"(?:(?<![=!<>])=|=>|[(,]|\breturn|\byield|\belse|\blambda[^:]*:)\s*\Z")
_VALUE_AFTER = re.compile(r"\s*(?:[),]|#|;|\Z)")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A range that waits for code. `whole_line`: it is a statement and alone on its line, so lines may replace it."""

    start: int
    end: int
    whole_line: bool


def placeholder_at(snapshot: Snapshot, offset: int) -> Placeholder | None:
    """Find the placeholder under or touching `offset`."""
    language = language_for(snapshot.language)
    line = snapshot.index.line_of(offset)
    start = snapshot.index.line_start(line)
    text = line_text(snapshot, line)
    for match in language.placeholder_statement.finditer(text):
        if start + match.start() <= offset <= start + match.end():
            before, after = text[: match.start()], text[match.end() :]
            fits = _is_statement(before, after, language)
            place = mended_place_at(snapshot, start + match.start())
            if fits and _holds_statements(snapshot, place):
                return Placeholder(start + match.start(), start + match.end(), not before.strip() and not after.strip())
    for match in language.placeholder_expression.finditer(text):
        if start + match.start() <= offset <= start + match.end():
            before, after = text[: match.start()], text[match.end() :]
            place = mended_place_at(snapshot, start + match.start())
            if (
                _VALUE_BEFORE.search(before)
                and _VALUE_AFTER.match(after)
                and place.where == "code"
                and (place.bracket is None or place.bracket.opener == "(" or _holds_statements(snapshot, place))
            ):
                return Placeholder(start + match.start(), start + match.end(), False)
    return None


def todo_at(snapshot: Snapshot, offset: int) -> Placeholder | None:
    """Find the TODO comment on the line of `offset`, when it is all that its block holds."""
    line = snapshot.index.line_of(offset)
    text = line_text(snapshot, line)
    indent = leading(text)
    if not language_for(snapshot.language).todo.match(text.strip()):
        return None
    above = previous_code_line(snapshot, line)
    header = header_indent(snapshot, above) if above is not None else None
    if above is None or header is None or columns(indent) <= columns(header) or not _ends_block(snapshot, line, above):
        return None
    start = snapshot.index.line_start(line) + len(indent)
    if mended_place_at(snapshot, start).where != "code":
        return None
    return Placeholder(start, snapshot.index.line_start(line) + len(text.rstrip()), True)


def empty_body_indent(snapshot: Snapshot, line: int) -> str | None:
    """Give the indent that the block below the header on `line` would have, or None unless that block is missing."""
    header = header_indent(snapshot, line)
    if header is None or not _ends_block(snapshot, line, line):
        return None
    return header + unit(snapshot, line)


def _is_statement(before: str, after: str, language: Language) -> bool:
    head, tail = before.rstrip(), after.strip()
    begins = not head or head.endswith((";", "=>")) or bool(language.header_end and head.endswith(language.header_end))
    closers = ("}", ",") if language.blocks == "braces" else ()
    return begins and (not tail or tail.startswith((";", *closers, *language.line_comments)))


def _holds_statements(snapshot: Snapshot, place: Place) -> bool:
    """Tell whether a statement may stand here: outside of brackets, or right inside of a block's brace."""
    return place.where == "code" and not block_braces_off(snapshot, place.frames)


def _ends_block(snapshot: Snapshot, line: int, header_line: int) -> bool:
    if language_for(snapshot.language).blocks == "braces":
        return ends_block(snapshot, line, header_line)
    below, header = next_line(snapshot, line), header_indent(snapshot, header_line) or ""
    return below is None or columns(leading(line_text(snapshot, below))) <= columns(header)
