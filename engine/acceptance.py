"""Which positions a denoising step keeps.

Knows entropies and masks: no logits, no tokens, no model.
"""

from __future__ import annotations

import torch
from torch import Tensor


def accept(
    entropy: Tensor, candidates: Tensor, entropy_bound: float | Tensor, at_least: Tensor | None = None
) -> Tensor:
    """Choose the positions to keep after this denoising step.

    Candidates are taken from lowest entropy up while the summed entropy of those already taken is within the bound
    (nats), so every row with a candidate makes progress: its first one is always taken.
    `at_least` takes that many of them whatever their entropy.

    Shapes: entropy [B, L] float32, candidates [B, L] bool, at_least [B] int64 -> [B, L] bool (new tensor), a subset of
    the candidates.
    Source: entropy-bounded unmasking, arXiv 2505.24857. Differs: positions that are not candidates take no part in the
    sum, and a floor can be set.
    """
    ranked_entropy, ranking = entropy.masked_fill(~candidates, torch.inf).sort(dim=-1, stable=True)
    # The sum is that of the lower ranks alone; past the candidates it is inf - inf, which no bound holds.
    taken = ranked_entropy.cumsum(dim=-1) - ranked_entropy <= entropy_bound
    if at_least is not None:
        rank = torch.arange(entropy.shape[-1], device=entropy.device)
        taken = taken | (rank < at_least[:, None])
    return torch.zeros_like(taken).scatter(-1, ranking, taken) & candidates
