"""When a row of the canvas is done: its draft no longer changes and the model is sure of it.

Knows drafts and entropies of free positions; known positions are for the caller to leave out.
"""

from __future__ import annotations

from torch import Tensor


def count_unchanged(unchanged: Tensor, previous_ids: Tensor, argmax_ids: Tensor) -> Tensor:
    """Return for how many steps in a row each draft has been the same as the one before it.

    Shapes: unchanged [B] int64, the count after the previous step; previous_ids, argmax_ids [B, L] -> [B] int64.
    """
    return (unchanged + 1) * (previous_ids == argmax_ids).all(dim=-1)


def is_confident(entropy: Tensor, counted: Tensor, confidence_threshold: float | Tensor) -> Tensor:
    """Tell which rows have a mean entropy (nats) over the counted positions below the threshold.

    Shapes: entropy [B, L] float32, counted [B, L] bool -> [B] bool; a row with nothing to count is confident.
    """
    num_counted = counted.sum(dim=-1).clamp(min=1)
    return (entropy * counted).sum(dim=-1) / num_counted < confidence_threshold
