"""The kernels' mathematics on CPU tensors. `test_kernels.py` runs this file in a process that interprets triton."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import triton.language as tl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers.activations import ACT2FN
from triton.runtime import interpreter

from engine.models.quantize.kernels import experts as experts_module
from engine.models.quantize.kernels.align import max_blocks, rows_by_expert
from engine.models.quantize.kernels.experts import expert_kernels
from engine.models.quantize.kernels.linear import linear_kernel
from engine.models.quantize.kernels.shapes import Tile, tuned
from engine.models.quantize.kernels.whole import whole_weight
from engine.models.quantize.packing import Packed
from engine.models.quantize.precision import Format
from engine.models.quantize.reference import reference_expert_product, reference_linear
from engine.models.quantize.scales import quantized_as

FORMATS = [Format(bits, group) for bits in (4, 8) for group in (16, 32, 64)] + [Format(4, 128)]
formats = st.sampled_from(FORMATS)
seeds = st.integers(0, 1000)
# A failing example is not made smaller: that takes minutes where kernels are interpreted.
few = settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


def _rounded_to_nearest(convert: Any) -> Any:
    """Return the interpreter's conversion of floats, but to bfloat16 as a card does it: the interpreter cuts off."""

    def converted(data: Any, source: Any, target: Any, rounding: Any) -> Any:
        if source != tl.float32 or target != tl.bfloat16:
            return convert(data, source, target, rounding)
        return torch.from_numpy(data.copy()).bfloat16().view(torch.uint16).numpy()

    return converted


@pytest.fixture(autouse=True)
def _rounding_of_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "_convert_float", _rounded_to_nearest(interpreter._convert_float))


def quantized(*shape: int, format: Format, seed: int = 0) -> Packed:
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / shape[-1] ** 0.5
    return quantized_as(weight, format.fitted(shape[-1]))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def assert_equal_but_for_bfloat16(found: Tensor, expected: Tensor) -> None:
    """Both are sums whose terms and results were rounded to 2^-9 of themselves, and not in the same places.

    No element is further away than a few of these, and all together are no further away than one.
    """
    assert found.dtype == expected.dtype == torch.bfloat16
    spread = expected.float().square().mean().sqrt()
    error = (found.float() - expected.float()).abs()
    assert bool((error <= 2**-5 * (expected.float().abs() + spread)).all())
    assert bool(error.square().mean().sqrt() <= 2**-7 * spread)


@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_whole_weight_is_the_references_bit_for_bit(format: Format, dtype: torch.dtype) -> None:
    weight = quantized(2, 70, 256, format=format)  # Rows end within a block.
    assert torch.equal(whole_weight(weight, dtype), weight.dequantized(dtype))


@few
@given(st.integers(1, 140), st.sampled_from([4, 32, 60]), st.sampled_from([64, 192]), formats, seeds)
def test_a_linear_product_equals_the_reference(rows: int, outs: int, columns: int, format: Format, seed: int) -> None:
    x, weight = normal(rows, columns, seed=seed), quantized(outs, columns, format=format, seed=seed + 1)
    torch.testing.assert_close(linear_kernel(x, weight), reference_linear(x, weight), rtol=1e-4, atol=1e-5)
    rounded = x.bfloat16()
    assert_equal_but_for_bfloat16(linear_kernel(rounded, weight), reference_linear(rounded, weight))


@pytest.mark.parametrize("format", [Format(4, 32), Format(8, 64)], ids=str)
def test_a_linear_product_of_the_true_width_keeps_the_shape_before_the_last_axis(format: Format) -> None:
    x, weight = normal(2, 3, 2816).bfloat16(), quantized(16, 2816, format=format)
    found = linear_kernel(x, weight)
    assert found.shape == (2, 3, 16)
    assert_equal_but_for_bfloat16(found, reference_linear(x, weight))


@few
@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.sampled_from([16, 32]))
def test_every_row_is_in_one_block_of_its_expert_in_order(experts: list[int], block: int) -> None:
    rows, block_experts = rows_by_expert(torch.tensor(experts), 6, block)
    blocks = rows.view(-1, block).tolist()
    assert len(blocks) == len(block_experts) == max_blocks(len(experts), 6, block)
    found: dict[int, list[int]] = {}
    for expert, members in zip(block_experts.tolist(), blocks, strict=True):
        if expert >= 0:
            real = [row for row in members if row < len(experts)]
            assert real
            assert members == real + [len(experts)] * (block - len(real))
            found.setdefault(expert, []).extend(real)
    assert found == {e: [r for r, of in enumerate(experts) if of == e] for e in set(experts) - {6}}


def test_more_rows_than_are_read_at_once_are_sorted() -> None:
    experts = torch.randint(0, 3, (2500,), generator=torch.Generator().manual_seed(0))
    rows, block_experts = rows_by_expert(experts, 3, 64)
    used = rows.view(-1, 64)[block_experts >= 0]
    assert sorted(used[used < 2500].tolist()) == list(range(2500))
    assert all(
        bool((experts[b[b < 2500]] == e).all()) for b, e in zip(used, block_experts[block_experts >= 0], strict=True)
    )


def routing(tokens: int, num_experts: int, choices: int, kind: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return experts and weights [tokens, choices]; "one": all go to the same, "nobody": some choices are no expert."""
    scores = torch.rand(tokens, num_experts, generator=torch.Generator().manual_seed(seed))
    weights, index = scores.topk(choices)
    if kind == "one":
        index = torch.full_like(index, seed % num_experts)
    if kind == "nobody":
        index = torch.where(scores[:, :choices] < 0.4, num_experts, index)
    return index, weights


@few
@given(
    st.integers(1, 20),
    st.sampled_from([(1, 1), (5, 2), (4, 4)]),
    st.sampled_from([(64, 64), (192, 128)]),
    formats,
    st.sampled_from(["spread", "one", "nobody"]),
    st.sampled_from(["gelu_pytorch_tanh", "silu"]),
    seeds,
)
def test_an_expert_product_equals_the_reference(
    tokens: int, choice: tuple[int, int], size: tuple[int, int], format: Format, kind: str, activation: str, seed: int
) -> None:
    (num_experts, choices), (hidden, inner) = choice, size
    gate_up = quantized(num_experts, 2 * inner, hidden, format=format, seed=seed)
    down = quantized(num_experts, hidden, inner, format=format, seed=seed + 1)
    index, weights = routing(tokens, num_experts, choices, kind, seed)
    x = normal(tokens, hidden, seed=seed + 2)
    name = {"gelu_pytorch_tanh": "gelu_tanh", "silu": "silu"}[activation]
    expected = reference_expert_product(x, index, weights, gate_up, down, ACT2FN[activation])
    found = expert_kernels(x, index, weights, gate_up, down, name)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    x = x.bfloat16()
    expected = reference_expert_product(x, index, weights, gate_up, down, ACT2FN[activation])
    found = expert_kernels(x, index, weights, gate_up, down, name)
    assert_equal_but_for_bfloat16(found, expected)


@pytest.mark.parametrize("tile", [Tile(16, 16, 4, 2), Tile(16, 128, 4, 2), Tile(128, 32, 4, 2)], ids=str)
def test_a_tile_larger_or_smaller_than_what_there_is_changes_nothing(tile: Tile) -> None:
    gate_up, down = quantized(3, 128, 128, format=Format(4, 32)), quantized(3, 128, 64, format=Format(4, 32), seed=1)
    index, weights = routing(20, 3, 2, "spread", 4)
    x = normal(20, 128)
    expected = reference_expert_product(x, index, weights, gate_up, down, ACT2FN["silu"])
    with tuned("gated", tile), tuned("plain", tile):
        found = expert_kernels(x, index, weights, gate_up, down, "silu")
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_many_tokens_go_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    gate_up, down = quantized(3, 128, 64, format=Format(8, 64)), quantized(3, 64, 64, format=Format(8, 64), seed=1)
    index, weights = routing(21, 3, 2, "spread", 5)
    x = normal(21, 64)
    whole = expert_kernels(x, index, weights, gate_up, down, "silu")
    monkeypatch.setattr(experts_module, "_MAX_TOKENS", 8)
    torch.testing.assert_close(expert_kernels(x, index, weights, gate_up, down, "silu"), whole)
