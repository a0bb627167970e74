"""Holes in strings and comments, for users who want them: from the caret on, never over what stands right of it."""

from __future__ import annotations

from infill_lsp.blocks.indentation import leading, line_text
from infill_lsp.holes.hole_kinds import Hole, HoleKind, NoHole, is_word
from infill_lsp.reading.scan import Place
from infill_lsp.text.document import Snapshot


def in_text(snapshot: Snapshot, line: int, offset: int, place: Place) -> Hole | NoHole:
    """Find the hole at a caret in a string or a comment: one line at most, with the blanks that end the line.

    Blanks before a closing quote are text and stay.
    """
    end = snapshot.index.line_end(line)
    after = snapshot.text[offset:end]
    if after and is_word(after[0]):
        return NoHole("a word begins right of the caret")
    kind: HoleKind = "string" if place.frames[-1].quote is not None else "comment"
    indent = leading(line_text(snapshot, line))
    return Hole(offset, offset if after.strip() else end, kind, indent, False, f"the rest of a {kind}")
