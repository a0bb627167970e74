"""Leave out experts that add exactly nothing.

The published layer always runs its mixture of experts. A small checkpoint that was trained without one has output
weights of zero there, and its norm maps zero to zero: routing, gathering and multiplying are for nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _NoRouter(nn.Module):
    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return hidden, hidden, hidden  # Nobody looks at them.


class _NoExperts(nn.Module):
    def forward(self, hidden: Tensor, *_: Tensor) -> Tensor:
        return torch.zeros_like(hidden)


def leave_out_idle_experts(model: Any) -> int:
    """Replace every mixture whose output weights are all zero; return how many there were. No result changes."""
    found = 0
    for layers in (model.model.decoder.layers, model.model.encoder.language_model.layers):
        for layer in layers:
            weights = getattr(layer.experts, "down_proj", None)
            if weights is None or bool(torch.count_nonzero(weights)):
                continue
            layer.router, layer.experts = _NoRouter(), _NoExperts()
            layer.pre_feedforward_layernorm_2 = layer.post_feedforward_layernorm_2 = nn.Identity()
            found += 1
    return found
