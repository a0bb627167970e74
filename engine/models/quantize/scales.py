"""Choose scales, zeros and codes for a weight, so that the squared error of what they stand for is least.

Every row is on its own, so a matrix can be cut along its rows anywhere. At 4 bits a group's range is tried at several
widths, and after each the line through its codes is fitted anew by least squares (code to weight), which leaves about
two thirds of the error of a range from least to greatest weight. Where it is known what a weight is multiplied with,
the error that counts is the product's: groups are worked on from left to right, and each takes back what it can of the
errors before it (`engine.models.quantize.feedback`). At 8 bits the range ends at the greatest weight: cutting it off
there gains nothing. Pure functions; they run where the weight is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.quantize.feedback import carried, cost_of, within
from engine.models.quantize.packing import ZERO_UNITS, Packed, pack4
from engine.models.quantize.precision import Format

_WIDTHS = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6)  # of a group's range, tried one after the other
_FITS = 2  # how often the line through a group's codes is fitted
_GREATEST = 65504.0 * 7  # a weight whose scale is sure to be a float16
_MAX_CODE4 = 15
_MAX_CODE8 = 127
# Weights that are worked on at once: some ten float32 tensors of this size are alive. An accelerator is given more, as
# with error feedback it has one column of all these rows to do at a time.
_BLOCK_WEIGHTS, _BLOCK_WEIGHTS_ACCELERATED = 1 << 22, 1 << 25


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """Codes with what they stand for, unpacked: see `engine.models.quantize.packing` for the meaning of each."""

    codes: Tensor  # [..., K]: uint8 of 0..15 at 4 bits, int8 at 8
    scales: Tensor  # [..., K / G] float16
    zeros: Tensor | None  # [..., K / G] uint8 at 4 bits

    def packed(self) -> Packed:
        """Return it as it is stored."""
        return Packed(self.codes if self.zeros is None else pack4(self.codes), self.scales, self.zeros)


def quantize(weight: Tensor, bits: int, group: int, factor: Tensor | None = None) -> Quantized:
    """Quantise rows: [..., K], any floating type; the group divides K.

    `factor` says what the rows are multiplied with (`feedback.factor_of`): [K, K], or [E, K, K] for a weight [E, O, K]
    whose experts differ in that.
    Raises: ValueError for another group, another number of bits than 4 or 8, or a weight that is not finite or whose
    scale is too large for float16.
    """
    num_columns = weight.shape[-1]
    if bits not in (4, 8) or group < 1 or num_columns % group:
        raise ValueError(f"rows of {num_columns} weights have no groups of {group} at {bits} bits")
    factor = None if factor is None else factor.reshape(-1, num_columns, num_columns)
    rows = weight.detach().reshape(1 if factor is None else len(factor), -1, num_columns)
    codes = torch.empty(rows.shape, dtype=torch.uint8 if bits == 4 else torch.int8, device=weight.device)
    scales = torch.empty(*rows.shape[:-1], num_columns // group, dtype=torch.float16, device=weight.device)
    zeros = torch.empty(scales.shape, dtype=torch.uint8, device=weight.device) if bits == 4 else None
    for experts, block in _blocks(rows):
        here = rows[experts, block].to(torch.float32, copy=True)
        _check(here)
        if factor is None:
            found = _of_8_bits(here, group) if bits == 8 else _of_4_bits(here, group)
        else:
            found = _with_feedback(here, bits, group, factor[experts])
        codes[experts, block], scales[experts, block] = found.codes, found.scales
        if zeros is not None and found.zeros is not None:
            zeros[experts, block] = found.zeros
    of_groups = (*weight.shape[:-1], -1)
    return Quantized(codes.view(weight.shape), scales.view(of_groups), None if zeros is None else zeros.view(of_groups))


def quantized_as(weight: Tensor, format: Format, factor: Tensor | None = None) -> Packed:
    """Quantise and pack a weight [..., K] in one format. Parameters and errors are those of `quantize`."""
    return quantize(weight, format.bits, format.group, factor).packed()


def _blocks(rows: Tensor) -> Iterator[tuple[slice, slice]]:
    """Cut rows [E, N, K] into what is worked on at once."""
    num_experts, num_rows, num_columns = rows.shape
    most = (_BLOCK_WEIGHTS if rows.device.type == "cpu" else _BLOCK_WEIGHTS_ACCELERATED) // num_columns
    step = max(1, min(num_rows, most))
    for expert in range(0, num_experts, max(1, most // step)):
        for first in range(0, num_rows, step):
            yield slice(expert, expert + max(1, most // step)), slice(first, first + step)


def _with_feedback(rows: Tensor, bits: int, group: int, factor: Tensor) -> Quantized:
    """Quantise rows [E, N, K] float32, which are changed, group after group: factor [E, K, K]."""
    cost, found = cost_of(factor), []
    for first in range(0, rows.shape[-1], group):
        here = slice(first, first + group)
        alone = (
            _of_8_bits(rows[..., here], group) if bits == 8 else _of_4_bits(rows[..., here], group, cost[:, None, here])
        )
        zeros = 0.0 if alone.zeros is None else alone.zeros[..., 0].float() / ZERO_UNITS
        greatest = (-_MAX_CODE8, _MAX_CODE8) if bits == 8 else (0, _MAX_CODE4)
        codes, errors = within(rows[..., here], alone.scales[..., 0].float(), zeros, factor[:, here, here], greatest)
        found.append(Quantized(codes.to(alone.codes.dtype), alone.scales, alone.zeros))
        carried(rows, errors, factor, first)
    zeros_found = [each.zeros for each in found if each.zeros is not None]
    return Quantized(
        torch.cat([each.codes for each in found], -1),
        torch.cat([each.scales for each in found], -1),
        torch.cat(zeros_found, -1) if zeros_found else None,
    )


def _check(weights: Tensor) -> None:
    if not bool(weights.abs().amax() <= _GREATEST):  # Not so for what is not a number, either.
        raise ValueError("a weight is not finite, or too large to be quantised")


def _of_8_bits(rows: Tensor, group: int) -> Quantized:
    """Quantise rows [..., K] float32, each group on its own."""
    x = rows.reshape(*rows.shape[:-1], -1, group)
    scales = (x.abs().amax(-1, keepdim=True) / _MAX_CODE8).half()
    codes = (x / _nonzero(scales)).round_().clamp_(-_MAX_CODE8, _MAX_CODE8)
    return Quantized(codes.to(torch.int8).flatten(-2), scales[..., 0], None)


def _of_4_bits(rows: Tensor, group: int, cost: Tensor | None = None) -> Quantized:
    """Quantise rows [..., K] float32, each group on its own.

    `cost` is what a squared error costs in each column of a group, as [..., G]; the same in all where it is None. The
    range always holds 0, so that every zero is one of the codes' or lies between two of them.
    """
    x = rows.reshape(*rows.shape[:-1], -1, group)
    share = torch.full((group,), 1 / group, device=x.device) if cost is None else cost[..., None, :]
    share = share / share.sum(-1, keepdim=True)
    low, high = x.amin(-1, keepdim=True).clamp_(max=0), x.amax(-1, keepdim=True).clamp_(min=0)
    x_mean = (x * share).sum(-1, keepdim=True)
    centred = (x - x_mean) * share
    least = torch.full_like(low, torch.inf)
    best_codes, best_scale, best_zero = torch.zeros_like(x), least.half(), torch.zeros_like(low)
    for width in _WIDTHS:
        scale = (high - low) * (width / _MAX_CODE4)
        start = (low + high) / 2 - scale * (_MAX_CODE4 / 2)
        scale = scale.half()
        zero = _as_zero(-start / _nonzero(scale))
        for fit in range(_FITS + 1):
            codes = (x / _nonzero(scale)).add_(zero).round_().clamp_(0, _MAX_CODE4)
            error = ((codes - zero) * scale.float() - x).square_().mul_(share).sum(-1, keepdim=True)
            better = error < least
            least = torch.where(better, error, least)
            best_codes = torch.where(better, codes, best_codes)
            best_scale = torch.where(better, scale, best_scale)
            best_zero = torch.where(better, zero, best_zero)
            if fit < _FITS:
                code_mean = (codes * share).sum(-1, keepdim=True)
                about = codes - code_mean
                spread = (about.square() * share).sum(-1, keepdim=True).clamp_(min=1e-6)
                scale = ((about * centred).sum(-1, keepdim=True) / spread).clamp_(min=0).half()
                zero = _as_zero(code_mean - x_mean / _nonzero(scale))
    zeros = (best_zero[..., 0] * ZERO_UNITS).to(torch.uint8)
    return Quantized(best_codes.to(torch.uint8).flatten(-2), best_scale[..., 0], zeros)


def _as_zero(codes: Tensor) -> Tensor:
    """Round a zero, in codes, to what can be stored."""
    return (codes * ZERO_UNITS).round_().clamp_(0, 255) / ZERO_UNITS


def _nonzero(scales: Tensor) -> Tensor:
    """Return scales as float32 to divide by; where a scale is zero its group is, too."""
    wide = scales.float()
    return torch.where(wide == 0, 1.0, wide)
