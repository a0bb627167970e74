"""Lay hole rows and the suffix head out on one canvas: pure functions of ids.

Rows of one canvas may differ in the width of their hole and in a first token that is given; together they are the
candidates of one fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate: how wide its hole is, the token it must begin with, if any, and its length, where it is known."""

    width: int
    first_id: int | None = None
    length: int | None = None


def lay_out(
    rows: Sequence[Row],
    suffix_ids: Sequence[int],
    canvas_tokens: int,
    pad_id: int,
    device: torch.device,
    filler_id: int | None = None,
) -> Canvas:
    """Return `[hole | suffix head | pad]` for each row: [B, canvas_tokens], everything but the hole known.

    Where a row's length is known, what the fill leaves of its width holds `filler_id`: noise that is never resolved,
    which is what a checkpoint sees there in training.
    """
    ids = torch.full((len(rows), canvas_tokens), pad_id, dtype=torch.int64)
    known = torch.ones_like(ids, dtype=torch.bool)
    for index, row in enumerate(rows):
        head = torch.tensor(list(suffix_ids[: canvas_tokens - row.width]), dtype=torch.int64)
        ids[index, row.width : row.width + len(head)] = head
        known[index, : row.width] = False
        if row.first_id is not None:
            ids[index, 0], known[index, 0] = row.first_id, True
        if row.length is not None:
            ids[index, row.length : row.width] = pad_id if filler_id is None else filler_id
            known[index, row.length : row.width] = True
    return Canvas(known_ids=ids.to(device), known=known.to(device))


def hole_ids(ids: Tensor, row: Row, slack_token_id: int | None) -> list[int]:
    """Return a row's fill: its hole [canvas_tokens] up to its known length or the first slack position."""
    filled: list[int] = ids[: row.width if row.length is None else row.length].tolist()
    if slack_token_id is None or slack_token_id not in filled:
        return filled
    return filled[: filled.index(slack_token_id)]
