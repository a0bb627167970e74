"""The loop, with forward passes that need no model: what always holds, and that it equals the plain reference."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import engine.denoise as denoise_module
from engine.canvas import Canvas, hole_canvas
from engine.denoise import Step, denoise
from engine.denoise_config import DenoiseConfig
from tests.engine.reference import plain_denoise

VOCAB_SIZE = 11
MASK = 3


class RandomLogits:
    """A forward pass of random numbers that depend on all that the loop hands over, and on nothing outside the row."""

    def __init__(self, seed: int, sharpness: float) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._by_context = torch.randn(7, 16, VOCAB_SIZE, generator=generator) * sharpness
        self._by_token = torch.randn(VOCAB_SIZE, VOCAB_SIZE, generator=generator) * sharpness
        self.seen: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        self.seen.append((canvas_ids, open_mask, self_conditioning))
        context = canvas_ids.sum(dim=-1) % 7
        logits = self._by_context[context][:, : canvas_ids.shape[1]] + self._by_token[canvas_ids]
        open_logits = logits[open_mask]
        if self_conditioning is not None:
            assert self_conditioning.shape == open_logits.shape
            open_logits = open_logits + self._by_token[self_conditioning.argmax(dim=-1)] / 2
        return open_logits


@st.composite
def canvases(draw: st.DrawFn, max_rows: int = 3) -> Canvas:
    num_rows, length = draw(st.integers(1, max_rows)), draw(st.integers(1, 8))
    known = torch.tensor([draw(st.lists(st.booleans(), min_size=length, max_size=length)) for _ in range(num_rows)])
    known[torch.arange(num_rows), draw(st.integers(0, length - 1))] = False
    ids = st.lists(st.integers(0, VOCAB_SIZE - 1), min_size=length, max_size=length)
    return Canvas(known_ids=torch.tensor([draw(ids) for _ in range(num_rows)]), known=known)


@st.composite
def configs(draw: st.DrawFn, **fixed: Any) -> DenoiseConfig:
    values: dict[str, Any] = {
        "noise": draw(st.sampled_from(["mask", "uniform"])),
        "forbidden_ids": draw(st.sampled_from([(), (0,), (0, 7, 10)])),
        "max_denoising_steps": draw(st.integers(1, 9)),
        "entropy_bound": draw(st.sampled_from([0.001, 0.1, 1.0, 4.0])),
        "t_min": 0.5,
        "t_max": draw(st.sampled_from([0.5, 1.0])),
        "stability_threshold": draw(st.integers(0, 2)),
        "confidence_threshold": draw(st.sampled_from([0.0, 0.01, 0.7])),
        "keep_accepted": draw(st.booleans()),
        "greedy": draw(st.booleans()),
        "self_conditioning": draw(st.booleans()),
    }
    values |= fixed
    return DenoiseConfig(vocab_size=VOCAB_SIZE, mask_token_id=MASK if values["noise"] == "mask" else None, **values)


forwards = st.builds(RandomLogits, seed=st.integers(0, 10_000), sharpness=st.sampled_from([0.1, 1.0, 5.0, 20.0]))
seeds = st.integers(0, 2**32)
check_many = settings(max_examples=150, deadline=None, derandomize=True)


def check_denoise(forward: Callable[..., Tensor], canvas: Canvas, config: DenoiseConfig, seed: int = 0) -> list[Step]:
    """Denoise, and assert on every step what holds for all models, canvases and settings."""
    free, known_ids = canvas.free, canvas.known_ids[canvas.known]
    steps = list(denoise(forward, canvas, config, torch.Generator().manual_seed(seed)))
    never = torch.tensor(sorted(config.never_sampled), dtype=torch.int64)

    assert 1 <= len(steps) <= config.max_denoising_steps
    assert [step.step for step in steps] == list(range(1, len(steps) + 1))
    assert [step.is_last for step in steps] == [False] * (len(steps) - 1) + [True]
    finished = torch.zeros(len(free), dtype=torch.bool)
    for step in steps:
        assert torch.equal(step.canvas_ids[canvas.known], known_ids), "a known position changed on the canvas"
        assert torch.equal(step.argmax_ids[canvas.known], known_ids), "a known position changed in the draft"
        assert not torch.isin(step.argmax_ids[free], never).any(), "a free position of a draft is not decided"
        assert not torch.isin(step.canvas_ids[step.accepted], never).any()
        assert not (step.accepted & canvas.known).any()
        assert (step.accepted.any(dim=-1)).all(), "a step accepted nothing"
        assert (step.entropy[canvas.known] == 0).all()
        assert (step.log_probs[canvas.known] == 0).all()
        assert (step.entropy >= -1e-5).all()
        assert (step.log_probs <= 1e-5).all()
        assert step.entropy.isfinite().all()
        assert step.log_probs.isfinite().all()
        if config.noise == "mask":
            assert (step.canvas_ids[free & ~step.accepted] == MASK).all()
        assert (step.finished >= finished).all(), "a row that had stopped goes on"
        finished = step.finished
    for before, after in pairwise(steps):
        assert not before.finished.all(), "a step was run although all rows had stopped"
        for name in ("canvas_ids", "argmax_ids", "accepted", "entropy", "log_probs"):
            assert torch.equal(getattr(before, name)[before.finished], getattr(after, name)[before.finished]), name
        if config.keep_accepted:
            kept = before.accepted
            assert (after.accepted >= kept).all(), "an accepted position was given up"
            for name in ("canvas_ids", "argmax_ids", "entropy", "log_probs"):
                assert torch.equal(getattr(before, name)[kept], getattr(after, name)[kept]), name
    if config.keep_accepted:
        assert torch.equal(steps[-1].accepted, free), "the canvas is not complete after the last step"
        assert torch.equal(steps[-1].canvas_ids, steps[-1].argmax_ids)
        assert steps[-1].finished.all()
    return steps


@check_many
@given(forwards, canvases(), configs(), seeds)
def test_known_positions_never_change_and_free_ones_are_decided(
    forward: RandomLogits, canvas: Canvas, config: DenoiseConfig, seed: int
) -> None:
    check_denoise(forward, canvas, config, seed)


@check_many
@given(forwards, canvases(), configs(), seeds)
def test_the_loop_equals_the_plain_reference(
    forward: RandomLogits, canvas: Canvas, config: DenoiseConfig, seed: int
) -> None:
    steps = check_denoise(forward, canvas, config, seed)
    plain_steps = plain_denoise(forward, canvas, config, torch.Generator().manual_seed(seed))
    assert len(steps) == len(plain_steps)
    for step, plain in zip(steps, plain_steps, strict=True):
        assert step.canvas_ids.tolist() == plain.canvas
        assert step.argmax_ids.tolist() == plain.draft
        assert step.accepted.tolist() == plain.accepted
        assert step.finished.tolist() == plain.finished
        torch.testing.assert_close(step.entropy, torch.tensor(plain.entropy), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(step.log_probs, torch.tensor(plain.log_probs), atol=1e-4, rtol=1e-4)


@check_many
@given(forwards, canvases(), configs(greedy=True, noise="mask"))
def test_a_row_of_a_batch_equals_the_row_alone(forward: RandomLogits, canvas: Canvas, config: DenoiseConfig) -> None:
    together = check_denoise(forward, canvas, config)[-1]
    for row in range(len(canvas.known)):
        alone = Canvas(known_ids=canvas.known_ids[row : row + 1], known=canvas.known[row : row + 1])
        last = check_denoise(forward, alone, config)[-1]
        assert torch.equal(last.argmax_ids[0], together.argmax_ids[row])
        assert torch.equal(last.accepted[0], together.accepted[row])
        torch.testing.assert_close(last.log_probs[0], together.log_probs[row])


def test_the_same_seed_gives_the_same_steps() -> None:
    config = DenoiseConfig(vocab_size=VOCAB_SIZE, max_denoising_steps=6)
    first, again, other = (
        check_denoise(RandomLogits(1, 1.0), hole_canvas(6, [5, 6], batch_size=2), config, seed) for seed in (4, 4, 5)
    )
    assert all(torch.equal(a.canvas_ids, b.canvas_ids) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].canvas_ids, other[0].canvas_ids)


def test_only_open_positions_are_asked_for_and_conditioned_on_their_own_last_logits() -> None:
    forward = RandomLogits(2, 1.0)
    config = DenoiseConfig(
        vocab_size=VOCAB_SIZE,
        noise="mask",
        mask_token_id=MASK,
        max_denoising_steps=4,
        entropy_bound=0.0,
        keep_accepted=True,
        t_min=1.0,
        t_max=1.0,
    )
    steps = check_denoise(forward, hole_canvas(8, [5, 6, 7]), config)
    assert [int(open_mask.sum()) for _, open_mask, _ in forward.seen] == [8, 6, 4, 2]
    assert forward.seen[0][2] is None
    for step, (earlier_ids, earlier_open, told), (_, later_open, told_later) in zip(
        steps, forward.seen, forward.seen[1:], strict=False
    ):
        logits = RandomLogits(2, 1.0)(earlier_ids, earlier_open, told)
        logits[:, MASK] = -torch.inf
        assert told_later is not None
        torch.testing.assert_close(told_later, logits[~step.accepted[earlier_open]])
        assert torch.equal(later_open, earlier_open & ~step.accepted)


def test_without_self_conditioning_none_is_fed() -> None:
    forward = RandomLogits(2, 1.0)
    config = DenoiseConfig(vocab_size=VOCAB_SIZE, max_denoising_steps=4, self_conditioning=False)
    check_denoise(forward, hole_canvas(4, [5]), config)
    assert [told for _, _, told in forward.seen] == [None] * 4


def test_closing_the_generator_runs_no_further_pass() -> None:
    forward = RandomLogits(3, 0.1)
    steps = denoise(forward, hole_canvas(4, []), DenoiseConfig(vocab_size=VOCAB_SIZE), torch.Generator().manual_seed(0))
    next(iter(steps))
    steps.close()
    assert len(forward.seen) == 1


def test_denoising_starts_from_the_canvas_when_it_brings_one() -> None:
    start = torch.tensor([[1, 2, 9, 4]])
    known = torch.tensor([[False, False, True, True]])
    forward = RandomLogits(4, 1.0)
    canvas = Canvas(known_ids=torch.tensor([[0, 0, 5, 6]]), known=known, canvas_ids=start)
    check_denoise(forward, canvas, DenoiseConfig(vocab_size=VOCAB_SIZE))
    assert forward.seen[0][0].tolist() == [[1, 2, 5, 6]]


def test_a_sure_row_is_accepted_at_once_and_known_positions_cost_no_entropy() -> None:
    def sure(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        return torch.nn.functional.one_hot(torch.arange(int(open_mask.sum())) % 5 + 5, VOCAB_SIZE).float() * 40

    config = DenoiseConfig(vocab_size=VOCAB_SIZE, noise="mask", mask_token_id=MASK, keep_accepted=True)
    steps = check_denoise(sure, hole_canvas(5, [1, 2, 1, 2]), config)
    assert len(steps) == 1
    assert steps[0].argmax_ids.tolist() == [[5, 6, 7, 8, 9, 1, 2, 1, 2]]


class HeldLogits(RandomLogits):
    """Random numbers, of which so many open positions from the left of each row are held."""

    holds: Tensor | None = None
    num_held = 2

    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        self.holds = open_mask & (open_mask.cumsum(dim=-1) <= self.num_held)
        return super().__call__(canvas_ids, open_mask, self_conditioning)


def test_a_row_that_need_not_be_complete_is_as_long_as_its_readings_held() -> None:
    canvas = Canvas(torch.tensor([[5, *[0] * 9, 6]]), torch.tensor([[True, *[False] * 9, True]]))
    config = DenoiseConfig(
        VOCAB_SIZE, "mask", MASK, max_denoising_steps=3, keep_accepted=True, greedy=True, follow_reading=True,
        reach=4, completes=False, self_conditioning=False,
    )  # fmt: skip
    forward = HeldLogits(1, 3.0)
    steps = list(denoise(forward, canvas, config, torch.Generator()))
    assert [int(step.accepted.sum()) for step in steps] == [2, 4, 6]
    assert [int(open_mask.sum()) for _, open_mask, _ in forward.seen] == [4, 4, 4]  # also in the first and the last
    last = steps[-1]
    assert last.argmax_ids[0].tolist() == [
        5,
        *last.canvas_ids[0, 1:7].tolist(),
        *last.argmax_ids[0, 7:9].tolist(),
        MASK,
        6,
    ]
    assert last.entropy.isinf()[0].tolist() == [*[False] * 9, True, False]  # What no pass reached is unknown.
    complete = list(denoise(HeldLogits(1, 3.0), canvas, replace(config, completes=True), torch.Generator()))
    assert bool(complete[-1].accepted[0, 1:10].all())


def test_the_loop_imports_no_model_and_no_model_imports_the_canvas() -> None:
    engine = Path(denoise_module.__file__).parent
    rooms = "denoise canvas schedule acceptance renoise stopping sampling"
    for room in rooms.split():
        assert not {
            name for name in imports(engine / f"{room}.py") if name.startswith(("transformers", "engine.models"))
        }
    for file in (engine / "models").glob("*.py"):
        assert not imports(file) & {"engine.canvas", "engine.denoise"}


def imports(file: Path) -> set[str]:
    """Return the names of the modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"vocab_size": 0}, "vocab_size"),
        ({"noise": "gaussian"}, "unknown noise 'gaussian'"),
        ({"noise": "mask"}, "mask_token_id"),
        ({"forbidden_ids": (11,)}, "in the vocabulary"),
        ({"mask_token_id": -1}, "in the vocabulary"),
        ({"forbidden_ids": tuple(range(11))}, "nothing to sample"),
        ({"max_denoising_steps": 0}, "max_denoising_steps"),
        ({"entropy_bound": -0.1}, "entropy_bound"),
        ({"entropy_bound": float("nan")}, "entropy_bound"),
        ({"t_min": 0.9}, "temperatures"),
        ({"t_min": 0.0, "t_max": 0.0}, "temperatures"),
        ({"t_max": float("inf")}, "temperatures"),
        ({"stability_threshold": -1}, "stability_threshold"),
        ({"confidence_threshold": -1.0}, "confidence_threshold"),
    ],
)
def test_a_config_that_makes_no_sense_says_why(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(DenoiseConfig(vocab_size=VOCAB_SIZE), **changed)
