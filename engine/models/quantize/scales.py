"""Choose scales, zeros and codes for a weight, so that the squared error of what they stand for is least.

Every group is on its own: nothing but its weights is looked at, so a matrix can be cut along its rows anywhere. At 4
bits a group's range is tried at several widths, and after each the line through its codes is fitted anew by least
squares (code to weight), which leaves about two thirds of the error of a range from least to greatest weight. At 8 bits
the range ends at the greatest weight: cutting it off there gains nothing. Pure functions; they run where the weight is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.quantize.packing import ZERO_UNITS, Packed, pack4
from engine.models.quantize.precision import Format

_WIDTHS = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6)  # of a group's range, tried one after the other
_FITS = 2  # how often the line through a group's codes is fitted
_GREATEST = 65504.0 * 7  # a weight whose scale is sure to be a float16
_MAX_CODE4 = 15
_MAX_CODE8 = 127
# Weights that are worked on at once: some ten float32 tensors of this size are alive.
_BLOCK_WEIGHTS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """Codes with what they stand for, unpacked: see `engine.models.quantize.packing` for the meaning of each."""

    codes: Tensor  # [..., K]: uint8 of 0..15 at 4 bits, int8 at 8
    scales: Tensor  # [..., K / G] float16
    zeros: Tensor | None  # [..., K / G] uint8 at 4 bits

    def packed(self) -> Packed:
        """Return it as it is stored."""
        return Packed(self.codes if self.zeros is None else pack4(self.codes), self.scales, self.zeros)


def quantize(weight: Tensor, bits: int, group: int) -> Quantized:
    """Quantise rows: [..., K], any floating type; the group divides K.

    Raises: ValueError for another group, another number of bits than 4 or 8, or a weight that is not finite or whose
    scale is too large for float16.
    """
    num_columns = weight.shape[-1]
    if bits not in (4, 8) or group < 1 or num_columns % group:
        raise ValueError(f"rows of {num_columns} weights have no groups of {group} at {bits} bits")
    rows = weight.detach().reshape(-1, num_columns)
    codes = torch.empty(rows.shape, dtype=torch.uint8 if bits == 4 else torch.int8, device=weight.device)
    scales = torch.empty(len(rows), num_columns // group, dtype=torch.float16, device=weight.device)
    zeros = torch.empty(scales.shape, dtype=torch.uint8, device=weight.device) if bits == 4 else None
    step = max(1, _BLOCK_WEIGHTS // num_columns)
    for first in range(0, len(rows), step):
        block = slice(first, first + step)
        found = _chosen(rows[block].float().reshape(-1, group), bits)
        codes[block] = found.codes.view_as(codes[block])
        scales[block] = found.scales.view_as(scales[block])
        if zeros is not None and found.zeros is not None:
            zeros[block] = found.zeros.view_as(zeros[block])
    leading = weight.shape[:-1]
    return Quantized(
        codes.view(weight.shape), scales.view(*leading, -1), None if zeros is None else zeros.view(*leading, -1)
    )


def quantized_as(weight: Tensor, format: Format) -> Packed:
    """Quantise and pack a weight [..., K] in one format. Raises: as `quantize`."""
    return quantize(weight, format.bits, format.group).packed()


def _chosen(groups: Tensor, bits: int) -> Quantized:
    """Quantise groups [N, G] float32, one a row: scales and zeros are [N, 1]. Raises: ValueError as `quantize`."""
    if not bool(groups.abs().amax() <= _GREATEST):  # Not so for what is not a number, either.
        raise ValueError("a weight is not finite, or too large to be quantised")
    return Quantized(*_of_4_bits(groups)) if bits == 4 else Quantized(*_of_8_bits(groups), None)


def _of_8_bits(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return codes [N, G] int8 and scales [N, 1] float16 of groups [N, G] float32."""
    scales = (x.abs().amax(-1, keepdim=True) / _MAX_CODE8).half()
    codes = (x / _nonzero(scales)).round_().clamp_(-_MAX_CODE8, _MAX_CODE8)
    return codes.to(torch.int8), scales


def _of_4_bits(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return codes [N, G] uint8, scales [N, 1] float16 and zeros [N, 1] uint8 of groups [N, G] float32.

    The range always holds 0, so that every zero is one of the codes' or lies between two of them.
    """
    low, high = x.amin(-1, keepdim=True).clamp_(max=0), x.amax(-1, keepdim=True).clamp_(min=0)
    x_mean = x.mean(-1, keepdim=True)
    centred = x - x_mean
    least = torch.full_like(low, torch.inf)
    best_codes, best_scale, best_zero = torch.zeros_like(x), least.half(), torch.zeros_like(low)
    for width in _WIDTHS:
        scale = (high - low) * (width / _MAX_CODE4)
        start = (low + high) / 2 - scale * (_MAX_CODE4 / 2)
        scale = scale.half()
        zero = _as_zero(-start / _nonzero(scale))
        for fit in range(_FITS + 1):
            codes = (x / _nonzero(scale)).add_(zero).round_().clamp_(0, _MAX_CODE4)
            error = ((codes - zero) * scale.float() - x).square_().sum(-1, keepdim=True)
            better = error < least
            least = torch.where(better, error, least)
            best_codes = torch.where(better, codes, best_codes)
            best_scale = torch.where(better, scale, best_scale)
            best_zero = torch.where(better, zero, best_zero)
            if fit < _FITS:
                code_mean = codes.mean(-1, keepdim=True)
                about = codes - code_mean
                slope = (about * centred).sum(-1, keepdim=True) / about.square().sum(-1, keepdim=True).clamp_(min=1e-6)
                scale = slope.clamp_(min=0).half()
                zero = _as_zero(code_mean - x_mean / _nonzero(scale))
    return best_codes.to(torch.uint8), best_scale, (best_zero * ZERO_UNITS).to(torch.uint8)


def _as_zero(codes: Tensor) -> Tensor:
    """Round a zero, in codes, to what can be stored."""
    return (codes * ZERO_UNITS).round_().clamp_(0, 255) / ZERO_UNITS


def _nonzero(scales: Tensor) -> Tensor:
    """Return scales as float32 to divide by; where a scale is zero its group is, too."""
    wide = scales.float()
    return torch.where(wide == 0, 1.0, wide)
