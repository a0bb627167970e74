"""A checkpoint's causal encoder as a plain next-token model: one pass a token, keys and values kept.

The passes are the adapter's own, the same that a fill is made of. It knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.models.diffusion_gemma import DiffusionGemma, Prefix


def next_logits(adapter: DiffusionGemma, prefix: Prefix) -> Tensor:
    """Return the logits of the token after a prefix: [V] float32."""
    # A reading of one token needs no pass: the prefix's own last state predicts it.
    return adapter.autoregressive_logits(prefix, torch.zeros((1, 1), dtype=torch.int64, device=adapter.device))[0, 0]


def decode(adapter: DiffusionGemma, prefix_ids: Sequence[int], count: int) -> list[int]:
    """Write `count` tokens greedily after a prefix that is encoded anew."""
    adapter.forget_prefixes()
    prefix = adapter.prefill(prefix_ids)
    ids = [int(next_logits(adapter, prefix).argmax())]
    while len(ids) < count:
        prefix = adapter.extended(prefix, ids[-1:])
        ids.append(int(next_logits(adapter, prefix).argmax()))
    return ids
