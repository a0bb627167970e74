"""The module that holds one quantised weight: buffers that move with the model, and may be filled later.

It knows how to become a matrix again, whole or a part of it. It multiplies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.models.quantize.packing import Packed
from engine.models.quantize.precision import Format


class QuantWeight(nn.Module):
    """A quantised weight [O, K], or [E, O, K] of experts. Buffers: `codes`, `scales` and, at 4 bits, `zeros`.

    A weight that several modules use is one object in all of them, so that it moves to a device once.
    """

    codes: Tensor
    scales: Tensor
    zeros: Tensor | None

    def __init__(self, packed: Packed, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype  # of the weight it stands for
        self.fill(packed)

    @classmethod
    def empty(cls, shape: Sequence[int], format: Format, dtype: torch.dtype) -> QuantWeight:
        """Return one without memory, of a weight of this shape and type: `fill` it before use."""
        *rows, num_columns = shape
        num_groups = num_columns // format.group
        scales = torch.empty(*rows, num_groups, dtype=torch.float16, device="meta")
        if format.bits == 8:
            return cls(Packed(torch.empty(*shape, dtype=torch.int8, device="meta"), scales), dtype)
        codes = torch.empty(*rows, num_columns // 2, dtype=torch.uint8, device="meta")
        zeros = torch.empty(*rows, num_groups, dtype=torch.uint8, device="meta")
        return cls(Packed(codes, scales, zeros), dtype)

    def fill(self, packed: Packed) -> None:
        """Take these tensors, on the device where they are. Raises: ValueError where they are not like what is here."""
        if "codes" in self._buffers and not _is_like(packed, self.packed):
            raise ValueError(f"quantised tensors for {packed.shape} do not fit {self.shape} at {self.bits} bits")
        self.register_buffer("codes", packed.codes)
        self.register_buffer("scales", packed.scales)
        self.register_buffer("zeros", packed.zeros)

    @property
    def packed(self) -> Packed:
        """Return the tensors."""
        return Packed(self.codes, self.scales, self.zeros)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the weight it stands for."""
        return self.packed.shape

    @property
    def bits(self) -> int:
        """Return the bits of a code."""
        return self.packed.bits

    def dequantized(self, dtype: torch.dtype | None = None) -> Tensor:
        """Return the whole weight in a type, by default that of the weight it stands for."""
        return self.packed.dequantized(dtype or self.dtype)

    def extra_repr(self) -> str:
        """Say what it is, for whoever prints the model."""
        return f"{'x'.join(map(str, self.shape))}, {self.bits} bits, groups of {self.packed.group}"


def _is_like(one: Packed, other: Packed) -> bool:
    return all(
        (left is None) == (right is None)
        and (left is None or right is None or (left.shape == right.shape and left.dtype == right.dtype))
        for left, right in ((one.codes, other.codes), (one.scales, other.scales), (one.zeros, other.zeros))
    )
