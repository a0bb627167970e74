"""What is rewritten: a selection, and the lines in it that stay as they are.

A line stays that holds a comment with `infill: keep`, or that the user named. It knows no engine and no protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from infill_lsp.blocks.indentation import line_text
from infill_lsp.holes.hole import Hole, NoHole
from infill_lsp.holes.hole_in_selection import in_selection
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot

Span = tuple[int, int]

_KEEP = re.compile(r"\binfill:[ \t]*keep\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Region:
    """Code to rewrite: its range as a hole, and the spans in it, counted from its start, that stay as they are."""

    hole: Hole
    locked: tuple[Span, ...]

    def original(self, snapshot: Snapshot) -> str:
        """The code as it stands."""
        return snapshot.text[self.hole.start : self.hole.end]


def region_in(snapshot: Snapshot, start: int, end: int, keep: Iterable[Span] = ()) -> Region | NoHole:
    """Find what to rewrite of a selection; lines that the ranges of `keep` touch stay as they are."""
    if not snapshot.text[start:end].strip():
        return NoHole("nothing is selected")
    hole = in_selection(snapshot, start, end)
    if isinstance(hole, NoHole):
        return hole
    lines = {*_marked_lines(snapshot, hole), *_lines_of(snapshot, keep)}
    spans = [_line_span(snapshot, line, hole) for line in sorted(lines)]
    locked = joined((first - hole.start, last - hole.start) for first, last in spans if first < last)
    region = Region(hole, locked)
    if not without(region.original(snapshot), locked).strip():
        return NoHole("every selected line is to be kept")
    return region


def places_of(text: str, original: str, locked: Sequence[Span]) -> list[int] | None:
    """Find every locked span of the original in a rewriting, in order, and at the ends where it was there.

    None: one of them is gone.
    """
    places: list[int] = []
    reached = 0
    for start, end in locked:
        kept = original[start:end]
        place = text.find(kept, reached)
        if end == len(original):
            place = len(text) - len(kept) if text.endswith(kept) else -1
        if place < reached or (start == 0 and place > 0):
            return None
        places.append(place)
        reached = place + len(kept)
    return places


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Make one span of those that touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def without(text: str, spans: Sequence[Span]) -> str:
    """Give a text without some spans that are in order."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))


def _marked_lines(snapshot: Snapshot, hole: Hole) -> Iterator[int]:
    index = snapshot.index
    for line in range(index.line_of(hole.start), index.line_of(hole.end) + 1):
        for found in _KEEP.finditer(line_text(snapshot, line)):
            if place_at(snapshot, index.line_start(line) + found.start()).where == "comment":
                yield line


def _lines_of(snapshot: Snapshot, ranges: Iterable[Span]) -> Iterator[int]:
    for start, end in ranges:
        # A range that ends where a line begins does not touch that line.
        yield from range(snapshot.index.line_of(start), snapshot.index.line_of(max(start, end - 1)) + 1)


def _line_span(snapshot: Snapshot, line: int, hole: Hole) -> Span:
    """Give a line within the hole with the line breaks around it, so that nothing is joined to it."""
    index = snapshot.index
    start = index.line_end(line - 1) if line > 0 else 0
    end = index.line_start(line + 1) if line + 1 < index.num_lines else len(snapshot.text)
    return max(start, hole.start), min(end, hole.end)
