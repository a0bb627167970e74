"""Whole steps on the device against the plain loop: the same canvases, drafts and decisions, from the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine import device_rows
from engine.canvas import Canvas, hole_canvas
from engine.constraints import constraints
from engine.denoise import Step, denoise, noise_of
from engine.denoise_config import DenoiseConfig
from engine.device_loop import can_run, denoise_on_device
from engine.device_rows import read_rows
from engine.device_step import Draws
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.static_cache import Buckets, Shape
from engine.models.static_pass import StaticPasses
from engine.sampling import predict
from tests.engine.test_denoise import VOCAB_SIZE, RandomLogits, canvases, configs
from tests.engine.tiny import BOS, SLIDING_WINDOW, tiny_model
from tests.engine.tiny import VOCAB_SIZE as TINY_VOCAB_SIZE

FIELDS = ("canvas_ids", "argmax_ids", "accepted", "finished")
NUMBERS = ("entropy", "log_probs")
check_many = settings(max_examples=120, deadline=None, derandomize=True)


def assert_same(expected: list[Step], found: list[Step], atol: float = 1e-4) -> None:
    assert [(step.step, step.is_last) for step in found] == [(step.step, step.is_last) for step in expected]
    for one, other in zip(expected, found, strict=True):
        for name in FIELDS:
            assert torch.equal(getattr(one, name), getattr(other, name)), (one.step, name)
        for name in NUMBERS:
            torch.testing.assert_close(getattr(other, name), getattr(one, name), atol=atol, rtol=1e-3)
        assert (one.suspect is None) == (other.suspect is None)


class PlacedLogits:
    """`RandomLogits` with slots: the same numbers, in the shape that a step on the device asks for."""

    recorder, device, vocab_size, num_bytes = None, torch.device("cpu"), VOCAB_SIZE, 0

    def __init__(self, logits: RandomLogits, shape: Shape) -> None:
        self.logits, self.shape = logits, shape
        self.told = torch.zeros(shape.rows, VOCAB_SIZE)

    def load(self, prefix: object) -> None:
        """Nothing: these numbers follow no prefix."""

    def place(self, length: int, row_index: Tensor, slot_of: Tensor) -> None:
        self.row_index, self.slot_of = row_index, slot_of

    def predict(self, canvas_ids: Tensor, is_open: Tensor, is_told: Tensor | None) -> Tensor:
        self.is_open = is_open
        by_context, by_token = self.logits._by_context, self.logits._by_token
        everywhere = by_context[canvas_ids.sum(dim=-1) % 7][:, : canvas_ids.shape[1]] + by_token[canvas_ids]
        rows = everywhere.flatten(0, 1)[self.row_index]
        if is_told is not None and bool(is_told):
            rows = rows + by_token[self.told.argmax(dim=-1)] / 2
        return rows

    def capped(self, logits: Tensor) -> Tensor:
        return logits.clone()

    def remember(self, probs: Tensor) -> None:
        self.told = probs.clone()

    def forget(self, is_forgotten: Tensor) -> None:
        self.told[self.slot_of[is_forgotten]] = 1 / VOCAB_SIZE


class SameDraws:
    """The plain loop's random numbers, padded: drawn for the positions that are open, in its order."""

    def __init__(self, model: PlacedLogits, canvas: Canvas, config: DenoiseConfig, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self._model, self._size = model, canvas.known.shape
        self._noise_source = noise_of(config, torch.device("cpu"))

    def race(self, like: Tensor) -> Tensor:
        slots = self._model.slot_of[self._model.is_open]
        like.fill_(1.0)
        like[slots] = torch.empty(len(slots), VOCAB_SIZE).exponential_(generator=self.generator)
        return like

    def noise(self) -> Tensor:
        ids = torch.zeros(self._model.slot_of.shape if hasattr(self._model, "slot_of") else (), dtype=torch.int64)
        ids[: self._size[0], : self._size[1]] = self._noise_source.draw(tuple(self._size), self.generator)
        return ids


class Doubts:
    """Sends rows back, each at most twice, from a position on that their draft tells; the same for the same drafts."""

    def __init__(self, canvas: Canvas) -> None:
        self._free, self._rounds = canvas.free, [0] * len(canvas.known)

    def __call__(self, ids: Tensor, asked: Tensor, settled: Tensor) -> Tensor:
        suspect = torch.zeros_like(self._free)
        for row in asked.nonzero().flatten().tolist():
            places = self._free[row].nonzero().flatten().tolist()
            if self._rounds[row] < 2 and ids[row].sum() % 3:
                self._rounds[row] += 1
                suspect[row, places[int(ids[row].sum()) % len(places) :]] = True
        return suspect


class NoStatic:
    """What the loop asks of `StaticPasses`, over `PlacedLogits`."""

    def __init__(self, logits: RandomLogits, shape: Shape) -> None:
        self.model, self._shape = PlacedLogits(logits, shape), shape

    def shape_for(self, *sizes: Any) -> Shape:
        return self._shape

    def grow(self, shape: Shape) -> None:
        """Nothing to do."""

    def open(self, shape: Shape) -> PlacedLogits:
        return self.model


@check_many
@given(
    canvas=canvases(),
    config=configs(),
    sharpness=st.sampled_from([0.1, 1.0, 5.0, 20.0]),
    seed=st.integers(0, 10_000),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 5)),
    doubts=st.booleans(),
    begins=st.booleans(),
)
def test_steps_equal_the_plain_loops(
    canvas: Canvas,
    config: DenoiseConfig,
    sharpness: float,
    seed: int,
    padding: tuple[int, int, int],
    doubts: bool,
    begins: bool,
) -> None:
    logits = RandomLogits(seed, sharpness)
    num_rows, length = canvas.known.shape
    begun = None
    if begins and config.keep_accepted and int(canvas.free.sum(-1).min()) > 1:
        begun = canvas.free & (canvas.free.cumsum(-1) == 1)
    reviews = (Doubts(canvas), Doubts(canvas)) if doubts else (None, None)
    generator = torch.Generator().manual_seed(seed)
    expected = list(denoise(logits, canvas, config, generator, reviews[0], begun))
    shape = Shape(0, length + padding[0], num_rows + padding[1], int(canvas.free.sum()) + padding[2])
    static: Any = NoStatic(logits, shape)
    draws = SameDraws(static.model, canvas, config, seed)
    found = list(
        denoise_on_device(
            static,
            None,  # type: ignore[arg-type]
            canvas,
            config,
            torch.Generator(),
            review=reviews[1],
            begun=begun,
            draws=Draws(draws.race, draws.noise),
        )
    )
    assert_same(expected, found)


@pytest.mark.parametrize("temperature", [0.3, 1.0])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_rows_are_read_as_the_plain_loop_reads_them(
    monkeypatch: pytest.MonkeyPatch, temperature: float, at_once: int
) -> None:
    monkeypatch.setattr(device_rows, "_MAX_LOGITS", at_once * 50)
    raw = torch.randn(8, 50, generator=torch.Generator().manual_seed(1)) * 6
    raw[0] = -40.0
    raw[0, 7] = 60.0  # certain
    impossible = torch.zeros(8, 50, dtype=torch.bool)
    impossible[:, 3] = True
    impossible[2, raw[2].argmax()] = True
    limited = raw.masked_fill(impossible, -torch.inf)
    expected = predict(limited, temperature, None, True, torch.Generator())
    probs = raw.clone()
    race = torch.empty(8, 50).exponential_(generator=torch.Generator().manual_seed(2))
    rows = iter(range(0, 8, min(at_once, 8)))

    def drawn(like: Tensor) -> Tensor:
        first = next(rows)
        return race[first : first + len(like)].clone()

    found = read_rows(probs, torch.clone, impossible, torch.tensor([temperature]), drawn)
    torch.testing.assert_close(probs, expected.logits.softmax(-1))
    assert torch.equal(found.argmax_ids, expected.argmax_ids)
    torch.testing.assert_close(found.entropy, expected.entropy, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.argmax_log_probs, expected.argmax_log_probs, atol=1e-5, rtol=1e-5)
    sampled = (expected.logits.softmax(-1) / race).argmax(-1)
    assert torch.equal(found.sampled_ids, sampled)
    log_probs = limited.log_softmax(-1).gather(-1, sampled[:, None])[:, 0]
    torch.testing.assert_close(found.sampled_log_probs, log_probs, atol=1e-4, rtol=1e-4)
    greedy = read_rows(raw.clone(), torch.clone, impossible, torch.tensor([temperature]), None)
    assert torch.equal(greedy.sampled_ids, greedy.argmax_ids)


PREFIX_LENGTHS = (1, SLIDING_WINDOW - 1, SLIDING_WINDOW, SLIDING_WINDOW + 1, 40)


@pytest.fixture(scope="module")
def settling() -> Any:
    """A model whose drafts settle, so that a difference in the last bit of a number stays one."""
    return tiny_model(3, branch_scale=0.2)


def random_ids(length: int) -> list[int]:
    drawn = torch.randint(5, TINY_VOCAB_SIZE, (length - 1,), generator=torch.Generator().manual_seed(length))
    return [BOS, *drawn.tolist()]


def tiny_config(**options: Any) -> DenoiseConfig:
    values = {"forbidden_ids": (0, 1, 2), "max_denoising_steps": 10, "confidence_threshold": 0.7, "entropy_bound": 3.0}
    return DenoiseConfig(vocab_size=TINY_VOCAB_SIZE, **(values | options))


def both(
    model: Any, buckets: Buckets, length: int, canvas: Canvas, config: DenoiseConfig, *, doubts: bool = False
) -> tuple[list[Step], list[Step]]:
    """Return the steps of the plain loop and those on static buffers, of the same fill."""
    plain, fast = DiffusionGemma(model), DiffusionGemma(model, static_passes=StaticPasses(model, buckets))
    assert fast.static_passes is not None
    prefix = plain.prefill(random_ids(length))
    forward = plain.forward_for(prefix, len(canvas.known))
    generator, review = torch.Generator().manual_seed(5), Doubts(canvas) if doubts else None
    expected = list(denoise(forward, canvas, config, generator, review))
    for _ in range(2):  # The second fill finds the buffers used.
        generator, review = torch.Generator().manual_seed(5), Doubts(canvas) if doubts else None
        assert can_run(fast.static_passes, prefix, canvas, config)
        steps = denoise_on_device(fast.static_passes, prefix, canvas, config, generator, review=review)
        found = list(steps)
    return expected, found


@pytest.mark.parametrize("length", PREFIX_LENGTHS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("self_conditioning", [False, True])
def test_sampled_fills_are_the_plain_loops(
    settling: Any, length: int, batch_size: int, self_conditioning: bool
) -> None:
    # Without padding of canvas, batch and slots, a seed means the same numbers here and there.
    buckets = Buckets(prefix=(24, 48), canvas=(9,), batch=(1, 3), rows=(6, 18))
    canvas = hole_canvas(6, [20, 21, 22], batch_size=batch_size)
    config = tiny_config(self_conditioning=self_conditioning)
    expected, found = both(settling, buckets, length, canvas, config)
    assert_same(expected, found, atol=5e-3)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_canvas_that_brings_its_own_start_is_the_plain_loops(settling: Any, batch_size: int) -> None:
    # Not a number is drawn for a start that is given, so that the numbers after it are the same, too.
    buckets = Buckets(prefix=(24,), canvas=(9,), batch=(1, 3), rows=(6, 18))
    canvas = hole_canvas(6, [20, 21, 22], batch_size=batch_size)
    start = torch.randint(30, 60, canvas.known.shape, generator=torch.Generator().manual_seed(9))
    canvas = replace(canvas, canvas_ids=canvas.with_known(start))
    expected, found = both(settling, buckets, 20, canvas, tiny_config(self_conditioning=True))
    assert_same(expected, found, atol=5e-3)
    assert any(not step.accepted.all() for step in found), "noise was drawn in a step"


@pytest.mark.parametrize("length", PREFIX_LENGTHS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("keep_accepted", [False, True])
def test_padding_changes_nothing(settling: Any, length: int, batch_size: int, keep_accepted: bool) -> None:
    buckets = Buckets(prefix=(24, 48), canvas=(16,), batch=(2, 4), rows=(32,))
    canvas = hole_canvas(6, [20, 21, 22], batch_size=batch_size)
    config = tiny_config(noise="mask", mask_token_id=3, greedy=True, keep_accepted=keep_accepted)
    expected, found = both(settling, buckets, length, canvas, config)
    assert_same(expected, found, atol=5e-3)


def test_some_rows_stop_before_others(settling: Any) -> None:
    buckets = Buckets(prefix=(24,), canvas=(9,), batch=(3,), rows=(18,))
    expected, found = both(settling, buckets, 20, hole_canvas(6, [20, 21, 22], batch_size=3), tiny_config())
    assert_same(expected, found, atol=5e-3)
    assert len(found) < 10
    assert any(step.finished.any() and not step.finished.all() for step in found)


@pytest.mark.parametrize("stability_threshold", [0, 1, 2, 3])
def test_a_row_stops_when_its_draft_has_stayed_for_so_many_steps(settling: Any, stability_threshold: int) -> None:
    buckets = Buckets(prefix=(24,), canvas=(9,), batch=(3,), rows=(18,))
    config = tiny_config(stability_threshold=stability_threshold, confidence_threshold=2.0, max_denoising_steps=16)
    expected, found = both(settling, buckets, 20, hole_canvas(6, [20, 21, 22], batch_size=3), config)
    assert_same(expected, found, atol=5e-3)
    assert found[-1].finished.any()
    assert not any(step.finished.any() for step in found[:stability_threshold])


@pytest.mark.parametrize("keep_accepted", [False, True])
def test_what_is_sent_back_is_told_of_nothing(settling: Any, keep_accepted: bool) -> None:
    buckets = Buckets(prefix=(24,), canvas=(9,), batch=(3,), rows=(18,))
    config = tiny_config(keep_accepted=keep_accepted, greedy=True, noise="mask", mask_token_id=3)
    canvas = hole_canvas(6, [20, 21, 22], batch_size=3)
    expected, found = both(settling, buckets, 20, canvas, config, doubts=True)
    assert_same(expected, found, atol=5e-3)
    assert any(step.suspect is not None for step in found[:-1])


def test_what_is_impossible_is_never_written(settling: Any) -> None:
    static = StaticPasses(settling, Buckets(prefix=(24,), canvas=(16,), batch=(2,), rows=(16,)))
    prefix = DiffusionGemma(settling).prefill(random_ids(9))
    limits = constraints(
        TINY_VOCAB_SIZE, torch.device("cpu"), never=range(5, 100), first_ids=(120, 121), never_first=(121,)
    )
    config = tiny_config(forbidden_ids=tuple(range(200, TINY_VOCAB_SIZE)))
    canvas, generator = hole_canvas(6, [20, 21, 22], batch_size=2), torch.Generator().manual_seed(0)
    for step in denoise_on_device(static, prefix, canvas, config, generator, limits.over):
        assert step.argmax_ids[:, 0].tolist() == [120, 120]
        assert ((step.argmax_ids[:, :6] >= 100) & (step.argmax_ids[:, :6] < 200) | (step.argmax_ids[:, :6] < 5)).all()
        assert step.argmax_ids[:, 6:].tolist() == step.canvas_ids[:, 6:].tolist() == [[20, 21, 22]] * 2


def test_two_fills_on_the_same_buffers_do_not_mix(settling: Any) -> None:
    static = StaticPasses(settling, Buckets(prefix=(24,), canvas=(16,), batch=(2,), rows=(16,)))
    prefix = DiffusionGemma(settling).prefill(random_ids(9))
    fills = [
        denoise_on_device(static, prefix, hole_canvas(4, [20]), tiny_config(), torch.Generator().manual_seed(seed))
        for seed in (0, 1)
    ]
    next(fills[0])
    next(fills[1])
    with pytest.raises(RuntimeError, match="another fill"):
        next(fills[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda canvas, config: (canvas, replace(config, slack_token_id=4)),
        lambda canvas, config: (canvas, replace(config, follow_reading=True)),
        lambda canvas, config: (canvas, replace(config, max_denoising_steps=1000)),
        lambda canvas, config: (hole_canvas(20, []), config),
        lambda canvas, config: (hole_canvas(2, [], batch_size=3), config),
    ],
)
def test_what_cannot_run_there_is_told_before(
    settling: Any, change: Callable[[Canvas, DenoiseConfig], tuple[Canvas, DenoiseConfig]]
) -> None:
    static = StaticPasses(settling, Buckets(prefix=(24,), canvas=(16,), batch=(2,), rows=(16,)))
    adapter, canvas, config = DiffusionGemma(settling), hole_canvas(6, [20]), tiny_config()
    assert can_run(static, adapter.prefill(random_ids(24)), canvas, config)
    assert not can_run(static, adapter.prefill(random_ids(25)), canvas, config)
    assert not can_run(static, adapter.prefill(random_ids(9)), *change(canvas, config))


def test_the_buffers_are_counted(settling: Any) -> None:
    static = StaticPasses(settling, Buckets(prefix=(24,), canvas=(16,), batch=(2,), rows=(16,)))
    list(
        denoise_on_device(
            static, DiffusionGemma(settling).prefill([BOS]), hole_canvas(4, [20]), tiny_config(), torch.Generator()
        )
    )
    assert len(static.programs) == 1
    impossible = 16 * TINY_VOCAB_SIZE
    assert impossible < static.programs.num_bytes < 4 * impossible
    static.clear()
    assert static.programs.num_bytes == 0
