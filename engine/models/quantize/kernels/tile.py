"""One kernel for every product with packed codes: `out[row, o] = sum over k of weight[expert of row, o, k] x[row, k]`.

A program makes one tile of the output. It goes along K in runs of 64 columns, reads a run of codes as two halves of 32
columns (see `engine.models.quantize.packing`), makes weights of them in registers and multiplies by as many inputs.
The weights are the left operand, so that few rows (4 an expert is common) waste little of a matrix instruction, and so
that the weights go from registers into it. Sums are float32. It knows no model, and no expert but by its number.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit
def _half(word: tl.tensor) -> Any:
    """Return the float16 in the low bits of int32, as float32."""
    return (word & 0xFFFF).to(tl.uint16).to(tl.float16, bitcast=True).to(tl.float32)


@triton.jit
def _zero(word: tl.tensor) -> Any:
    """Return the zero in the low byte of int32, in codes, with the 136 that a code of 4 bits begins at."""
    return (word & 255).to(tl.float32) * 0.0625 + 136.0


@triton.jit
def _by_half(first: tl.tensor, second: tl.tensor) -> Any:
    """Return [rows, 32]: one value [rows] in the first 16 columns, another in the last."""
    return tl.where(tl.arange(0, 32)[None, :] < 16, first[:, None], second[:, None])


@triton.jit
def run_of_weights(
    codes: tl.tensor,
    scales: tl.tensor,
    zeros: tl.tensor,
    rows: tl.tensor,
    run: tl.tensor,
    row_bytes: tl.tensor,
    row_scales: tl.tensor,
    BITS: tl.constexpr,
    GROUP: tl.constexpr,
) -> Any:
    """Return two halves [rows, 32] float32 of a run's weights: of its first 32 columns, and of its last 32.

    codes: uint8, `row_bytes` a row; at 8 bits they are int8. `row_scales` scales (and zeros, at 4 bits) a row; both are
    read as int32, of two scales or four zeros, as loads of fewer bytes are not made ahead of their use. rows: int64.

    A code becomes a float by its bits: added to the mantissa's last places of 136 (4 bits) or of 32896 (8 bits), it
    needs no conversion, which is slow; what that adds is taken off again. All of it is exact in float32, so that the
    weights are the reference's, bit for bit.
    """
    at = rows * row_scales + run * 64 // GROUP
    pair = tl.load(scales + (at >> 1))
    if GROUP == 16:  # A run has two words of its own.
        scale_low = _by_half(_half(pair), _half(pair >> 16))
        pair = tl.load(scales + (at >> 1) + 1)
        scale_high = _by_half(_half(pair), _half(pair >> 16))
    elif GROUP == 32:  # A run has a word of its own.
        scale_low = _half(pair)[:, None]
        scale_high = _half(pair >> 16)[:, None]
    else:
        scale_low = _half(pair >> ((at & 1) * 16).to(tl.int32))[:, None]
        scale_high = scale_low
    start = codes + rows[:, None] * row_bytes + tl.arange(0, 32)[None, :]
    if BITS == 4:
        four = tl.load(zeros + (at >> 2)) >> ((at & 3) * 8).to(tl.int32)
        zero_low = _zero(four)[:, None]
        zero_high = zero_low
        if GROUP == 16:
            zero_low = _by_half(_zero(four), _zero(four >> 8))
            zero_high = _by_half(_zero(four >> 16), _zero(four >> 24))
        elif GROUP == 32:
            zero_high = _zero(four >> 8)[:, None]
        both = tl.load(start + run * 32).to(tl.int32)
        low = ((both & 15) * 65536 + 0x43080000).to(tl.float32, bitcast=True)
        high = ((both & 240) * 4096 + 0x43080000).to(tl.float32, bitcast=True)
        # The compiler makes one instruction of it: the product of the zero is the same for all columns.
        low = low * scale_low - zero_low * scale_low
        high = high * scale_high - zero_high * scale_high
    else:
        # A product with 32768 has too many places to be exact, so it is taken off first.
        low = tl.load(start + run * 64).to(tl.int8, bitcast=True).to(tl.int32) * 256 + 0x47008000
        high = tl.load(start + run * 64 + 32).to(tl.int8, bitcast=True).to(tl.int32) * 256 + 0x47008000
        low = (low.to(tl.float32, bitcast=True) - 32896.0) * scale_low
        high = (high.to(tl.float32, bitcast=True) - 32896.0) * scale_high
    return low, high


@triton.jit
def activated(x: tl.tensor, ACTIVATION: tl.constexpr) -> Any:
    """Return the activation of float32 values. GELU's tanh is written as a sigmoid."""
    if ACTIVATION == "gelu_tanh":
        return x * tl.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))
    return x * tl.sigmoid(x)


@triton.jit(do_not_specialize=["num_rows"])
def multiply_tile(
    x: tl.tensor,
    codes: tl.tensor,
    scales: tl.tensor,
    zeros: tl.tensor,
    out: tl.tensor,
    sorted_rows: tl.tensor,
    block_experts: tl.tensor,
    row_weights: tl.tensor,
    num_rows: tl.tensor,
    num_out: tl.tensor,
    num_runs: tl.tensor,
    row_bytes: tl.tensor,
    row_scales: tl.tensor,
    CHOICES: tl.constexpr,
    BITS: tl.constexpr,
    GROUP: tl.constexpr,
    SORTED: tl.constexpr,
    ACTIVATION: tl.constexpr,
    WEIGHTED: tl.constexpr,
    DOT: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
) -> None:
    """Make the tile [BLOCK_ROWS, BLOCK_OUT] of out [num_rows, num_out], at program (block of rows, block of out).

    x: [num_rows / CHOICES, 64 num_runs], a row of it for each CHOICES rows of out; `num_out` rows of weights an expert,
    or 2 num_out (gates before ups) with an ACTIVATION. SORTED: block i is of expert `block_experts[i]` (negative: no
    such block) and its rows are `sorted_rows[i * BLOCK_ROWS ...]`, `num_rows` where there is none; else rows are in
    order and there is one expert. WEIGHTED: rows are multiplied by `row_weights`. DOT is the type that is multiplied:
    that of x, but float32 where kernels are interpreted, which know no bfloat16 arithmetic; weights are rounded to the
    type of x either way.
    """
    block = tl.program_id(0)
    slots = block * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    expert = block * 0
    if SORTED:
        expert = tl.load(block_experts + block)
        if expert < 0:
            return
        slots = tl.load(sorted_rows + slots)
    is_row = slots < num_rows
    x_rows = (slots // CHOICES).to(tl.int64)
    num_columns = num_runs * 64
    inputs = x + x_rows[None, :] * num_columns + tl.arange(0, 32)[:, None]

    outs = tl.program_id(1) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    if ACTIVATION is None:
        rows = tl.minimum(outs, num_out - 1) + expert.to(tl.int64) * num_out
    else:
        # The tile's gates, then its ups.
        lane = tl.arange(0, 2 * BLOCK_OUT)
        row = tl.minimum(tl.program_id(1) * BLOCK_OUT + lane % BLOCK_OUT, num_out - 1)
        rows = row + (lane // BLOCK_OUT) * num_out + expert.to(tl.int64) * (2 * num_out)

    total = tl.zeros((BLOCK_OUT if ACTIVATION is None else 2 * BLOCK_OUT, BLOCK_ROWS), dtype=tl.float32)
    for run in range(num_runs):
        low, high = run_of_weights(codes, scales, zeros, rows, run, row_bytes, row_scales, BITS, GROUP)
        x_low = tl.load(inputs + run * 64, mask=is_row[None, :], other=0.0)
        x_high = tl.load(inputs + run * 64 + 32, mask=is_row[None, :], other=0.0)
        low = low.to(x.dtype.element_ty).to(DOT)
        high = high.to(x.dtype.element_ty).to(DOT)
        total = tl.dot(low, x_low.to(DOT), total, input_precision="ieee")
        total = tl.dot(high, x_high.to(DOT), total, input_precision="ieee")

    if ACTIVATION is None:
        result = total
    else:
        gate, up = tl.split(tl.permute(tl.reshape(total, (2, BLOCK_OUT, BLOCK_ROWS)), (1, 2, 0)))
        result = activated(gate, ACTIVATION) * up
    if WEIGHTED:
        result *= tl.load(row_weights + slots, mask=is_row, other=0.0).to(tl.float32)[None, :]
    places = out + slots.to(tl.int64)[None, :] * num_out + outs[:, None]
    tl.store(places, result.to(out.dtype.element_ty), mask=is_row[None, :] & (outs < num_out)[:, None])
