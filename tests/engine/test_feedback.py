"""Error feedback: products err less than with rounding alone, rows are on their own, and noise carries nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.models.quantize.feedback import cost_of, factor_of
from engine.models.quantize.precision import INT4, INT8, Format
from engine.models.quantize.scales import quantize, quantized_as


def _inputs(seed: int, columns: int, directions: int) -> Tensor:
    """Return inputs that mostly move in a few directions: [4 K, K]."""
    generator = torch.Generator().manual_seed(seed)
    moved = torch.randn(4 * columns, directions, generator=generator)
    few = moved @ torch.randn(directions, columns, generator=generator)
    return few + 0.3 * torch.randn(4 * columns, columns, generator=generator)


def _factor(inputs: Tensor) -> Tensor:
    return factor_of(inputs.T @ inputs, len(inputs))


def _product_error(weight: Tensor, inputs: Tensor, format: Format, factor: Tensor | None) -> float:
    found = quantized_as(weight, format, factor).dequantized()
    return float(((found - weight) @ inputs.T).square().mean())


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.sampled_from([16, 32, 64]), st.sampled_from([2, 8, 20]))
def test_a_product_with_what_was_seen_errs_less(seed: int, group: int, directions: int) -> None:
    format = Format(4, group)
    weight = torch.randn(24, 128, generator=torch.Generator().manual_seed(seed))
    seen, later = _inputs(seed, 128, directions).chunk(2)  # The second half was never seen.
    plain = _product_error(weight, later, format, None)
    assert _product_error(weight, later, format, _factor(seen)) < 0.8 * plain


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_inputs_that_have_nothing_in_common_carry_nothing(seed: int, scale: float) -> None:
    weight = torch.randn(8, 64, generator=torch.Generator().manual_seed(seed))
    factor = factor_of(scale * torch.eye(64), 1000)
    assert torch.equal(cost_of(factor) / cost_of(factor)[0], torch.ones(64))
    torch.testing.assert_close(
        quantized_as(weight, INT4, factor).dequantized(), quantized_as(weight, INT4).dequantized(), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("value", [0, torch.nan, torch.inf])
def test_where_nothing_can_be_told_nothing_is_carried(value: float) -> None:
    assert torch.equal(factor_of(torch.full((32, 32), float(value)), 0), torch.eye(32))


def test_few_inputs_are_believed_less_than_many() -> None:
    inputs = _inputs(0, 64, 2)
    square = inputs.T @ inputs
    off = [factor_of(square, count).triu(1).abs().sum() for count in (10, 100, 1000)]
    assert off[0] < off[1] < off[2]


def test_the_factor_is_that_of_the_inverse() -> None:
    square = _inputs(1, 32, 4).T @ _inputs(1, 32, 4)
    factor = factor_of(square, 10**9).double()
    mean = square.diagonal().mean()
    damped = square.double() / mean + 0.05 * torch.eye(32)
    assert torch.equal(factor, factor.triu())
    torch.testing.assert_close(factor.T @ factor @ damped, torch.eye(32, dtype=torch.float64), rtol=0, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_rows_are_quantised_on_their_own(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(7, 64, generator=torch.Generator().manual_seed(3))
    before, factor = weight.clone(), _factor(_inputs(3, 64, 4))
    whole = quantized_as(weight, INT4, factor)
    assert torch.equal(weight, before)  # It is worked on in a copy.
    part = quantized_as(weight[:rows], INT4, factor)
    assert torch.equal(whole.codes[:rows], part.codes)
    assert torch.equal(whole.dequantized()[:rows], part.dequantized())
    monkeypatch.setattr("engine.models.quantize.scales._BLOCK_WEIGHTS", rows * 64)
    assert torch.equal(quantized_as(weight, INT4, factor).codes, whole.codes)


@pytest.mark.parametrize("block", [64, 5 * 64, 10 * 64, 1 << 20])
def test_each_expert_has_its_own_feedback(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.quantize.scales._BLOCK_WEIGHTS", block)
    weight = torch.randn(3, 5, 64, generator=torch.Generator().manual_seed(4))
    factors = torch.stack([_factor(_inputs(seed, 64, 3)) for seed in range(3)])
    together = quantized_as(weight, INT4, factors)
    assert together.shape == weight.shape
    for expert in range(3):
        alone = quantized_as(weight[expert], INT4, factors[expert])
        assert torch.equal(together[expert].codes, alone.codes)
        assert torch.equal(together[expert].scales, alone.scales)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_at_eight_bits_it_does_the_same(seed: int) -> None:
    weight = torch.randn(24, 128, generator=torch.Generator().manual_seed(seed))
    seen, later = _inputs(seed, 128, 4).chunk(2)
    assert _product_error(weight, later, INT8, _factor(seen)) < 0.8 * _product_error(weight, later, INT8, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_a_weight_that_no_scale_holds_is_an_error(value: float) -> None:
    weight = torch.ones(2, 64)
    weight[1, 60] = value
    with pytest.raises(ValueError, match="not finite, or too large"):
        quantize(weight, 4, 16, torch.eye(64))
