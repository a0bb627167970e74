"""Sort rows by expert into blocks of one expert each, on the device and without waiting for it.

How many blocks there are depends on the routing; how many there may be does not, and so many are made. Those that are
not needed have no expert. The order is the rows' own within an expert, so results do not vary from run to run.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_CHUNK = 1024  # expert numbers that are read at once


@triton.jit(do_not_specialize=["num_rows"])
def _count(experts: tl.tensor, counts: tl.tensor, num_rows: tl.tensor, CHUNK: tl.constexpr) -> None:
    """Program e: how many of `experts` [num_rows] are e."""
    expert = tl.program_id(0)
    found = tl.zeros((CHUNK,), dtype=tl.int32)
    for first in range(0, num_rows, CHUNK):
        row = first + tl.arange(0, CHUNK)
        found += (tl.load(experts + row, mask=row < num_rows, other=-1) == expert).to(tl.int32)
    tl.store(counts + expert, tl.sum(found, axis=0))


@triton.jit(do_not_specialize=["num_rows", "max_blocks"])
def _place(
    experts: tl.tensor,
    counts: tl.tensor,
    sorted_rows: tl.tensor,
    block_experts: tl.tensor,
    num_rows: tl.tensor,
    max_blocks: tl.tensor,
    num_experts: tl.constexpr,
    EXPERTS: tl.constexpr,
    BLOCK: tl.constexpr,
    CHUNK: tl.constexpr,
) -> None:
    """Program e: its rows into its blocks. The program after the last expert's marks the blocks that nobody needs."""
    expert = tl.program_id(0)
    each = tl.arange(0, EXPERTS)
    count_of = tl.load(counts + each, mask=each < num_experts, other=0)
    blocks_of = (count_of + BLOCK - 1) // BLOCK
    first_block = tl.sum(tl.where(each < expert, blocks_of, 0), axis=0)
    count = tl.sum(tl.where(each == expert, count_of, 0), axis=0)
    is_last = expert == num_experts
    num_blocks = tl.where(is_last, max_blocks - first_block, (count + BLOCK - 1) // BLOCK)
    name = tl.where(is_last, -1, expert)
    for block in range(0, num_blocks, CHUNK):
        place = block + tl.arange(0, CHUNK)
        tl.store(block_experts + first_block + place, tl.zeros((CHUNK,), tl.int32) + name, mask=place < num_blocks)
    if is_last:
        return
    start = first_block * BLOCK
    placed = count * 0
    for first in range(0, num_rows, CHUNK):
        row = first + tl.arange(0, CHUNK)
        mine = (tl.load(experts + row, mask=row < num_rows, other=-1) == expert).to(tl.int32)
        place = placed + tl.cumsum(mine, axis=0) - 1
        tl.store(sorted_rows + start + place, row, mask=mine > 0)
        placed += tl.sum(mine, axis=0)
    rest = count + tl.arange(0, BLOCK)
    tl.store(sorted_rows + start + rest, tl.zeros((BLOCK,), tl.int32) + num_rows, mask=rest < num_blocks * BLOCK)


def max_blocks(num_rows: int, num_experts: int, block: int) -> int:
    """Return how many blocks rows may need at most, however they are routed."""
    spread = min(num_rows, num_experts)  # Each of so many experts begins a block with its first row.
    return spread + (num_rows - spread) // block


def rows_by_expert(experts: Tensor, num_experts: int, block: int) -> tuple[Tensor, Tensor]:
    """Sort rows by their expert: experts [R] of 0..E -> rows [B * block] int32, experts of blocks [B] int32.

    A row of expert E belongs to nobody and is left out. Blocks are filled up with row R; a block that is not needed is
    of expert -1 and its rows are not written. `block` is a power of two; B is `max_blocks`.
    """
    num_rows = experts.numel()
    num_blocks = max_blocks(num_rows, num_experts, block)
    like: dict[str, Any] = {"dtype": torch.int32, "device": experts.device}
    counts = torch.empty(num_experts, **like)
    sorted_rows = torch.empty(num_blocks * block, **like)
    block_experts = torch.empty(num_blocks, **like)
    _count[(num_experts,)](experts, counts, num_rows, CHUNK=_CHUNK)
    _place[(num_experts + 1,)](
        experts,
        counts,
        sorted_rows,
        block_experts,
        num_rows,
        num_blocks,
        num_experts,
        EXPERTS=triton.next_power_of_2(num_experts),
        BLOCK=block,
        CHUNK=_CHUNK,
    )
    return sorted_rows, block_experts
