"""What may stand in a hole, as masks over the vocabulary laid over a forward pass.

A hole on one line holds no line break; a hole that begins inside a token begins with what was typed of it. It knows
logits and ids: not why something is forbidden.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise import Forward


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """Tokens that are impossible: at every hole position, and at the first one. Both [V] bool, true = impossible."""

    anywhere: Tensor
    at_first: Tensor

    def over(self, forward: Forward) -> Forward:
        """Return the forward pass with impossible tokens at -inf."""

        def constrained(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
            logits = forward(canvas_ids, open_mask, self_conditioning)
            is_first = open_mask.nonzero()[:, 1] == 0
            impossible = self.anywhere | (is_first[:, None] & self.at_first)
            return logits.masked_fill(impossible, -torch.inf)

        return constrained


def constraints(
    vocab_size: int,
    device: torch.device,
    *,
    never: Collection[int] = (),
    first_ids: Collection[int] = (),
    never_first: Collection[int] = (),
) -> Constraints:
    """Build the masks: `never` anywhere; at the first position `first_ids` alone (empty: all), not `never_first`."""
    anywhere = torch.zeros(vocab_size, dtype=torch.bool)
    anywhere[list(never)] = True
    at_first = torch.full((vocab_size,), bool(first_ids))
    at_first[list(first_ids)] = False
    at_first[list(never_first)] = True
    if bool((anywhere | at_first).all()):  # Nothing could begin the hole: rather an odd seam than none.
        at_first = torch.zeros_like(at_first)
    return Constraints(anywhere.to(device), at_first.to(device))
