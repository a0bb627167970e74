"""Harmless fills of a hole: what the file is like if only the hole is no longer at fault.

A file with a hole is broken because of it, so a fill is not compared with that file but with one of these.
"""

from __future__ import annotations

from infill_lsp.document import Snapshot
from infill_lsp.hole import Hole, lead, replaces_lines
from infill_lsp.languages import language_for
from infill_lsp.scan import missing_closers, place_at


def neutral_fills(snapshot: Snapshot, hole: Hole) -> tuple[str, ...]:
    """Give the harmless fills, the likeliest to parse first; the hole's own text and an empty one are among them."""
    language = language_for(snapshot.language)
    now = snapshot.text[hole.start : hole.end]
    if replaces_lines(snapshot, hole):
        indent = lead(snapshot, hole)
        statements = [indent + statement for statement in language.neutral_statements]
        return tuple(dict.fromkeys((*statements, now, "")))
    place = place_at(snapshot, hole.start)
    missing = missing_closers(snapshot.text, hole.end, language, place.frames)
    fills = [fill + missing for fill in language.neutral_expressions]
    if hole.kind == "line":
        fills = [missing + fill for fill in language.neutral_headers] + fills
    return tuple(dict.fromkeys((*fills, now, "")))
