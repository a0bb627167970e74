"""What may stand in each of several holes, laid over one forward pass: the constraints of each at its own positions.

It knows logits, ids and which hole a position belongs to: not why something is forbidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.constraints import Constraints
from engine.denoise import Forward


def limited(forward: Forward, limits: Sequence[Constraints], hole_index: Tensor) -> Forward:
    """Return the forward pass with what each hole's limits rule out at -inf.

    Shapes: hole_index [B, L] int64, each position's hole from 0, -1 at fixed text; one limit for each hole.
    """
    anywhere = torch.stack([limit.anywhere for limit in limits])
    at_first = torch.stack([limit.at_first | limit.anywhere for limit in limits])
    is_one_rule = bool((anywhere == anywhere[0]).all())
    is_first = torch.ones_like(hole_index, dtype=torch.bool)
    is_first[:, 1:] = hole_index[:, 1:] != hole_index[:, :-1]

    def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        logits = forward(canvas_ids, open_mask, self_conditioning)
        hole, firsts = hole_index[open_mask], is_first[open_mask]
        possible = logits.masked_fill(anywhere[0] if is_one_rule else anywhere[hole], -torch.inf)
        possible[firsts] = possible[firsts].masked_fill(at_first[hole[firsts]], -torch.inf)
        return possible

    return run
