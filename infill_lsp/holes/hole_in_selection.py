"""A selection as a hole: without the blanks around it, and no half words."""

from __future__ import annotations

from infill_lsp.blocks.indentation import leading, line_text
from infill_lsp.holes.hole_kinds import Hole, NoHole, is_word
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot


def in_selection(snapshot: Snapshot, start: int, end: int) -> Hole | NoHole:
    """Trim a selection to what is not blank, widen it to whole words, and make it a hole."""
    text, index = snapshot.text, snapshot.index
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    start, end = whole_words(text, start, end)
    if place_at(snapshot, start).where != "code":
        return NoHole("the selection begins in a comment or a string")
    if place_at(snapshot, end).where == "string":
        return NoHole("the selection ends in a string")
    first, last = index.line_of(start), index.line_of(end)
    whole = not text[index.line_start(first) : start].strip() and not text[end : index.line_end(last)].strip()
    indent = leading(line_text(snapshot, first))
    return Hole(start, end, "selection", indent, whole or first != last, "the selection")


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a range that begins or ends within a word."""
    while start > 0 and start < len(text) and is_word(text[start]) and is_word(text[start - 1]):
        start -= 1
    while 0 < end < len(text) and is_word(text[end - 1]) and is_word(text[end]):
        end += 1
    return start, end
