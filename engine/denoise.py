"""THE loop: denoise a canvas, one forward pass a step, yielding a draft after every step.

It gets the forward pass as a callable and knows no model, no tokenizer and no clock. The caller cancels by closing the
generator. One step is: logits -> temperature -> entropy -> accept -> renoise -> write the known tokens, as last writer.

Source: the entropy-bound sampler of transformers' `DiffusionGemmaGenerationMixin.generate`. Without known positions,
with uniform noise and nothing kept, the steps are the same from the same generator state. Differs: known positions take
no part in any statistic, and a kept position is decided once (see `DenoiseConfig.keep_accepted`).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.acceptance import accept
from engine.api import NoiseKind
from engine.canvas import Canvas
from engine.length import decide_slack, draft_text, has_ended
from engine.renoise import Noise, mask_noise, uniform_noise
from engine.sampling import predict
from engine.schedule import quota, temperature
from engine.stopping import count_unchanged, is_confident


class Forward(Protocol):
    """The model, seen from the loop: N open positions of the canvas in, their logits out."""

    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Predict the open positions, in row-major order.

        Shapes: canvas_ids [B, L] int64, open_mask [B, L] bool with N true -> [N, V] float32.
        `self_conditioning` [N, V] float32 holds the previous step's processed logits of the same positions; a position
        that is not open is conditioned on its own token. None is the absence of any signal, at every position.
        """


@dataclass(frozen=True, slots=True)
class DenoiseConfig:
    """How a canvas is denoised. Raises: ValueError naming the first value that makes no sense."""

    vocab_size: int
    noise: NoiseKind = "uniform"
    mask_token_id: int | None = None  # what mask noise is made of; never sampled
    # What stands at hole positions after the fill's end, for a checkpoint that knows slack: see `engine.length`.
    slack_token_id: int | None = None
    forbidden_ids: tuple[int, ...] = ()  # never sampled and never random noise either: pad, bos, image tokens, ...
    max_denoising_steps: int = 48
    entropy_bound: float = 0.1  # nats
    t_min: float = 0.4
    t_max: float = 0.8
    stability_threshold: int = 1  # a row stops when its draft has been the same for this many further steps ...
    confidence_threshold: float = 0.005  # ... and its mean entropy (nats) is below this
    # Once accepted, a position stays, and each step accepts enough for the canvas to be complete at the last one.
    # Without it acceptance is recomputed each step, as in the published sampler.
    keep_accepted: bool = False
    greedy: bool = False  # take the likeliest token instead of a sample
    self_conditioning: bool = True  # whether the checkpoint was trained to see its previous prediction

    def __post_init__(self) -> None:
        never = self.never_sampled
        problems = {
            "vocab_size must be at least 1": self.vocab_size < 1,
            f"unknown noise {self.noise!r}": self.noise not in ("mask", "uniform"),
            "mask noise needs a mask_token_id": self.noise == "mask" and self.mask_token_id is None,
            "forbidden_ids and mask_token_id must be in the vocabulary": any(
                not 0 <= token_id < self.vocab_size for token_id in never
            ),
            "forbidden_ids leave nothing to sample": len(never) >= self.vocab_size,
            "slack_token_id must be in the vocabulary and not forbidden": self.slack_token_id is not None
            and (self.slack_token_id in never or not 0 <= self.slack_token_id < self.vocab_size),
            "max_denoising_steps must be at least 1": self.max_denoising_steps < 1,
            "entropy_bound must be at least 0": not self.entropy_bound >= 0,
            "temperatures must be finite with 0 <= t_min <= t_max and 0 < t_max": not (
                0 <= self.t_min <= self.t_max < math.inf and self.t_max > 0
            ),
            "stability_threshold must be at least 0": self.stability_threshold < 0,
            "confidence_threshold must be at least 0": not self.confidence_threshold >= 0,
        }
        for problem, holds in problems.items():
            if holds:
                raise ValueError(problem)

    @property
    def never_sampled(self) -> frozenset[int]:
        """Return the ids that no free position ever gets, neither as a prediction nor as random noise."""
        return frozenset(self.forbidden_ids) | ({self.mask_token_id} if self.mask_token_id is not None else set())


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one denoising step left. Nothing in it is changed afterwards.

    The answer is the last step's `argmax_ids`: all of its positions are decided. Rows that have stopped are frozen.
    """

    step: int  # from 1
    canvas_ids: Tensor  # [B, L] int64: accepted tokens, known tokens, and noise for the next step elsewhere
    argmax_ids: Tensor  # [B, L] int64: the draft; known and kept tokens, the likeliest token elsewhere
    accepted: Tensor  # [B, L] bool: true at free positions only
    entropy: Tensor  # [B, L] float32, nats; 0 at known positions; a kept position's is that of its acceptance
    log_probs: Tensor  # [B, L] float32, nats at temperature 1, of argmax_ids; 0 at known positions
    finished: Tensor  # [B] bool: the rows that have stopped
    is_last: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """What a step hands to the next besides its outcome."""

    unchanged: Tensor  # [B] int64
    open_mask: Tensor  # [B, L] bool: the positions that were predicted
    logits: Tensor | None  # [N, V] float32: what they were predicted from, for self-conditioning


def denoise(
    forward: Forward, canvas: Canvas, config: DenoiseConfig, generator: torch.Generator
) -> Generator[Step, None, None]:
    """Denoise the free positions of the canvas, yielding after each step until all rows have stopped.

    The canvas, the generator and what `forward` returns are on one device.
    Randomness: the initial noise (unless the canvas brings its own), then in each step a sample and new noise.
    """
    loop = _Loop(forward, canvas, config, generator)
    outcome = loop.start()
    memory = _Memory(torch.zeros_like(outcome.finished, dtype=torch.int64), canvas.free, None)
    while not outcome.is_last:
        outcome, memory = loop.advance(outcome, memory)
        yield outcome


class _Loop:
    """What is the same in every step; nothing in it changes but the generator's state."""

    def __init__(self, forward: Forward, canvas: Canvas, config: DenoiseConfig, generator: torch.Generator) -> None:
        self._forward = forward
        self._canvas = canvas
        self._config = config
        self._generator = generator
        self._noise = _noise_of(config, canvas.known.device)
        self._forbidden = _forbidden_mask(config, canvas.known.device)

    def start(self) -> Step:
        """Return the state before the first step: noise, nothing accepted, no draft."""
        canvas = self._canvas
        start_ids = self._draw_noise() if canvas.canvas_ids is None else canvas.canvas_ids
        nothing = torch.zeros_like(canvas.known)
        zeros = torch.zeros_like(canvas.known, dtype=torch.float32)
        return Step(
            step=0,
            canvas_ids=canvas.with_known(start_ids),
            argmax_ids=torch.full_like(canvas.known_ids, -1),
            accepted=nothing,
            entropy=zeros,
            log_probs=zeros,
            finished=nothing.any(dim=-1),
            is_last=False,
        )

    def advance(self, before: Step, memory: _Memory) -> tuple[Step, _Memory]:
        """Run one denoising step."""
        config, canvas, step = self._config, self._canvas, before.step + 1
        open_mask = canvas.free & ~before.accepted if config.keep_accepted else canvas.free
        raw_logits = self._forward(before.canvas_ids, open_mask, _self_conditioning(memory, open_mask))
        if config.slack_token_id is not None:
            kept_text = before.accepted & (before.canvas_ids != config.slack_token_id) & config.keep_accepted
            raw_logits = decide_slack(raw_logits, open_mask, kept_text, config.slack_token_id)
        step_temperature = temperature(step, config.max_denoising_steps, config.t_min, config.t_max)
        predictions = predict(raw_logits, step_temperature, self._forbidden, config.greedy, self._generator)

        entropy = before.entropy.masked_scatter(open_mask, predictions.entropy)
        sampled_ids = before.canvas_ids.masked_scatter(open_mask, predictions.sampled_ids)
        candidates = open_mask
        if config.slack_token_id is not None:
            candidates = draft_text(sampled_ids, open_mask, config.slack_token_id)
        past_end = open_mask & ~candidates  # Slack from here on, if the text that is left of it stays.
        at_least = None
        if config.keep_accepted:
            at_least = quota(candidates.sum(dim=-1), step, config.max_denoising_steps)
        chosen = accept(entropy, candidates, config.entropy_bound, at_least)
        if config.keep_accepted and config.slack_token_id is not None:
            is_last = step == config.max_denoising_steps
            ended = has_ended(chosen, candidates, past_end, entropy, math.inf if is_last else config.entropy_bound)
            chosen = chosen | (past_end & ended[:, None])
        sampled_ids = self._slack(past_end, sampled_ids)
        accepted = before.accepted | chosen if config.keep_accepted else chosen
        canvas_ids = torch.where(accepted, sampled_ids, self._draw_noise())
        kept = chosen if config.keep_accepted else torch.zeros_like(chosen)
        argmax_ids = _put(before.argmax_ids, open_mask, kept, predictions.argmax_ids, predictions.sampled_ids)
        log_probs = _put(before.log_probs, open_mask, kept, predictions.argmax_log_probs, predictions.sampled_log_probs)
        argmax_ids = canvas.with_known(self._slack(past_end, argmax_ids))

        unchanged = count_unchanged(memory.unchanged, before.argmax_ids, argmax_ids)
        is_stable = unchanged >= config.stability_threshold
        stopped = is_stable & is_confident(entropy, open_mask, config.confidence_threshold)
        if config.keep_accepted:
            # What a stable and confident row has not accepted by now is decided by its draft.
            accepted = accepted | (stopped[:, None] & canvas.free)
            canvas_ids = torch.where(stopped[:, None], argmax_ids, canvas_ids)
            stopped = accepted.eq(canvas.free).all(dim=-1)

        # A row that had stopped before this step is frozen; the step was run for the others.
        frozen = before.finished[:, None]
        finished = before.finished | stopped
        outcome = Step(
            step=step,
            canvas_ids=canvas.with_known(torch.where(frozen, before.canvas_ids, canvas_ids)),
            argmax_ids=torch.where(frozen, before.argmax_ids, argmax_ids),
            accepted=torch.where(frozen, before.accepted, accepted),
            entropy=torch.where(frozen, before.entropy, entropy),
            log_probs=torch.where(frozen, before.log_probs, log_probs),
            finished=finished,
            is_last=step == config.max_denoising_steps or bool(finished.all()),
        )
        return outcome, _Memory(unchanged, open_mask, predictions.logits if config.self_conditioning else None)

    def _slack(self, past_end: Tensor, ids: Tensor) -> Tensor:
        slack_token_id = self._config.slack_token_id
        return ids if slack_token_id is None else torch.where(past_end, slack_token_id, ids)

    def _draw_noise(self) -> Tensor:
        batch_size, length = self._canvas.known.shape
        return self._noise.draw((batch_size, length), self._generator)


def _put(before: Tensor, open_mask: Tensor, kept: Tensor, argmax_values: Tensor, sampled_values: Tensor) -> Tensor:
    """Write the values of open positions: the sample's where it was just kept for good, the argmax's elsewhere."""
    argmax = before.masked_scatter(open_mask, argmax_values)
    return torch.where(kept, before.masked_scatter(open_mask, sampled_values), argmax)


def _self_conditioning(memory: _Memory, open_mask: Tensor) -> Tensor | None:
    if memory.logits is None:
        return None
    return memory.logits[open_mask[memory.open_mask]]


def _noise_of(config: DenoiseConfig, device: torch.device) -> Noise:
    if config.noise == "mask" and config.mask_token_id is not None:
        return mask_noise(config.vocab_size, config.mask_token_id)
    return uniform_noise(config.vocab_size, config.never_sampled, device)


def _forbidden_mask(config: DenoiseConfig, device: torch.device) -> Tensor | None:
    if not config.never_sampled:
        return None
    forbidden = torch.zeros(config.vocab_size, dtype=torch.bool, device=device)
    forbidden[list(config.never_sampled)] = True
    return forbidden
