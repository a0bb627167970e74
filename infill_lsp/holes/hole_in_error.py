"""What does not parse, as a hole: the tree says where, and characters keep it within one statement.

A tree often blames half a file for one missing bracket, so a fault counts only where it begins or ends in the caret's
statement.
"""

from __future__ import annotations

from dataclasses import replace

from infill_lsp.blocks.indentation import leading, line_text, statement_line
from infill_lsp.blocks.near_snapshot import near_snapshot
from infill_lsp.holes.hole_in_selection import whole_words
from infill_lsp.holes.hole_kinds import Hole
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import missing_closers, place_at
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.syntax import SyntaxFault

_MAX_LINES = 20


def in_error(snapshot: Snapshot, offset: int) -> Hole | None:
    """Find the fault that the caret is in, or on its line a token that is missing."""
    if place_at(snapshot, offset).where != "code":
        return None
    if snapshot.tree is None and (near := near_snapshot(snapshot, offset)) is not None and near[0].tree is not None:
        small, shift = near
        found = in_error(small, offset - shift)
        return None if found is None else replace(found, start=found.start + shift, end=found.end + shift)
    if snapshot.tree is None or not snapshot.tree.has_faults:
        return None
    index, text = snapshot.index, snapshot.text
    first, last = statement_lines(snapshot, index.line_of(offset))
    start, end = index.line_start(first), index.line_end(last)
    start += len(leading(text[start:end]))
    fault = _fault(snapshot, offset, start, end)
    if fault is None:
        return None
    if fault.missing:
        indent = leading(line_text(snapshot, index.line_of(fault.start)))
        return Hole(fault.start, fault.start, "error", indent, False, f"`{fault.kind}` is missing")
    start, end = max(fault.start, start), min(fault.end, end)
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    start, end = whole_words(text, start, end)
    if start == end or place_at(snapshot, start).where != "code" or place_at(snapshot, end).where == "string":
        return None
    line = index.line_of(start)
    is_multiline = line != index.line_of(end)
    return Hole(
        start, end, "error", leading(line_text(snapshot, line)), is_multiline, "what stands here does not parse"
    )


def statement_lines(snapshot: Snapshot, line: int) -> tuple[int, int]:
    """Find the first and the last line of the statement that `line` belongs to."""
    index, language = snapshot.index, language_for(snapshot.language)
    first = last = line
    first = statement_line(snapshot, line)
    outer = {frame.offset for frame in place_at(snapshot, index.line_start(first)).frames}
    while last < min(first + _MAX_LINES, index.num_lines - 1):
        frames = place_at(snapshot, index.line_end(last)).frames
        opened = [frame for frame in frames if frame.offset not in outer]
        if (
            not opened
            or opened[-1].opener == "{"
            or missing_closers(snapshot.text, index.line_end(last), language, frames)
        ):
            break
        last += 1
    return first, max(last, line)


def _fault(snapshot: Snapshot, offset: int, start: int, end: int) -> SyntaxFault | None:
    """Choose the smallest fault around the caret, then the nearest missing token of its line."""
    assert snapshot.tree is not None
    line = snapshot.index.line_of(offset)
    around: list[SyntaxFault] = []
    missing: list[SyntaxFault] = []
    for fault in snapshot.tree.faults():
        if fault.missing:
            if snapshot.index.line_of(fault.start) == line:
                missing.append(fault)
        elif fault.start <= offset <= fault.end and (start <= fault.start or fault.end <= end):
            around.append(fault)
    if around:
        return min(around, key=lambda fault: fault.end - fault.start)
    return min(missing, key=lambda fault: abs(fault.start - offset), default=None)
