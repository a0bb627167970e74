"""Products with quantised weights in plain PyTorch: what every kernel must equal, and what runs where there is none.

Letters: N tokens, H hidden size, E experts, k experts that a token goes to, I an expert's inner size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.quantize.packing import Packed

# A weight with more elements (an output head) is made whole in parts of so many: 128 MiB in float32.
_PART_WEIGHTS = 1 << 25


def reference_expert_product(
    hidden: Tensor,
    top_k_index: Tensor,
    top_k_weights: Tensor,
    gate_up: Packed,
    down: Packed,
    activation: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the weighted sum of each token's experts: [N, H] in the type of hidden.

    Shapes: hidden [N, H], top_k_index [N, k] int64 (E means none), top_k_weights [N, k], gate_up [E, 2 I, H] (gates
    before ups), down [E, H, I]. An expert's weights are made whole in the type of hidden, one expert at a time, and
    only if a token goes to it; sums are added in that type, expert by expert, as the published classes do.
    """
    total = torch.zeros_like(hidden)
    num_experts = gate_up.shape[0]
    for expert in torch.unique(top_k_index).tolist():
        if expert >= num_experts:
            continue
        tokens, choice = torch.where(top_k_index == expert)
        gate, up = F.linear(hidden[tokens], gate_up[expert].dequantized(hidden.dtype)).chunk(2, dim=-1)
        inner = activation(gate) * up
        outer = F.linear(inner, down[expert].dequantized(hidden.dtype)) * top_k_weights[tokens, choice, None]
        total.index_add_(0, tokens, outer.to(total.dtype))
    return total


def reference_linear(x: Tensor, weight: Packed, bias: Tensor | None = None) -> Tensor:
    """Multiply by a quantised weight: x [..., K], weight [O, K], bias [O] -> [..., O] in the type of x.

    The weight is rounded to the type of x, as the unquantised one would be.
    """
    parts = [F.linear(x, part.dequantized(x.dtype)) for part in row_parts(weight)]
    product = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
    return product if bias is None else product + bias.to(x.dtype)


def row_parts(weight: Packed, max_weights: int = _PART_WEIGHTS) -> Iterator[Packed]:
    """Cut a weight [O, K] along its rows into parts of at most so many weights, but one row at least."""
    num_rows, num_columns = weight.shape
    step = max(1, max_weights // num_columns)
    for first in range(0, num_rows, step):
        yield weight[first : first + step]
