"""Codes, scales and their layout: what is stored is what is documented, and its error is as small as it can be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.models.quantize.packing import Packed, pack4, unpack4
from engine.models.quantize.precision import INT4, INT8, Format, format_of, last_layer_of
from engine.models.quantize.scales import quantize, quantized_as

_SHAPES = st.sampled_from([(1, 32), (3, 64), (2, 5, 96)])


@st.composite
def weights(draw: st.DrawFn) -> Tensor:
    """Return weights [..., K] of any scale, with outliers, with rows of one sign and of zeros."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1 << 30)))
    weight = torch.randn(draw(_SHAPES), generator=generator) * 10 ** draw(st.floats(-3, 2))
    changes: list[Callable[[Tensor], Tensor]] = [
        lambda x: x,
        torch.abs,
        lambda x: -x.abs(),
        lambda x: torch.where(torch.rand(x.shape, generator=generator) < 0.05, 8 * x, x),
        lambda x: torch.where(torch.rand(x.shape, generator=generator) < 0.9, 0.0, x),
        lambda x: torch.full_like(x, float(x.flatten()[0])),
        torch.zeros_like,
    ]
    return draw(st.sampled_from(changes))(weight)


@given(st.lists(st.integers(0, 15), min_size=2, max_size=40).filter(lambda codes: len(codes) % 2 == 0))
def test_codes_come_out_of_their_bytes_as_they_went_in(codes: list[int]):
    packed = pack4(torch.tensor([codes], dtype=torch.uint8))
    assert packed.shape == (1, len(codes) // 2)
    assert unpack4(packed).tolist() == [codes]


def test_a_run_of_64_columns_has_its_first_half_in_low_nibbles_and_its_second_in_high_ones():
    codes = torch.arange(128, dtype=torch.uint8) % 16
    codes[32:64], codes[96:] = 3, 7
    packed = pack4(codes)
    assert packed[:32].tolist() == [code + 3 * 16 for code in (*range(16), *range(16))]
    assert packed[32:].tolist() == [code + 7 * 16 for code in (*range(16), *range(16))]
    assert pack4(torch.tensor([1, 2, 15, 0], dtype=torch.uint8)).tolist() == [0xF1, 0x02]
    with pytest.raises(ValueError, match="odd"):
        pack4(torch.zeros(3, dtype=torch.uint8))


@settings(deadline=None, max_examples=30)
@given(weights(), st.sampled_from([(4, 8), (4, 16), (4, 32), (8, 16), (8, 32)]))
def test_a_weight_is_what_the_layout_says(weight: Tensor, kind: tuple[int, int]):
    bits, group = kind
    found = quantize(weight, bits, group)
    packed = found.packed()
    assert packed.shape == weight.shape
    assert (packed.bits, packed.group) == kind
    rows = packed.dequantized().flatten(0, -2)
    codes, scales = found.codes.flatten(0, -2), found.scales.flatten(0, -2)
    for row in range(len(rows)):
        for column in range(0, weight.shape[-1], 7):
            zero = 0.0 if found.zeros is None else int(found.zeros.flatten(0, -2)[row, column // group]) / 16
            expected = (int(codes[row, column]) - zero) * float(scales[row, column // group])
            assert float(rows[row, column]) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(weights(), st.sampled_from([8, 32]))
def test_eight_bits_are_within_half_a_step(weight: Tensor, group: int):
    found = quantize(weight, 8, group)
    error = (found.packed().dequantized() - weight).abs().unflatten(-1, (-1, group))
    greatest = weight.abs().unflatten(-1, (-1, group)).amax(-1, keepdim=True)
    # Half a step, a half-precision scale's rounding (2 ** -11 of the greatest weight), and its least step.
    assert bool((error <= greatest * (0.5 / 127 + 2**-11) + 127 * 2**-25 + 1e-12).all())


@settings(deadline=None, max_examples=60)
@given(weights(), st.sampled_from([8, 16, 32]))
def test_four_bits_err_no_more_than_the_full_range_would(weight: Tensor, group: int):
    found = quantize(weight, 4, group).packed().dequantized()
    grouped = weight.unflatten(-1, (-1, group))
    low, high = grouped.amin(-1, keepdim=True).clamp(max=0), grouped.amax(-1, keepdim=True).clamp(min=0)
    scale = ((high - low) / 15).half().float()
    zero = (-low / scale.where(scale > 0, 1)).mul(16).round().clamp(0, 255) / 16
    plain = ((grouped / scale.where(scale > 0, 1) + zero).round().clamp(0, 15) - zero) * scale
    error = (found - weight).unflatten(-1, (-1, group)).square().sum(-1)
    assert bool((error <= (plain - grouped).square().sum(-1) * 1.001 + 1e-12).all())


@pytest.mark.parametrize(
    ("format", "most"), [(INT4, 0.0036), (Format(4, 32), 0.0054), (Format(4, 64), 0.0072), (INT8, 0.00003)]
)
def test_what_is_left_of_the_square_of_normal_weights(format: Format, most: float):
    weight = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    assert float((quantized_as(weight, format).dequantized() - weight).square().mean()) < most


@pytest.mark.parametrize("format", [INT4, INT8])
def test_rows_are_quantised_on_their_own(format: Format):
    weight = torch.randn(4, 6, 64, generator=torch.Generator().manual_seed(1))
    whole, part = quantized_as(weight, format), quantized_as(weight[1, 2:4], format)
    cut = Packed(whole.codes[1, 2:4], whole.scales[1, 2:4], None if whole.zeros is None else whole.zeros[1, 2:4])
    assert torch.equal(cut.codes, part.codes)
    assert torch.equal(cut.dequantized(), part.dequantized())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_a_weight_that_no_scale_holds_is_an_error(bits: int, value: float):
    weight = torch.ones(2, 32)
    weight[1, 3] = value
    with pytest.raises(ValueError, match="not finite, or too large"):
        quantize(weight, bits, 16)


def test_groups_that_do_not_divide_the_rows_are_an_error():
    with pytest.raises(ValueError, match="48 weights have no groups of 32"):
        quantize(torch.ones(2, 48), 4, 32)


@pytest.mark.parametrize(
    ("name", "shape", "int4", "int8"),
    [
        ("model.decoder.layers.3.experts.gate_up_proj", (128, 1408, 2816), Format(4, 64), Format(8, 64)),
        ("model.decoder.layers.3.experts.down_proj", (128, 2816, 704), Format(4, 64), Format(8, 64)),
        ("model.decoder.layers.3.mlp.down_proj.weight", (256, 768), INT4, INT8),
        ("model.decoder.layers.3.mlp.down_proj.weight", (2816, 2112), Format(4, 64), Format(8, 64)),
        ("model.layers.0.mlp.down_proj.weight", (896, 4872), Format(4, 8), Format(8, 8)),
        ("model.decoder.layers.29.experts.down_proj", (128, 2816, 704), Format(8, 64), Format(8, 64)),
        ("model.decoder.layers.29.mlp.down_proj.weight", (2816, 2112), Format(8, 64), Format(8, 64)),
        ("model.decoder.layers.3.self_attn.q_proj.weight", (4096, 2816), Format(8, 64), None),
        ("model.decoder.self_conditioning.up_proj.weight", (2112, 2816), Format(8, 64), None),
        ("model.decoder.embed_tokens.weight", (262144, 2816), Format(8, 64), None),
        ("lm_head.weight", (151936, 3584), Format(8, 64), None),
        ("model.decoder.layers.3.router.proj.weight", (128, 2816), None, None),
        ("model.decoder.layers.3.input_layernorm.weight", (2816,), None, None),
        ("model.decoder.layers.3.layer_scalar", (1,), None, None),
        ("model.encoder.vision_tower.encoder.layers.0.mlp.up_proj.linear.weight", (768, 768), None, None),
        ("model.encoder.embed_vision.embedding_projection.weight", (2816, 1152), None, None),
        ("model.layers.0.mlp.down_proj.weight", (896, 4868), None, None),
        ("model.layers.0.self_attn.q_proj.bias", (896,), None, None),
    ],
)
def test_names_and_shapes_decide(name: str, shape: tuple[int, ...], int4: Format | None, int8: Format | None):
    assert format_of(name, shape, "int4", last_layer=29) == int4
    assert format_of(name, shape, "int8", last_layer=29) == int8
    assert format_of(name, shape, "bf16", last_layer=29) is None


def test_the_last_layer_is_that_of_the_text():
    names = ["vision_tower.encoder.layers.40.mlp.up_proj.weight", "decoder.layers.9.x", "decoder.layers.10.x", "norm"]
    assert last_layer_of(names) == 10
    assert last_layer_of(["embed_tokens.weight"]) is None


def test_bits_are_counted_with_scales_and_zeros():
    for format in (INT4, INT8):
        packed = quantized_as(torch.randn(8, 128), format)
        assert packed.num_bytes * 8 == format.bits_per_weight * 8 * 128
    assert (INT4.bits_per_weight, INT8.bits_per_weight) == (5.5, 8.5)
