"""Harmless fills of a hole: what the file is like if only the hole is no longer at fault.

A file with a hole is broken because of it, so a fill is not compared with that file but with one of these.
"""

from __future__ import annotations

from infill_lsp.holes.hole import Hole, lead, replaces_lines
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import missing_closers, place_at
from infill_lsp.text.document import Snapshot


def neutral_fills(snapshot: Snapshot, hole: Hole) -> tuple[str, ...]:
    """Give the harmless fills, the likeliest to parse first; the hole's own text and an empty one are among them."""
    language = language_for(snapshot.language)
    now = snapshot.text[hole.start : hole.end]
    if hole.kind in ("string", "comment"):
        return tuple(dict.fromkeys(("", "_", now)))
    if (
        replaces_lines(snapshot, hole)
        or hole.kind in ("member", "error")
        or (hole.kind == "body" and not hole.multiline)
    ):
        indent = lead(snapshot, hole)
        fills = list(language.neutral_statements)
        if hole.kind == "error":
            closers = missing_closers(snapshot.text, hole.end, language, place_at(snapshot, hole.start).frames)
            fills = [closers, closers + language.statement_end, *fills]
        if hole.kind in ("member", "error"):
            ends = ("", ",") if hole.kind == "member" else ("",)
            fills += [fill + end for fill in language.neutral_expressions for end in ends]
        return tuple(dict.fromkeys((*(indent + fill for fill in fills), now, "")))
    place = place_at(snapshot, hole.start)
    missing = missing_closers(snapshot.text, hole.end, language, place.frames)
    fills = [fill + missing for fill in language.neutral_expressions]
    line_end = snapshot.index.line_end(snapshot.index.line_of(hole.end))
    if language.statement_needs_end and not snapshot.text[hole.end : line_end].strip():
        fills += [fill + language.statement_end for fill in fills]
    if hole.kind == "line":
        headers = [missing + fill for fill in language.neutral_headers]
        if language.statement_needs_end:
            headers.append(missing + language.statement_end)
        fills = headers + fills
    elif hole.kind == "expression" and language.blocks == "braces":
        fills += language.neutral_headers  # `for` may be all that stands there.
    return tuple(dict.fromkeys((*fills, now, "")))
