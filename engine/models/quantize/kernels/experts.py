"""The product with quantised experts: sort, gates and ups and activation, down, and the sum over a token's experts.

Letters: N tokens, H hidden size, E experts, k experts that a token goes to, I an expert's inner size.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.models.quantize.kernels.align import rows_by_expert
from engine.models.quantize.kernels.shapes import Tile, dot_type, tile_for, weight_arguments
from engine.models.quantize.kernels.tile import multiply_tile
from engine.models.quantize.packing import Packed

# More tokens than this go through in parts: N k rows of H are alive, 185 MB in bfloat16 for 4,096 x 8 rows of 2,816.
# Each part reads the experts again, about 0.4 ms of a layer's 2.5 ms or more of multiplying on an RTX 4090.
_MAX_TOKENS = 4096
_SUM_BLOCK = 512


@triton.jit
def _sum_choices(
    rows: tl.tensor,
    experts: tl.tensor,
    out: tl.tensor,
    num_columns: tl.tensor,
    num_experts: tl.tensor,
    CHOICES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """Program (token, block of columns): the sum of the token's rows, in their order, but those of no expert."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for choice in tl.static_range(CHOICES):
        row = token * CHOICES + choice
        mask = (column < num_columns) & (tl.load(experts + row) < num_experts)
        total += tl.load(rows + row * num_columns + column, mask=mask, other=0.0).to(tl.float32)
    tl.store(out + token * num_columns + column, total.to(out.dtype.element_ty), mask=column < num_columns)


def expert_kernels(
    hidden: Tensor, top_k_index: Tensor, top_k_weights: Tensor, gate_up: Packed, down: Packed, activation: str
) -> Tensor:
    """Return the weighted sum of each token's experts: shapes as `reference_expert_product`, hidden [N, H] -> [N, H].

    `activation` is "gelu_tanh" or "silu". Gates, ups and their product are float32 until they are one number, which is
    rounded to the type of hidden; the reference rounds each. Sums over a token's experts are float32, too.
    """
    hidden, index, weights = hidden.contiguous(), top_k_index.contiguous(), top_k_weights.contiguous()
    total = torch.empty_like(hidden)
    for first in range(0, len(hidden), _MAX_TOKENS):
        part = slice(first, first + _MAX_TOKENS)
        _part(hidden[part], index[part], weights[part], gate_up, down, activation, total[part])
    return total


def _part(
    hidden: Tensor, index: Tensor, weights: Tensor, gate_up: Packed, down: Packed, activation: str, total: Tensor
) -> None:
    num_experts, num_hidden, num_inner = down.shape
    num_tokens, num_choices = index.shape
    num_rows = index.numel()
    per_expert = triton.cdiv(num_rows, num_experts)
    gated, plain = tile_for("gated", per_expert), tile_for("plain", per_expert)
    if gated.rows != plain.rows:
        raise ValueError(f"both products share blocks of rows, of {gated.rows} and {plain.rows} here")
    sorted_rows, block_experts = rows_by_expert(index, num_experts, gated.rows)
    inner = hidden.new_empty(num_rows, num_inner)
    outer = hidden.new_empty(num_rows, num_hidden)
    blocks = (sorted_rows, block_experts)
    _multiply(hidden, gate_up, inner, weights, blocks, gated, num_choices, activation, is_weighted=False)
    _multiply(inner, down, outer, weights, blocks, plain, 1, None, is_weighted=True)
    grid = (num_tokens, triton.cdiv(num_hidden, _SUM_BLOCK))
    _sum_choices[grid](outer, index, total, num_hidden, num_experts, CHOICES=num_choices, BLOCK=_SUM_BLOCK)


def _multiply(
    x: Tensor,
    weight: Packed,
    out: Tensor,
    row_weights: Tensor,
    blocks: tuple[Tensor, Tensor],
    tile: Tile,
    choices: int,
    activation: str | None,
    *,
    is_weighted: bool,
) -> None:
    num_rows, num_out = out.shape
    # Blocks of rows go first, so that those of one expert run at a time and read its weights from memory once.
    grid = (len(blocks[1]), triton.cdiv(num_out, tile.outs))
    multiply_tile[grid](
        x=x,
        out=out,
        sorted_rows=blocks[0],
        block_experts=blocks[1],
        row_weights=row_weights,
        num_rows=num_rows,
        num_out=num_out,
        num_runs=x.shape[-1] // 64,
        CHOICES=choices,
        SORTED=True,
        ACTIVATION=activation,
        WEIGHTED=is_weighted,
        DOT=dot_type(x),
        BLOCK_ROWS=tile.rows,
        BLOCK_OUT=tile.outs,
        num_warps=tile.warps,
        num_stages=tile.stages,
        **weight_arguments(weight),
    )
