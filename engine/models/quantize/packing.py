"""How codes lie in memory. Pure functions and one record of tensors; it knows no model and chooses no scale.

A quantised matrix of O rows and K columns (a linear layer's weight, whose product sums along K), or E of them:

    bits  codes                      scales                   zeros                   a weight
    4     uint8 [..., O, K / 2]      float16 [..., O, K / G]  uint8 [..., O, K / G]   (code - zero / 16) * scale
    8     int8  [..., O, K]          float16 [..., O, K / G]  none                    code * scale

- Groups lie along K: the weight in column k has the scale and the zero in column k // G. G divides K.
- At 4 bits a byte holds two codes of 0..15. K is even, and falls into runs of `gcd(K, 64)` columns: within a run of R,
  column j is the low nibble of byte j and column j + R / 2 the high one. The kernels read a run of 64 as two halves of
  32 neighbouring columns, each of which meets as many neighbouring inputs; nothing is shuffled.
- A zero counts sixteenths of a code, 0..255; it need not be a whole code. A scale is not negative.
- 8-bit codes are -127..127.
- All tensors are contiguous. Bits and G are read off the tensors' types and shapes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

ZERO_UNITS = 16
"""How many units of a zero make one code."""
_RUN = 64  # columns, at most, whose codes share bytes


def pack4(codes: Tensor) -> Tensor:
    """Put two codes into a byte: uint8 [..., K] of 0..15, K even -> uint8 [..., K / 2]."""
    if codes.shape[-1] % 2:
        raise ValueError(f"an odd number of codes ({codes.shape[-1]}) does not fill bytes")
    half = math.gcd(codes.shape[-1], _RUN) // 2
    low, high = codes.reshape(*codes.shape[:-1], -1, 2, half).unbind(-2)
    packed: Tensor = low | (high << 4)
    return packed.flatten(-2)


def unpack4(packed: Tensor) -> Tensor:
    """Take codes out of their bytes: uint8 [..., K / 2] -> uint8 [..., K] of 0..15."""
    half = math.gcd(2 * packed.shape[-1], _RUN) // 2
    halves = packed.reshape(*packed.shape[:-1], -1, half)
    return torch.stack((halves & 15, halves >> 4), dim=-2).flatten(-3)


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A quantised matrix, or several of one shape, as it is stored: see this module's table."""

    codes: Tensor
    scales: Tensor
    zeros: Tensor | None = None

    @property
    def bits(self) -> Literal[4, 8]:
        """Return the bits of a code."""
        return 8 if self.codes.dtype == torch.int8 else 4

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the weight: [O, K] or [E, O, K]."""
        return (*self.codes.shape[:-1], self.codes.shape[-1] * 8 // self.bits)

    @property
    def group(self) -> int:
        """Return G."""
        return self.shape[-1] // self.scales.shape[-1]

    @property
    def num_bytes(self) -> int:
        """Return what it takes in memory."""
        return sum(tensor.nbytes for tensor in (self.codes, self.scales, self.zeros) if tensor is not None)

    def __getitem__(self, index: Tensor | int | slice) -> Packed:
        """Return the same of some experts or rows, chosen along the first axis."""
        return Packed(self.codes[index], self.scales[index], None if self.zeros is None else self.zeros[index])

    def dequantized(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the weight that the codes stand for: [..., O, K], rounded to `dtype` once."""
        codes = unpack4(self.codes) if self.bits == 4 else self.codes
        grouped = codes.reshape(*self.scales.shape, self.group).float()
        if self.zeros is not None:
            grouped -= self.zeros[..., None].float() / ZERO_UNITS
        grouped *= self.scales[..., None].float()
        return grouped.flatten(-2).to(dtype)
