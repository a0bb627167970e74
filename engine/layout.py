"""Lay hole rows and the suffix head out on one canvas: pure functions of ids.

Rows of one canvas may differ in their holes and in a first token that is given; together they are the candidates of one
fill. A row is one hole, or several with fixed code between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.canvas import Canvas


@dataclass(frozen=True, slots=True)
class NextHole:
    """A hole right of another one: the fixed tokens between the two, at least one, and how wide it is."""

    between_ids: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate: how wide its hole is, the token it must begin with, if any, and its length, where it is known.

    Fixed tokens may stand left of the first hole and right of the last one.
    """

    width: int
    first_id: int | None = None
    length: int | None = None
    further: tuple[NextHole, ...] = ()
    lead_ids: tuple[int, ...] = ()
    tail_ids: tuple[int, ...] = ()

    @property
    def is_one_hole(self) -> bool:
        """Whether the row is one hole at the canvas's beginning, with the suffix head next."""
        return not (self.further or self.lead_ids or self.tail_ids)

    @property
    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where on the canvas each hole begins and ends."""
        start = len(self.lead_ids)
        yield start, start + self.width
        end = start + self.width
        for hole in self.further:
            start = end + len(hole.between_ids)
            end = start + hole.width
            yield start, end

    @property
    def num_tokens(self) -> int:
        """Return how many positions stand left of the suffix head."""
        between = sum(len(hole.between_ids) + hole.width for hole in self.further)
        return len(self.lead_ids) + self.width + between + len(self.tail_ids)


def lay_out(
    rows: Sequence[Row],
    suffix_ids: Sequence[int],
    canvas_tokens: int,
    pad_id: int,
    device: torch.device,
    filler_id: int | None = None,
) -> Canvas:
    """Return `[hole | suffix head | pad]` for each row: [B, canvas_tokens], everything but the holes known.

    Where a row's length is known, what the fill leaves of its width holds `filler_id`: noise that is never resolved,
    which is what a checkpoint sees there in training.
    Raises: ValueError when a row is wider than the canvas.
    """
    ids = torch.full((len(rows), canvas_tokens), pad_id, dtype=torch.int64)
    known = torch.ones_like(ids, dtype=torch.bool)
    hole_index = torch.full_like(ids, -1)
    for index, row in enumerate(rows):
        if row.num_tokens > canvas_tokens:
            raise ValueError(f"a row of {row.num_tokens} positions does not fit a canvas of {canvas_tokens}")
        fixed = _fixed_ids(row, suffix_ids)[:canvas_tokens]
        ids[index, : len(fixed)] = torch.tensor([pad_id if token is None else token for token in fixed])
        for hole, (start, end) in enumerate(row.spans):
            known[index, start:end] = False
            hole_index[index, start:end] = hole
        first = len(row.lead_ids)
        if row.first_id is not None:
            ids[index, first], known[index, first] = row.first_id, True
        if row.length is not None:
            ids[index, first + row.length : first + row.width] = pad_id if filler_id is None else filler_id
            known[index, first + row.length : first + row.width] = True
    is_plain = all(row.is_one_hole for row in rows)
    return Canvas(ids.to(device), known.to(device), hole_index=None if is_plain else hole_index.to(device))


def next_ids(rows: Sequence[Row], suffix_ids: Sequence[int], canvas_tokens: int, device: torch.device) -> Tensor:
    """Return the fixed token right of each position's hole: [B, canvas_tokens] int64, -1 where there is none."""
    follows = torch.full((len(rows), canvas_tokens), -1, dtype=torch.int64)
    for index, row in enumerate(rows):
        fixed = _fixed_ids(row, suffix_ids)
        for start, end in row.spans:
            if end < len(fixed):
                follows[index, start:end] = fixed[end] or 0
    return follows.to(device)


def holes_ids(ids: Tensor, row: Row, slack_token_id: int | None) -> list[list[int]]:
    """Return a row's fills of ids [canvas_tokens]: each hole up to its known length or its first slack position."""
    fills: list[list[int]] = []
    for start, end in row.spans:
        is_cut = row.length is not None and not fills
        filled: list[int] = ids[start : start + (row.length or 0) if is_cut else end].tolist()
        has_slack = slack_token_id is not None and slack_token_id in filled
        fills.append(filled[: filled.index(slack_token_id)] if has_slack and slack_token_id is not None else filled)
    return fills


def running_places(ids: Tensor, row: Row, slack_token_id: int | None) -> list[tuple[int, bool]]:
    """Return where on a canvas [canvas_tokens] a row's text stands, slack left out, and whether each token is given."""
    places: list[tuple[int, bool]] = []
    end = 0
    for (start, stop), fill in zip(row.spans, holes_ids(ids, row, slack_token_id), strict=True):
        places += [(place, True) for place in range(end, start)]
        is_begun = end == 0 and row.first_id is not None
        places += [(start + offset, is_begun and offset == 0) for offset in range(len(fill))]
        end = stop
    return [*places, *((place, True) for place in range(end, end + len(row.tail_ids)))]


def joined_ids(fills: Sequence[Sequence[int]], row: Row) -> list[int]:
    """Return a row as running text: its fills with the fixed tokens around and between them."""
    joined = [*row.lead_ids, *fills[0]]
    for hole, fill in zip(row.further, fills[1:], strict=True):
        joined += [*hole.between_ids, *fill]
    return [*joined, *row.tail_ids]


def _fixed_ids(row: Row, suffix_ids: Sequence[int]) -> list[int | None]:
    """Return what stands on a row's canvas, suffix included; None where a hole is."""
    fixed: list[int | None] = [*row.lead_ids, *[None] * row.width]
    for hole in row.further:
        fixed += [*hole.between_ids, *[None] * hole.width]
    return [*fixed, *row.tail_ids, *suffix_ids]
