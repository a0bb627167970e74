"""Choose where a product with quantised weights is computed: by a kernel on a CUDA device, else in plain PyTorch.

What is chosen depends on types, shapes and the device alone, never on values, and the kernels' way does not wait for
the device: a CUDA graph can capture it. It knows no model.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.quantize.packing import Packed
from engine.models.quantize.reference import reference_expert_product, reference_linear, row_parts

# From so many rows on a linear layer's weight is made whole in the type of x, and multiplied by the vendor's library.
# With M rows a weight costs 2 M operations. Made whole it costs one byte read, two written and two read again besides,
# some 5 bytes; but the library runs at about .85 of the card's matrix rate and our kernel, which makes the weights anew
# for every 128 rows, at perhaps .5. At 165 TFLOP/s and 1 TB/s (RTX 4090) the ways meet where
# 2 M / (.5 R) = 2 M / (.85 R) + 5 / B: near 500 rows, and near 600 at 800 TFLOP/s and 4.3 TB/s (H200). An estimate on
# paper, to be replaced by what `python -m benchmarks.gpu` measures.
WHOLE_ROWS = 512
_FUSED = {"GELUTanh": "gelu_tanh", "PytorchGELUTanh": "gelu_tanh", "SiLU": "silu", "SiLUActivation": "silu"}


def expert_product(
    hidden: Tensor,
    top_k_index: Tensor,
    top_k_weights: Tensor,
    gate_up: Packed,
    down: Packed,
    activation: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the weighted sum of each token's experts: shapes as `reference_expert_product`, -> [N, H]."""
    fused = fused_activation(activation)
    if fused is None or not _has_kernel(hidden, gate_up, down):
        return reference_expert_product(hidden, top_k_index, top_k_weights, gate_up, down, activation)
    from engine.models.quantize.kernels.experts import expert_kernels

    return expert_kernels(hidden, top_k_index, top_k_weights, gate_up, down, fused)


def linear_product(x: Tensor, weight: Packed, bias: Tensor | None = None) -> Tensor:
    """Multiply by a quantised weight: x [..., K], weight [O, K], bias [O] -> [..., O] in the type of x."""
    if not _has_kernel(x, weight):
        return reference_linear(x, weight, bias)
    from engine.models.quantize.kernels.linear import linear_kernel

    num_rows = x.numel() // x.shape[-1]
    if num_rows < WHOLE_ROWS:
        product = linear_kernel(x, weight)
    else:
        parts = [F.linear(x, made_whole(part, x)) for part in row_parts(weight)]
        product = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
    return product if bias is None else product + bias.to(x.dtype)


def made_whole(weight: Packed, x: Tensor) -> Tensor:
    """Return the weight that the codes stand for, in the type of an x that it is multiplied with."""
    if not _has_kernel(x, weight):
        return weight.dequantized(x.dtype)
    from engine.models.quantize.kernels.whole import whole_weight

    return whole_weight(weight, x.dtype)


def fused_activation(activation: Callable[[Tensor], Tensor]) -> str | None:
    """Return the name by which the kernels know an activation, or None where they do not know it."""
    if isinstance(activation, nn.GELU):
        return "gelu_tanh" if activation.approximate == "tanh" else None
    return _FUSED.get(type(activation).__name__)


def fits_kernels(weight: Packed) -> bool:
    """Tell whether the kernels read this weight: rows are whole runs of 64, in groups of 16, of 32 or of whole runs.

    Scales and zeros are read as words of 32 bits, which a part of a weight may not fill or not begin with.
    """
    others = [(weight.scales, 2)] if weight.zeros is None else [(weight.scales, 2), (weight.zeros, 4)]
    are_words = all(t.numel() % n == 0 and t.storage_offset() % n == 0 and t.is_contiguous() for t, n in others)
    has_runs = weight.shape[-1] % 64 == 0 and (weight.group in (16, 32) or weight.group % 64 == 0)
    return has_runs and are_words and weight.codes.is_contiguous()


def _has_kernel(x: Tensor, *weights: Packed) -> bool:
    if not x.is_cuda or x.dtype not in (torch.bfloat16, torch.float16) or not x.numel():
        return False
    return _device_runs_triton(x.device) and all(fits_kernels(weight) for weight in weights)


@cache
def _device_runs_triton(device: Any) -> bool:
    """Tell whether triton is there and the card multiplies bfloat16 (Ampere and later)."""
    return importlib.util.find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= (8, 0)
