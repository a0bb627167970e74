"""Where a problem that somebody reported is mended: its words within its statement, or a hole where text is missing.

It reads where the problem lies and not what it says. It knows no engine and no protocol.
"""

from __future__ import annotations

from dataclasses import replace

from infill_lsp.actions.rewrite_region import Region
from infill_lsp.blocks.indentation import leading, line_text
from infill_lsp.holes.hole import Hole, NoHole
from infill_lsp.holes.hole_in_error import in_error, statement_lines
from infill_lsp.holes.hole_in_selection import whole_words
from infill_lsp.holes.hole_kinds import is_word
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot


def fix_at(snapshot: Snapshot, start: int, end: int) -> Hole | Region | NoHole:
    """Find what to fill or to rewrite for a problem in `[start, end)`: whole tokens, and at most its statement."""
    text, index = snapshot.text, snapshot.index
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    if place_at(snapshot, start).where != "code":
        return NoHole("the problem lies in a comment or a string")
    first, last = statement_lines(snapshot, index.line_of(start))
    code_start, code_end = index.line_start(first), index.line_end(last)
    code_start += len(leading(text[code_start:code_end]))
    code_end = code_start + len(text[code_start:code_end].rstrip())
    indent = leading(line_text(snapshot, first))
    has_faults = snapshot.tree is not None and snapshot.tree.has_faults
    if start == end and not is_word(text[start : start + 1]) and (has_faults or not _touches_word(text, start)):
        return Hole(start, start, "error" if has_faults else "expression", indent, False, "something is missing here")
    hole = in_error(snapshot, start) or (in_error(snapshot, end) if end <= code_end else None)
    if hole is not None:
        if hole.start == hole.end:
            return hole
        # What does not parse may begin within what was reported, or end there.
        start, end = min(hole.start, max(start, code_start)), max(hole.end, min(end, code_end))
        return replace(hole, start=start, end=end, multiline=index.line_of(start) != index.line_of(end))
    start, end = _whole_tokens(snapshot, start, end)
    start, end = max(start, code_start), min(end, code_end)
    if start >= end:
        return NoHole("there is no code where the problem lies")
    statement = Hole(code_start, code_end, "selection", indent, first != last, "the statement of a problem")
    ends = ((0, start - code_start), (end - code_start, code_end - code_start))
    return Region(statement, tuple(span for span in ends if span[0] < span[1]))


def _touches_word(text: str, offset: int) -> bool:
    return any(is_word(character) for character in text[max(offset - 1, 0) : offset + 1])


def _whole_tokens(snapshot: Snapshot, start: int, end: int) -> tuple[int, int]:
    """Widen a range to the tokens that it cuts, as the tree has them, else to whole words."""
    text = snapshot.text
    start, end = whole_words(text, start, end)
    if start == end:
        is_behind = start > 0 and is_word(text[start - 1])
        start, end = whole_words(text, start - is_behind, end + (not is_behind))
    if snapshot.tree is not None:
        for offset in (start, end):
            path = snapshot.tree.path_at(offset)
            if path and path[-1].start < offset < path[-1].end:
                start, end = min(start, path[-1].start), max(end, path[-1].end)
    return start, end
