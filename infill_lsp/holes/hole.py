"""Where text is missing: a snapshot and a caret or a selection become a hole, or a reason why there is none.

A hole never takes text right of the caret, but for blanks at the line's end and a placeholder that the caret touches.
This room chooses among the others that find holes; it knows no engine and no protocol.
"""

from __future__ import annotations

from infill_lsp.blocks.broken import mended_place_at
from infill_lsp.blocks.indentation import leading, line_text
from infill_lsp.holes.hole_in_code import continues, empty_braces, on_blank_line, on_line
from infill_lsp.holes.hole_in_error import in_error
from infill_lsp.holes.hole_in_selection import in_selection
from infill_lsp.holes.hole_in_text import in_text
from infill_lsp.holes.hole_kinds import Hole, HoleKind, NoHole, is_word, lead, replaces_lines
from infill_lsp.holes.placeholder import empty_body_indent, placeholder_at, todo_at
from infill_lsp.reading.scan import CLOSER_OF
from infill_lsp.text.document import Snapshot

__all__ = ["Hole", "HoleKind", "NoHole", "hole_at", "hole_for_action", "hole_on_request", "lead", "replaces_lines"]

_MAX_OPEN = 200
_TOO_MANY = NoHole("more brackets are open here than any code has")
# So far back brackets are counted before they are read: reading that many takes longer than a keystroke may.
_CHARS_COUNTED, _MAX_SURPLUS = 20_000, 5_000
# What may stand right of the caret at the end of a line.
_CLOSING = frozenset(" \t)]},;")


def hole_at(
    snapshot: Snapshot, offset: int, *, explicit: bool = True, in_strings: bool = False, in_comments: bool = False
) -> Hole | NoHole:
    """Find the hole at a caret, as inline completion and `fill --at` ask for it.

    For a user who only types (`explicit` false), a placeholder is a hole only with the caret at its start: one that was
    typed just now is text that the user means. `in_strings` and `in_comments` say whether these are filled at all.
    """
    index = snapshot.index
    offset = min(max(offset, 0), len(snapshot.text))
    line = index.line_of(offset)
    start, end = index.line_start(line), index.line_end(line)
    offset = min(offset, end)
    if _is_flooded(snapshot.text, offset):
        return _TOO_MANY
    place = mended_place_at(snapshot, offset)
    if len(place.frames) > _MAX_OPEN:
        return _TOO_MANY
    if place.where != "code":
        if in_strings if place.where == "string" else in_comments:
            return in_text(snapshot, line, offset, place)
        return NoHole(f"the caret is in a {place.where}")
    if (found := placeholder_at(snapshot, offset)) is not None:
        if not explicit and offset != found.start:
            return NoHole("the placeholder is filled on request, or with the caret at its start")
        indent = leading(line_text(snapshot, line))
        return Hole(found.start, found.end, "placeholder", indent, found.whole_line, "a placeholder at the caret")
    before, after = snapshot.text[start:offset], snapshot.text[offset:end]
    if after and is_word(after[0]):
        return NoHole("a word begins right of the caret")
    if (inline := empty_braces(snapshot, line, offset, place)) is not None:
        return inline
    if not before.strip() and not continues(snapshot, line, place):
        return NoHole("text follows the caret") if after.strip() else on_blank_line(snapshot, line, offset, place)
    return on_line(snapshot, line, offset, place)


def hole_for_action(snapshot: Snapshot, start: int, end: int) -> Hole | NoHole:
    """Find what a code action may fill.

    That is the selection, or at a caret a placeholder, a TODO, an empty body or what does not parse.
    """
    start, end = sorted((min(max(start, 0), len(snapshot.text)), min(max(end, 0), len(snapshot.text))))
    if snapshot.text[start:end].strip() and not _is_block_caret(snapshot, start, end):
        return in_selection(snapshot, start, end)
    if _is_flooded(snapshot.text, start):
        return _TOO_MANY
    line = snapshot.index.line_of(start)
    indent = leading(line_text(snapshot, line))
    if (found := placeholder_at(snapshot, start)) is not None:
        return Hole(found.start, found.end, "placeholder", indent, found.whole_line, "a placeholder at the caret")
    if (found := todo_at(snapshot, start)) is not None:
        return Hole(found.start, found.end, "placeholder", indent, True, "a TODO that is the whole block")
    if (inner := empty_body_indent(snapshot, line)) is not None:
        line_end = snapshot.index.line_end(line)
        return Hole(line_end, line_end, "body", inner, True, "the block below is empty")
    place = mended_place_at(snapshot, start)
    if place.where == "code" and (inline := empty_braces(snapshot, line, start, place)) is not None:
        return inline
    if not line_text(snapshot, line).strip() and place.where == "code":
        hole = hole_at(snapshot, start)
        if isinstance(hole, Hole) and hole.kind == "body":
            return hole
    return in_error(snapshot, start) or NoHole("nothing to fill here")


def hole_on_request(snapshot: Snapshot, start: int, end: int) -> Hole | NoHole:
    """Find what to fill for a user who asks for it: at the end of a line that must go on, its rest; else the same.

    An editor that follows the caret offers no action for a line's rest, which ghost text shows.
    """
    start, end = sorted((start, end))
    found = hole_for_action(snapshot, start, end)
    is_certain = isinstance(found, Hole) and found.kind != "error"
    line_end = snapshot.index.line_end(snapshot.index.line_of(start))
    if is_certain or start != end or not set(snapshot.text[start:line_end]) <= _CLOSING:
        return found
    rest = hole_at(snapshot, start)
    return rest if isinstance(rest, Hole) else found


def _is_block_caret(snapshot: Snapshot, start: int, end: int) -> bool:
    """Tell whether one character of a placeholder is selected, the least that is where a caret is a block."""
    if end - start != 1 or _is_flooded(snapshot.text, start):
        return False
    found = placeholder_at(snapshot, start) or todo_at(snapshot, start)
    return found is not None and found.start <= start < found.end


def _is_flooded(text: str, offset: int) -> bool:
    """Tell whether far more brackets open than close right before an offset, wherever they stand."""
    start = max(offset - _CHARS_COUNTED, 0)
    surplus = sum(text.count(opener, start, offset) for opener in CLOSER_OF)
    if surplus > _MAX_SURPLUS:  # Hardly ever, and closers only make it less.
        surplus -= sum(text.count(closer, start, offset) for closer in CLOSER_OF.values())
    return surplus > _MAX_SURPLUS
