"""Make a quantised matrix whole in one pass over it, for so many rows that a library multiplies faster."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.models.quantize.kernels.shapes import weight_arguments
from engine.models.quantize.kernels.tile import run_of_weights
from engine.models.quantize.packing import Packed

_ROWS = 64


@triton.jit
def _write_weights(
    codes: tl.tensor,
    scales: tl.tensor,
    zeros: tl.tensor,
    out: tl.tensor,
    num_rows: tl.tensor,
    num_columns: tl.tensor,
    row_bytes: tl.tensor,
    row_scales: tl.tensor,
    BITS: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Program (block of rows, run): its weights into out [num_rows, num_columns]."""
    row = (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)).to(tl.int64)
    run = tl.program_id(1)
    inside = tl.minimum(row, num_rows - 1)  # A row too many reads the last one's codes, and is not written.
    low, high = run_of_weights(codes, scales, zeros, inside, run, row_bytes, row_scales, BITS, GROUP)
    places = out + row[:, None] * num_columns + run * 64 + tl.arange(0, 32)[None, :]
    is_row = (row < num_rows)[:, None]
    tl.store(places, low.to(out.dtype.element_ty), mask=is_row)
    tl.store(places + 32, high.to(out.dtype.element_ty), mask=is_row)


def whole_weight(weight: Packed, dtype: torch.dtype) -> Tensor:
    """Return the weight that the codes stand for: [..., O, K] in a type, as `Packed.dequantized` does."""
    out = torch.empty(weight.shape, dtype=dtype, device=weight.codes.device)
    num_columns = weight.shape[-1]
    num_rows = out.numel() // num_columns
    grid = (triton.cdiv(num_rows, _ROWS), num_columns // 64)
    arguments = weight_arguments(weight)
    _write_weights[grid](out=out, num_rows=num_rows, num_columns=num_columns, BLOCK=_ROWS, **arguments)
    return out
