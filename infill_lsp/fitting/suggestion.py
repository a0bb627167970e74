"""From the engine's text to the text that goes into the hole.

The text is cut where the hole's scope ends, loses what the text after the hole already says, and gets the file's indent
and line endings. Whether it may be shown is decided by `gate`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_lsp.blocks.indentation import line_break, line_text, next_line
from infill_lsp.fitting.block import block_lines
from infill_lsp.fitting.overlap import is_balanced, repeated_lines, repeated_tail
from infill_lsp.holes.hole import Hole, lead, replaces_lines
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import missing_closers, place_at, unmatched
from infill_lsp.text.document import Snapshot

_LINE_BREAK = re.compile(r"\r\n|\r")
_MAX_LINES_BELOW = 8
_NO_BLANK_AFTER = frozenset(" \t([{.@")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Replace `[start, end)` by `text`. `score` and `confidence` are those of the engine's candidate."""

    start: int
    end: int
    text: str
    score: float
    confidence: float | None = None


def shape(snapshot: Snapshot, hole: Hole, candidate_text: str) -> str:
    """Make the engine's text fit the hole; `""` if nothing of it does."""
    language = language_for(snapshot.language)
    text = _LINE_BREAK.sub("\n", candidate_text)
    if hole.kind in ("string", "comment"):
        return _rest_of_text(snapshot, hole, text).rstrip()
    if replaces_lines(snapshot, hole):
        text = _statements(snapshot, hole, text, language)
    else:
        text = _part_of_line(snapshot, hole, text)
        text = _cut_at_stray_closer(snapshot, hole, text, language)
    text = _trim_tail(snapshot, hole, text, language).rstrip()
    if not text.strip():
        return ""
    text = _between_braces(snapshot, hole, text)
    line = snapshot.index.line_of(hole.start)
    return lead(snapshot, hole) + text.replace("\n", line_break(snapshot, line))


def _rest_of_text(snapshot: Snapshot, hole: Hole, text: str) -> str:
    """Keep what belongs into a string or a comment: nothing from its end on, or from the line's."""
    frame = place_at(snapshot, hole.start).frames[-1]
    if snapshot.text[hole.start - 1 : hole.start].isspace():
        text = text.lstrip(" \t")
    text = text.split("\n", 1)[0]
    if frame.quote is None:
        end = dict(language_for(snapshot.language).block_comments).get(frame.opener)
        return text.split(end, 1)[0] if end else text
    escape = r"\\.|" if frame.quote.escapes else ""
    for match in re.finditer(rf"{escape}{re.escape(frame.quote.end)}", text):
        if match.group() == frame.quote.end:
            return text[: match.start()]
    return text


def _between_braces(snapshot: Snapshot, hole: Hole, text: str) -> str:
    """Set statements off from the braces around them, `{ return 1; }`, where these stand on one line."""
    if hole.kind != "body" or hole.multiline:
        return text
    opens, closes = snapshot.text[hole.start - 1 : hole.start] == "{", snapshot.text.startswith("}", hole.end)
    return (" " if opens else "") + text + (" " if closes else "")


def _statements(snapshot: Snapshot, hole: Hole, text: str, language: Language) -> str:
    """Keep the lines that belong to the hole's block, indented for the file; one line of a single-line hole."""
    if language.blocks != "indentation":
        # What stands behind the end of the block must not tell how the lines within it are indented.
        text = _cut_at_stray_closer(snapshot, hole, text, language)
    lines = block_lines(snapshot, hole, text.split("\n"))
    if not hole.multiline:
        lines = lines[:1]
    below: list[str] = []
    line: int | None = snapshot.index.line_of(hole.end)
    while line is not None and len(below) < _MAX_LINES_BELOW and (line := next_line(snapshot, line)) is not None:
        below.append(line_text(snapshot, line))
    # What remains empty is left to the gate, which then says that the fill repeats the lines below.
    length = repeated_lines([hole.indent + lines[0], *lines[1:]] if lines else [], below)
    if 0 < length < len(lines) and is_balanced("\n".join(lines[-length:]), language):
        lines = lines[:-length]
    return _cut_at_stray_closer(snapshot, hole, "\n".join(lines), language)


def _part_of_line(snapshot: Snapshot, hole: Hole, text: str) -> str:
    """Keep what fits into a line: nothing from a line break on, no blanks where blanks stand already."""
    start = snapshot.index.line_start(snapshot.index.line_of(hole.start))
    before = snapshot.text[start : hole.start]
    if not before.strip() or place_at(snapshot, hole.start).bracket is not None:
        text = text.lstrip("\n \t") if before[-1:] in _NO_BLANK_AFTER or "\n" in text[:1] or not before else text
    if not before or before[-1] in _NO_BLANK_AFTER:
        text = text.lstrip(" \t")
    return text if hole.multiline else text.split("\n", 1)[0]


def _cut_at_stray_closer(snapshot: Snapshot, hole: Hole, text: str, language: Language) -> str:
    """Cut before the first closing bracket that the text after the hole brings itself, or that closes nothing."""
    frames = place_at(snapshot, hole.start).frames
    missing = missing_closers(snapshot.text, hole.end, language, frames)
    for bracket in unmatched(text, 0, len(text), language, frames):
        if not missing.startswith(bracket.text):
            return text[: bracket.offset]
        missing = missing[1:]
    return text


def _trim_tail(snapshot: Snapshot, hole: Hole, text: str, language: Language) -> str:
    suffix = snapshot.text[hole.end : snapshot.index.line_end(snapshot.index.line_of(hole.end))]
    while (length := repeated_tail(text, suffix, language)) and length < len(text.lstrip()):
        text = text[:-length].rstrip()
    return text
