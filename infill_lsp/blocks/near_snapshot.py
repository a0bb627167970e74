"""The items around a place of a large file as a small text with a tree, for when the file's own is not ready.

A tree of so little text takes a millisecond. It knows no hole; offsets in it are those of the file less a shift.
"""

from __future__ import annotations

from functools import lru_cache

from infill_lsp.blocks.indentation import leading, line_text, previous_line
from infill_lsp.blocks.near_items import lines_near, near_cuts
from infill_lsp.text.document import Document, Snapshot


def near_snapshot(snapshot: Snapshot, offset: int) -> tuple[Snapshot, int] | None:
    """Give the small text around an offset and where it begins in the file. None: no items are to be seen there."""
    return _of_line(snapshot, snapshot.index.line_of(offset))


@lru_cache(maxsize=2)
def _of_line(snapshot: Snapshot, line: int) -> tuple[Snapshot, int] | None:
    text, index = snapshot.text, snapshot.index
    start, end = index.line_start(line), index.line_end(line)
    above, below = lines_near(text, start, end)
    inked = line if line_text(snapshot, line).strip() else previous_line(snapshot, line)
    indent = "" if inked is None else leading(line_text(snapshot, inked))
    for cut in near_cuts(above, below, indent, snapshot.language):
        if above.endswith(cut.above) and below.startswith(cut.below):  # Others have a header put above them.
            first, last = start - len(cut.above), end + len(cut.below)
            document = Document(snapshot.uri, snapshot.version, text[first:last], snapshot.language)
            return document.snapshot(), first
    return None
