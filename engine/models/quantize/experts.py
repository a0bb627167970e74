"""Fused experts on quantised weights, with the interface of the module that they replace.

It knows the published layout of fused experts. Where the product is computed is chosen in
`engine.models.quantize.product`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from engine.models.quantize.product import expert_product
from engine.models.quantize.weight import QuantWeight


class QuantExperts(nn.Module):
    """Stands for a module with `gate_up_proj` [E, 2 I, H] and `down_proj` [E, H, I]."""

    def __init__(self, gate_up: QuantWeight, down: QuantWeight, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.gate_up_proj, self.down_proj = gate_up, down
        self.num_experts, self.hidden_dim, self.intermediate_dim = down.shape
        self.act_fn = activation

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """Return the weighted sum of each token's experts: hidden_states [N, H], the others [N, k] -> [N, H]."""
        return expert_product(
            hidden_states,
            top_k_index,
            top_k_weights,
            self.gate_up_proj.packed,
            self.down_proj.packed,
            self.act_fn,
        )


def are_fused_experts(module: Any) -> bool:
    """Tell whether a module is fused experts in the layout that `QuantExperts` stands for: gated, and without bias."""
    gate_up, down = getattr(module, "gate_up_proj", None), getattr(module, "down_proj", None)
    if not isinstance(gate_up, nn.Parameter) or not isinstance(down, nn.Parameter):
        return False
    if gate_up.ndim != 3 or down.ndim != 3 or not callable(getattr(module, "act_fn", None)):
        return False
    has_bias = any(name.endswith("bias") for name, _ in module.named_parameters(recurse=False))
    num_experts, hidden, inner = down.shape
    return gate_up.shape == (num_experts, 2 * inner, hidden) and not has_bias
