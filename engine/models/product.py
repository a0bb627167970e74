"""Products with a matrix that does not change, on a CPU: its weights laid out once as the processor's library wants.

`torch.nn.functional.linear` turns bfloat16 weights over for every product, which tells where rows are few. The library
keeps them turned through two operations that torch has for its compiler and does not promise to keep: where they are
missing, or say anything else, the plain product is taken.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_ROWS = 24  # how many rows a layout is made for; it serves others


class Product:
    """x [..., K] -> x @ weight.T [..., O] for a weight [O, K], in the type of both."""

    def __init__(self, weight: Tensor) -> None:
        laid_out = _laid_out(weight)
        self._weight, self._is_plain = (weight, True) if laid_out is None else (laid_out, False)

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply."""
        return F.linear(x, self._weight) if self._is_plain else _multiplied(x, self._weight)


def _multiplied(x: Tensor, laid_out: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, laid_out, None, "none", [], "")
    return product


def _laid_out(weight: Tensor) -> Tensor | None:
    """Return the weight in the library's own layout, or None where that is not to be had or multiplies otherwise."""
    if weight.dtype != torch.bfloat16 or weight.device.type != "cpu":
        return None
    try:
        laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        x = torch.linspace(-1, 1, 2 * weight.shape[1]).view(1, 2, -1).to(weight.dtype)
        is_same = torch.allclose(_multiplied(x, laid_out), F.linear(x, weight), rtol=0.02, atol=0.02)
    except (AttributeError, RuntimeError, TypeError):  # also what an operation says that is not implemented here
        return None
    return laid_out if is_same else None
