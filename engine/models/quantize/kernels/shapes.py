"""How large a tile is for how many rows, and which codes go into a kernel as what. Plain numbers; no kernel is here.

The sizes are reasoned, not measured, and fixed: nothing is tuned while somebody waits. `tuned` puts others in their
place, for a benchmark that has measured some.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.models.quantize.packing import Packed


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows and outputs of one program's tile (powers of two, 16 or more), its warps and its loads in flight."""

    rows: int
    outs: int
    warps: int
    stages: int


# By the rows that an expert (or a linear layer) has on average, up to so many. What has few rows waits for weights:
# many programs with many loads in flight. What has many rows multiplies: large tiles, weights made anew less often.
# An expert has few rows more or fewer than the average, so a tile is as high as about twice the average: most experts
# then need one block, and their weights are made once. 128 rows of weights in four warps (64 gates and 64 ups are 128,
# too) is what the compiler multiplies from registers; fewer go through shared memory first.
_GATED = ((8, Tile(16, 64, 4, 4)), (24, Tile(32, 64, 4, 4)), (64, Tile(64, 64, 4, 3)), (None, Tile(128, 64, 8, 3)))
_PLAIN = ((8, Tile(16, 128, 4, 4)), (24, Tile(32, 128, 4, 4)), (64, Tile(64, 128, 4, 3)), (None, Tile(128, 128, 8, 3)))
# One layer alone has few programs, 88 of 32 outputs for 2,816: small tiles and more loads in flight keep a card busy.
_LINEAR = ((16, Tile(16, 32, 4, 6)), (32, Tile(32, 32, 4, 5)), (64, Tile(64, 32, 4, 5)), (None, Tile(128, 64, 4, 4)))
_TABLES: dict[str, tuple[tuple[int | None, Tile], ...]] = {"gated": _GATED, "plain": _PLAIN, "linear": _LINEAR}
_tuned: dict[str, Tile] = {}


def tile_for(kind: str, rows: int) -> Tile:
    """Return the tile of a kind of product ("gated", "plain" or "linear") for so many rows an expert or layer."""
    if kind in _tuned:
        return _tuned[kind]
    return next(tile for most, tile in _TABLES[kind] if most is None or rows <= most)


@contextmanager
def tuned(kind: str, tile: Tile) -> Iterator[None]:
    """Use one tile for a kind of product, whatever its rows, while inside."""
    before = dict(_tuned)
    _tuned[kind] = tile
    try:
        yield
    finally:
        _tuned.clear()
        _tuned.update(before)


def weight_arguments(weight: Packed) -> dict[str, Any]:
    """Return a weight as the kernels take it: see `engine.models.quantize.kernels.tile.run_of_weights`. No copy."""
    codes = weight.codes.view(torch.uint8)
    return {
        "codes": codes,
        "scales": weight.scales.view(-1).view(torch.int32),
        "zeros": codes if weight.zeros is None else weight.zeros.view(-1).view(torch.int32),  # Not read at 8 bits.
        "row_bytes": codes.shape[-1],
        "row_scales": weight.scales.shape[-1],
        "BITS": weight.bits,
        "GROUP": weight.group,
    }


def dot_type(x: Tensor) -> Any:
    """Return the type that tiles are multiplied in: see `multiply_tile`."""
    if triton.knobs.runtime.interpret:
        return tl.float32
    return {torch.bfloat16: tl.bfloat16, torch.float16: tl.float16, torch.float32: tl.float32}[x.dtype]
