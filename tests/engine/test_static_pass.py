"""Passes on static buffers against the plain ones: buckets, the sliding window, padding, growth, quantised modules."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.canvas import hole_canvas
from engine.denoise_config import DenoiseConfig
from engine.device_loop import begun_step
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.quantize.modules import quantize_modules
from engine.models.static_attention import attended, sync_free_experts
from engine.models.static_cache import Buckets, LayerPrefix, Shape
from engine.models.static_pass import StaticPasses
from tests.engine.tiny import BOS, SLIDING_WINDOW, VOCAB_SIZE, tiny_model

BUCKETS = Buckets(prefix=(8, 16, 32, 64, 256), canvas=(4, 12), batch=(1, 4), rows=(4, 16, 64))
CLOSE = {"atol": 2e-4, "rtol": 1e-4}


def random_ids(length: int) -> list[int]:
    drawn = torch.randint(5, VOCAB_SIZE, (length - 1,), generator=torch.Generator().manual_seed(length))
    return [BOS, *drawn.tolist()]


def check_same(plain: DiffusionGemma, static: DiffusionGemma, length: int, batch_size: int, width: int) -> None:
    """Assert that both adapters predict the same of random canvases, with and without self-conditioning."""
    generator = torch.Generator().manual_seed(length)
    canvas_ids = torch.randint(VOCAB_SIZE, (batch_size, width), generator=generator)
    open_mask = torch.rand(batch_size, width, generator=generator) < 0.6
    open_mask[:, 0] = True
    told = torch.randn(int(open_mask.sum()), VOCAB_SIZE, generator=generator) * 3
    ids = random_ids(length)
    expected = plain.forward_for(plain.prefill(ids), batch_size)
    found = static.forward_for(static.prefill(ids), batch_size)
    for signal in (None, told):
        one, other = (run(canvas_ids, open_mask, signal) for run in (expected, found))
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, one, **CLOSE)


@pytest.mark.parametrize("length", [1, 8, 9, SLIDING_WINDOW - 1, SLIDING_WINDOW, SLIDING_WINDOW + 1, 64, 65, 200])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("width", [4, 9, 12])
def test_a_static_pass_equals_the_plain_one(tiny: Any, length: int, batch_size: int, width: int) -> None:
    static = StaticPasses(tiny, BUCKETS)
    check_same(DiffusionGemma(tiny), DiffusionGemma(tiny, static_passes=static), length, batch_size, width)
    assert len(static.programs) == 1


def test_what_an_earlier_prefix_left_behind_is_never_seen(tiny: Any) -> None:
    plain, static = DiffusionGemma(tiny), DiffusionGemma(tiny, static_passes=StaticPasses(tiny, BUCKETS))
    for length in (60, 5, 200, 33, 14, 17, 1):
        check_same(plain, static, length, 2, 7)


def test_passes_of_two_prefixes_in_turn_do_not_mix(tiny: Any) -> None:
    plain, static = DiffusionGemma(tiny), DiffusionGemma(tiny, static_passes=StaticPasses(tiny, BUCKETS))
    canvas_ids, open_mask = torch.arange(10, 15)[None], torch.ones(1, 5, dtype=torch.bool)
    expected = [plain.forward_for(plain.prefill(random_ids(length)))(canvas_ids, open_mask, None) for length in (9, 40)]
    runs = [static.forward_for(static.prefill(random_ids(length))) for length in (9, 40)]
    for _ in range(2):
        for run, logits in zip(runs, expected, strict=True):
            torch.testing.assert_close(run(canvas_ids, open_mask, None), logits, **CLOSE)


def test_what_no_bucket_holds_runs_all_the_same(tiny: Any) -> None:
    passes = StaticPasses(tiny, BUCKETS)
    plain, static = DiffusionGemma(tiny), DiffusionGemma(tiny, static_passes=passes)
    for length, batch_size, width in ((300, 1, 4), (9, 5, 4), (9, 1, 13)):
        check_same(plain, static, length, batch_size, width)
    assert len(passes.programs) == 0


def test_a_longer_prefix_drops_what_was_made_for_shorter_ones(tiny: Any) -> None:
    passes = StaticPasses(tiny, BUCKETS)
    adapter = DiffusionGemma(tiny, static_passes=passes)
    check_same(DiffusionGemma(tiny), adapter, 30, 1, 4)
    check_same(DiffusionGemma(tiny), adapter, 10, 1, 4)
    assert len(passes.programs) == 2
    check_same(DiffusionGemma(tiny), adapter, 100, 1, 4)
    assert len(passes.programs) == 1
    adapter.forget_prefixes()
    assert len(passes.programs) == passes.programs.num_bytes == 0


def test_a_model_on_a_cpu_has_no_static_passes_unless_it_is_told_to(tiny: Any) -> None:
    assert DiffusionGemma(tiny).static_passes is None


def test_a_model_is_left_as_it_was(tiny: Any) -> None:
    before = [(layer.self_attn.config, layer.experts.config) for layer in tiny.model.decoder.layers]
    adapter = DiffusionGemma(tiny, static_passes=StaticPasses(tiny, BUCKETS))
    check_same(DiffusionGemma(tiny), adapter, 10, 1, 4)
    after = [(layer.self_attn.config, layer.experts.config) for layer in tiny.model.decoder.layers]
    assert all(one is other for pair in zip(before, after, strict=True) for one, other in zip(*pair, strict=True))
    assert tiny.config.text_config._attn_implementation == "sdpa"


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_quantised_modules_pass_through(precision: Any) -> None:
    model = deepcopy(tiny_model(1))
    quantize_modules(model, precision)
    static = DiffusionGemma(model, static_passes=StaticPasses(model, BUCKETS))
    check_same(DiffusionGemma(model), static, 40, 2, 9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("at_once", [1, 3])
def test_attention_is_that_of_the_library(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, at_once: int) -> None:
    generator = torch.Generator().manual_seed(0)
    query, keys, values = (torch.randn(3, heads, 5, 8, generator=generator).to(dtype) for heads in (6, 2, 2))
    prefix = LayerPrefix(*(torch.randn(2, 7, 8, generator=generator).to(dtype) for _ in range(2)))
    bias = torch.zeros(12, dtype=dtype)
    bias[5:7] = bias[11:] = -torch.inf
    monkeypatch.setattr("engine.models.static_attention._MAX_SCORES", 6 * 5 * 12 * at_once)
    found = attended(query, keys, values, prefix, bias, 0.5)
    shared = [
        torch.cat([own.expand(3, -1, -1, -1), x], dim=2) for own, x in ((prefix.keys, keys), (prefix.values, values))
    ]
    expected = torch.nn.functional.scaled_dot_product_attention(
        query.float(),
        *(x.float() for x in shared),
        attn_mask=bias.float().expand(1, 1, 5, 12),
        scale=0.5,
        enable_gqa=True,
    )
    tolerance = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 4e-2, "rtol": 4e-2}
    torch.testing.assert_close(found.float(), expected.transpose(1, 2), **tolerance)


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ((1, 1, 1, 0), Shape(512, 32, 1, 0)),
        ((512, 32, 2, 16), Shape(512, 32, 2, 16)),
        ((513, 33, 3, 17), Shape(1024, 64, 4, 32)),
        ((32_768, 256, 8, 2048), Shape(32_768, 256, 8, 2048)),
        ((32_769, 32, 1, 1), None),
        ((1, 257, 1, 1), None),
        ((1, 32, 9, 1), None),
    ],
)
def test_the_smallest_bucket_that_holds_a_pass_is_taken(sizes: tuple[int, ...], shape: Shape | None) -> None:
    assert Buckets().shape(*sizes) == shape


class NoQuestions(TorchDispatchMode):
    """Fails on what makes the host wait for the device, or the device for the host: numbers read, shapes that depend
    on values, constants uploaded.
    """

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "unique", "item", "lift_fresh")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in self.ASKING, f"{func} asks the device"
        if name in ("index", "index_put", "index_put_"):
            assert not any(isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1]), (
                f"{func} counts"
            )
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("keep_accepted", [False, True])
@pytest.mark.parametrize("noise", ["uniform", "mask"])
def test_a_whole_step_asks_the_device_nothing(tiny: Any, greedy: bool, keep_accepted: bool, noise: Any) -> None:
    static = StaticPasses(tiny, BUCKETS)
    config = DenoiseConfig(
        VOCAB_SIZE,
        noise,
        3 if noise == "mask" else None,
        forbidden_ids=(0, 1),
        greedy=greedy,
        keep_accepted=keep_accepted,
    )
    canvas, prefix = hole_canvas(6, [20, 21, 22], batch_size=2), DiffusionGemma(tiny).prefill(random_ids(40))
    step = begun_step(static, prefix, canvas, config, torch.Generator())
    with NoQuestions():
        for _ in range(3):
            step.run()
    assert step.outcome().argmax_ids[:, 6:].tolist() == [[20, 21, 22]] * 2


def test_a_question_would_be_noticed(tiny: Any) -> None:
    adapter = DiffusionGemma(tiny)
    run = adapter.forward_for(adapter.prefill(random_ids(40)))
    with pytest.raises(AssertionError, match="asks the device"), NoQuestions():
        run(torch.arange(10, 15)[None], torch.ones(1, 5, dtype=torch.bool), None)
    ids, mask = torch.arange(3), torch.tensor([True, False, True])
    with pytest.raises(AssertionError, match="counts"), NoQuestions():
        ids[mask]
    with pytest.raises(AssertionError, match="lift_fresh"), NoQuestions():
        torch.tensor([0.5])


def test_experts_that_ask_nothing_are_chosen() -> None:
    assert sync_free_experts(torch.device("cpu"), torch.bfloat16) == "batched_mm"
