"""Our loop takes the same steps as the model's own `generate()`, from the same generator state.

One inherent difference: `generate()` prefills every row of a batch, the adapter prefills one row and shares it, and a
matrix product may differ in the last bit with the batch size. A random model amplifies such a bit about tenfold a step
through its self-conditioning, so for batches both loops read the cache that `generate()` made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.diffusion_gemma import EntropyBoundSampler, EntropyBoundSamplerConfig

from engine.canvas import Canvas
from engine.denoise import denoise
from engine.denoise_config import DenoiseConfig
from engine.models.diffusion_gemma import DiffusionGemma
from tests.engine.tiny import BOS, CANVAS_LENGTH, VOCAB_SIZE, tiny_model


@dataclass
class Trace:
    """What happened inside `generate()`, a list entry a step."""

    started_from: list[Tensor] = field(default_factory=list)
    accepted_masks: list[Tensor] = field(default_factory=list)
    accepted_canvases: list[Tensor] = field(default_factory=list)
    canvases: list[Tensor] = field(default_factory=list)
    drafts: list[Tensor] = field(default_factory=list)
    finished: list[Tensor] = field(default_factory=list)
    answer: Tensor | None = None
    kv_cache: Any = None


def trace_generate(model: Any, prompt: Tensor, seed: int, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Trace:
    """Run `generate()` with its steps watched; nothing it computes is changed."""
    trace = Trace()
    denoising_step, accept_canvas = type(model)._denoising_step, EntropyBoundSampler.accept_canvas

    def watched_step(self: Any, **arguments: Any) -> Any:
        trace.started_from.append(arguments["current_canvas"].clone())
        outcome = denoising_step(self, **arguments)
        trace.canvases.append(outcome[0].clone())
        trace.drafts.append(outcome[1].clone())
        trace.finished.append(outcome[3].clone())
        return outcome

    def watched_accept(self: Any, *arguments: Any) -> Any:
        outcome = accept_canvas(self, *arguments)
        trace.accepted_masks.append(self.accepted_token_mask.clone())
        trace.accepted_canvases.append(outcome.clone())
        return outcome

    with monkeypatch.context() as patch, torch.random.fork_rng(devices=[]):
        patch.setattr(type(model), "_denoising_step", watched_step)
        patch.setattr(EntropyBoundSampler, "accept_canvas", watched_accept)
        torch.manual_seed(seed)
        entropy_bound = settings.pop("entropy_bound")
        output = model.generate(
            prompt,
            max_new_tokens=CANVAS_LENGTH,
            sampler_config=EntropyBoundSamplerConfig(entropy_bound=entropy_bound),
            **settings,
        )
    trace.answer = output.sequences[:, prompt.shape[1] :]
    trace.kv_cache = output.past_key_values
    return trace


def check_conformance(
    monkeypatch: pytest.MonkeyPatch,
    *,
    seed: int,
    batch_size: int = 1,
    prompt_length: int = 7,
    initializer_range: float = 0.5,
    branch_scale: float = 1.0,
    max_denoising_steps: int = 8,
    entropy_bound: float = 0.1,
    t_min: float = 0.4,
    t_max: float = 0.8,
    stability_threshold: int = 1,
    confidence_threshold: float = 0.005,
) -> Trace:
    """Assert that both loops take the same steps, and return what `generate()` did."""
    settings: dict[str, Any] = {
        "max_denoising_steps": max_denoising_steps,
        "entropy_bound": entropy_bound,
        "t_min": t_min,
        "t_max": t_max,
        "stability_threshold": stability_threshold,
        "confidence_threshold": confidence_threshold,
    }
    model = tiny_model(initializer_range=initializer_range, branch_scale=branch_scale)
    prompt = torch.randint(5, VOCAB_SIZE, (prompt_length,), generator=torch.Generator().manual_seed(seed + 1)).tolist()
    prompt[0] = BOS
    trace = trace_generate(model, torch.tensor([prompt] * batch_size), seed, monkeypatch, **settings)

    adapter = DiffusionGemma(model)
    prefix = adapter.prefill(prompt)
    if batch_size > 1:
        prefix = replace(prefix, kv_cache=trace.kv_cache)
    unknown = torch.zeros(batch_size, CANVAS_LENGTH, dtype=torch.bool)
    steps = list(
        denoise(
            adapter.forward_for(prefix, batch_size),
            Canvas(known_ids=torch.zeros_like(unknown, dtype=torch.int64), known=unknown),
            DenoiseConfig(vocab_size=VOCAB_SIZE, **settings),
            torch.Generator().manual_seed(seed),
        )
    )

    assert len(steps) == len(trace.canvases)
    for index, step in enumerate(steps):
        running = ~trace.finished[index - 1] if index else torch.ones(batch_size, dtype=torch.bool)
        assert step.step == index + 1
        assert torch.equal(step.canvas_ids, trace.canvases[index])
        assert torch.equal(step.argmax_ids, trace.drafts[index])
        assert torch.equal(step.finished, trace.finished[index])
        # A stopped row is still run through the model's sampler, whose outcome for it is then thrown away.
        assert torch.equal(step.accepted[running], trace.accepted_masks[index][running])
        accepted_canvas = torch.where(step.accepted, step.canvas_ids, trace.started_from[index])
        assert torch.equal(accepted_canvas[running], trace.accepted_canvases[index][running])
    assert trace.answer is not None
    assert torch.equal(steps[-1].argmax_ids, trace.answer)
    return trace


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_steps_equal_those_of_generate(seed: int, batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = check_conformance(monkeypatch, seed=seed, batch_size=batch_size)
    assert len(trace.canvases) == 8


@pytest.mark.parametrize("seed", [0, 1])
def test_steps_equal_those_of_generate_with_the_defaults_of_generate(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_conformance(monkeypatch, seed=seed, max_denoising_steps=48)


@pytest.mark.parametrize("prompt_length", [1, 15, 16, 17, 40, 150])
def test_steps_equal_those_of_generate_around_the_sliding_window(
    prompt_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_conformance(monkeypatch, seed=3, prompt_length=prompt_length, max_denoising_steps=4)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("stability_threshold", [0, 1, 3])
def test_rows_stop_early_at_the_same_steps(
    seed: int, stability_threshold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = check_conformance(
        monkeypatch,
        seed=seed,
        batch_size=3,
        initializer_range=0.8,
        branch_scale=0.08,
        max_denoising_steps=48,
        entropy_bound=1.0,
        stability_threshold=stability_threshold,
        confidence_threshold=0.05,
    )
    assert trace.finished[-1].all()
    if stability_threshold:
        assert any(0 < finished.sum() < 3 for finished in trace.finished), "no row went on after another had stopped"


@pytest.mark.parametrize("seed", [0, 1])
def test_a_single_row_stops_early_at_the_same_step(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = check_conformance(
        monkeypatch,
        seed=seed,
        initializer_range=0.8,
        branch_scale=0.08,
        max_denoising_steps=48,
        entropy_bound=1.0,
        confidence_threshold=0.05,
    )
    assert 2 < len(trace.canvases) < 48
