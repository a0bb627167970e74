"""Brackets that were never closed, where indents make the blocks: what stands below them tells.

Within brackets lines stand deeper than the line of the opener. A line that does not begins a statement of its own, if
nothing closes the bracket. It knows no holes.
"""

from __future__ import annotations

from infill_lsp.blocks.lines import begins_header, code_of, columns, leading, line_text
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import Frame, Place, missing_closers, place_at
from infill_lsp.text.document import Snapshot

_MAX_LINES = 200
_CLOSERS = (")", "]", "}")


def mended_place_at(snapshot: Snapshot, offset: int) -> Place:
    """Tell what stands open at an offset, without the brackets above that were never closed."""
    place = place_at(snapshot, offset)
    language = language_for(snapshot.language)
    if language.blocks != "indentation" or not place.frames:
        return place
    line = snapshot.index.line_of(offset)
    looked_at = -1  # the line above whose brackets were looked at last: all of a line are left open, or none
    for number, frame in enumerate(place.frames):
        if not frame.is_bracket:
            break
        above = snapshot.index.line_of(frame.offset)
        if above == looked_at:
            continue
        looked_at = above
        if above < line and _is_left_open(snapshot, above, line):
            if not _is_missing(snapshot, offset, place):
                return place
            rest = [other for other in place.frames[number:] if snapshot.index.line_of(other.offset) > above]
            return Place((*place.frames[:number], *_after(snapshot, rest, offset)))
    return place


def _after(snapshot: Snapshot, frames: list[Frame], offset: int) -> tuple[Frame, ...]:
    """Keep what was opened on the line of the offset, or is a string."""
    line = snapshot.index.line_of(offset)
    first = next((n for n, frame in enumerate(frames) if not frame.is_bracket), len(frames))
    kept = [frame for n, frame in enumerate(frames) if n >= first or snapshot.index.line_of(frame.offset) == line]
    return tuple(kept)


def _is_left_open(snapshot: Snapshot, above: int, line: int) -> bool:
    """Tell whether a line between looks like a statement of its own, or the opener's line like a whole header."""
    language = language_for(snapshot.language)
    opener_line = line_text(snapshot, above)
    if begins_header(opener_line, language) and code_of(snapshot, above).endswith(language.header_end):
        return True
    indent = columns(leading(opener_line))
    for between in range(above + 1, min(line + 1, above + _MAX_LINES)):
        text = line_text(snapshot, between)
        if text.strip() and columns(leading(text)) <= indent and not text.lstrip().startswith(_CLOSERS):
            return place_at(snapshot, snapshot.index.line_start(between)).where == "code"
    typed = line_text(snapshot, line)
    # A line that is indented as the opener's, with blank lines between, is where the next statement goes.
    return bool(typed) and not typed.strip() and line > above + 1 and columns(typed) <= indent


def _is_missing(snapshot: Snapshot, offset: int, place: Place) -> bool:
    """Tell whether the text lacks a closing bracket."""
    return bool(missing_closers(snapshot.text, offset, language_for(snapshot.language), place.frames))
