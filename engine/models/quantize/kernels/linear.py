"""The product with one quantised matrix, for so few rows that the weights' bytes are what it waits for."""

from __future__ import annotations

import triton
from torch import Tensor

from engine.models.quantize.kernels.shapes import dot_type, tile_for, weight_arguments
from engine.models.quantize.kernels.tile import multiply_tile
from engine.models.quantize.packing import Packed


def linear_kernel(x: Tensor, weight: Packed) -> Tensor:
    """Multiply: x [..., K], weight [O, K] -> [..., O] in the type of x."""
    num_out, num_columns = weight.shape
    rows = x.reshape(-1, num_columns).contiguous()
    num_rows = len(rows)
    out = rows.new_empty(num_rows, num_out)
    tile = tile_for("linear", num_rows)
    grid = (triton.cdiv(num_rows, tile.rows), triton.cdiv(num_out, tile.outs))
    multiply_tile[grid](
        x=rows,
        out=out,
        sorted_rows=rows,  # These three are not read.
        block_experts=rows,
        row_weights=rows,
        num_rows=num_rows,
        num_out=num_out,
        num_runs=num_columns // 64,
        CHOICES=1,
        SORTED=False,
        ACTIVATION=None,
        WEIGHTED=False,
        DOT=dot_type(x),
        BLOCK_ROWS=tile.rows,
        BLOCK_OUT=tile.outs,
        num_warps=tile.warps,
        num_stages=tile.stages,
        **weight_arguments(weight),
    )
    return out.view(*x.shape[:-1], num_out)
