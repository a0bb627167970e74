"""THE loop: denoise a canvas, one forward pass a step, yielding a draft after every step.

It gets the forward pass as a callable and knows no model, no tokenizer and no clock. The caller cancels by closing the
generator. One step is: logits -> temperature -> entropy -> accept -> renoise -> write the known tokens, as last writer.

Source: the entropy-bound sampler of transformers' `DiffusionGemmaGenerationMixin.generate`. Without known positions,
with uniform noise and nothing kept, the steps are the same from the same generator state. Differs: known positions take
no part in any statistic, and a kept position is decided once (see `DenoiseConfig.keep_accepted`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from engine.acceptance import accept
from engine.canvas import Canvas
from engine.denoise_config import DenoiseConfig
from engine.length import closable, decide_slack, draft_text
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


Review = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Look at rows: drafts [B, L] ids, asked [B] bool, settled [B, L] bool -> [B, L] bool, what is to be written anew.

Sending a row back without end is for the reviewer to avoid, and so is that the same tokens come again."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one denoising step left. Nothing in it is changed afterwards.

    The answer is the last step's `argmax_ids`: all of its positions are decided, or those that are accepted where rows
    need not be complete. Rows that have stopped are frozen.
    """

    step: int  # from 1
    canvas_ids: Tensor  # [B, L] int64: accepted tokens, known tokens, and noise for the next step elsewhere
    argmax_ids: Tensor  # [B, L] int64: the draft; known and kept tokens, the likeliest token elsewhere
    accepted: Tensor  # [B, L] bool: true at free positions only
    entropy: Tensor  # [B, L] float32, nats; 0 at known positions; a kept position's is that of its acceptance
    log_probs: Tensor  # [B, L] float32, nats at temperature 1, of argmax_ids; 0 at known positions
    finished: Tensor  # [B] bool: the rows that have stopped
    is_last: bool
    suspect: Tensor | None = None  # [B, L] bool: what a review sent back; noise again, accepted no more


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """What a step hands to the next besides its outcome."""

    unchanged: Tensor  # [B] int64
    open_mask: Tensor  # [B, L] bool: the positions that were predicted
    logits: Tensor | None  # [N, V] float32: what they were predicted from, for self-conditioning


def denoise(
    forward: Forward,
    canvas: Canvas,
    config: DenoiseConfig,
    generator: torch.Generator,
    review: Review | None = None,
    begun: Tensor | None = None,
) -> Generator[Step, None, None]:
    """Denoise the free positions of the canvas, yielding after each step until all rows have stopped.

    The canvas, the generator and what `forward` returns are on one device.
    A row goes to the review when it stops early, and where positions are kept from a third of the steps on.
    `begun` [B, L] bool are free positions that are accepted from the start, as the canvas's known ids have them.
    Randomness: the initial noise (unless the canvas brings its own), then in each step a sample and new noise.
    """
    loop = _Loop(forward, canvas, config, generator, review)
    outcome = loop.start(begun)
    memory = _Memory(torch.zeros_like(outcome.finished, dtype=torch.int64), canvas.free, None)
    while not outcome.is_last:
        outcome, memory = loop.advance(outcome, memory)
        yield outcome


class _Loop:
    """What is the same in every step; nothing in it changes but the generator's state."""

    def __init__(
        self,
        forward: Forward,
        canvas: Canvas,
        config: DenoiseConfig,
        generator: torch.Generator,
        review: Review | None,
    ) -> None:
        self._forward = forward
        self._review = review
        self._canvas = canvas
        self._config = config
        self._generator = generator
        self._noise = noise_of(config, canvas.known.device)
        self._forbidden = _forbidden_mask(config, canvas.known.device)
        self._holes = canvas.holes

    def start(self, begun: Tensor | None) -> Step:
        """Return the state before the first step: noise, nothing but `begun` accepted, no draft."""
        canvas = self._canvas
        start_ids = self._draw_noise() if canvas.canvas_ids is None else canvas.canvas_ids
        nothing = torch.zeros_like(canvas.known)
        accepted = nothing if begun is None else begun
        zeros = torch.zeros_like(canvas.known, dtype=torch.float32)
        # What no step reaches stays unknown.
        entropy = zeros if self._config.completes else zeros.masked_fill(canvas.free & ~accepted, torch.inf)
        start_ids = torch.where(accepted, canvas.known_ids, start_ids)
        return Step(
            step=0,
            canvas_ids=canvas.with_known(start_ids),
            argmax_ids=torch.where(accepted, start_ids, -1 if self._config.completes else start_ids),
            accepted=accepted,
            entropy=entropy,
            log_probs=zeros,
            finished=nothing.any(dim=-1),
            is_last=False,
        )

    def advance(self, before: Step, memory: _Memory) -> tuple[Step, _Memory]:
        """Run one denoising step."""
        config, canvas, step = self._config, self._canvas, before.step + 1
        undecided = canvas.free & ~before.accepted if config.keep_accepted else canvas.free
        open_mask = self._in_reach(undecided, step)
        raw_logits = self._forward(before.canvas_ids, open_mask, _self_conditioning(memory, open_mask))
        if config.slack_token_id is not None:
            kept_text = before.accepted & (before.canvas_ids != config.slack_token_id) & config.keep_accepted
            raw_logits = decide_slack(raw_logits, open_mask, kept_text, config.slack_token_id, self._holes)
        step_temperature = temperature(step, config.max_denoising_steps, config.t_min, config.t_max)
        predictions = predict(raw_logits, step_temperature, self._forbidden, config.greedy, self._generator)

        entropy = before.entropy.masked_scatter(open_mask, predictions.entropy)
        sampled_ids = before.canvas_ids.masked_scatter(open_mask, predictions.sampled_ids)
        candidates = open_mask
        if config.slack_token_id is not None:
            candidates = draft_text(sampled_ids, open_mask, config.slack_token_id, self._holes)
        past_end = open_mask & ~candidates  # Slack from here on, if the text that is left of it stays.
        at_least = None
        if config.keep_accepted:
            at_least = quota(candidates.sum(dim=-1), step, config.max_denoising_steps)
        holds: Tensor | None = getattr(self._forward, "holds", None) if config.follow_reading else None
        if holds is None or (config.completes and step == config.max_denoising_steps):
            chosen = accept(entropy, candidates, config.entropy_bound, at_least)
        else:
            chosen = candidates & holds
        if config.keep_accepted and config.slack_token_id is not None:
            is_last = step == config.max_denoising_steps
            end_bound = math.inf if is_last else config.entropy_bound
            chosen = chosen | closable(chosen, candidates, past_end, entropy, end_bound, self._holes)
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
            stopped = stopped & open_mask.eq(undecided).all(dim=-1)
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
        memory = _Memory(unchanged, open_mask, predictions.logits if config.self_conditioning else None)
        is_late = config.keep_accepted and 3 * step > config.max_denoising_steps
        asked = ~before.finished & (outcome.finished | is_late)
        if self._review is None or step == config.max_denoising_steps or not bool(asked.any()):
            return outcome, memory
        settled = canvas.known | outcome.accepted | outcome.finished[:, None]
        suspect = self._review(outcome.argmax_ids, asked, settled)
        return self._sent_back(outcome, memory, suspect) if bool(suspect.any()) else (outcome, memory)

    def _sent_back(self, outcome: Step, memory: _Memory, suspect: Tensor) -> tuple[Step, _Memory]:
        """Let go of suspect positions [B, L] bool, and of what they were predicted from; their rows go on."""
        accepted, finished = outcome.accepted & ~suspect, outcome.finished & ~suspect.any(dim=-1)
        canvas_ids = torch.where(suspect, self._draw_noise(), outcome.canvas_ids)
        logits = None if memory.logits is None else memory.logits[~suspect[memory.open_mask]]
        memory = replace(memory, open_mask=memory.open_mask & ~suspect, logits=logits)
        outcome = replace(outcome, canvas_ids=canvas_ids, accepted=accepted, finished=finished, suspect=suspect)
        return replace(outcome, is_last=False), memory

    def _in_reach(self, undecided: Tensor, step: int) -> Tensor:
        config = self._config
        is_whole = config.completes and step in (1, config.max_denoising_steps)
        if not config.follow_reading or config.reach is None or is_whole:
            return undecided
        return undecided & (undecided.cumsum(dim=-1) <= config.reach)

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
    logits = memory.logits[open_mask[memory.open_mask]]
    was_predicted = memory.open_mask[open_mask]
    if bool(was_predicted.all()):
        return logits
    # Nothing is known of a position that was let go of: every token is as likely.
    return logits.new_zeros(len(was_predicted), logits.shape[-1]).masked_scatter(was_predicted[:, None], logits)


def noise_of(config: DenoiseConfig, device: torch.device) -> Noise:
    """Return what stands at positions that are not decided."""
    if config.noise == "mask" and config.mask_token_id is not None:
        return mask_noise(config.vocab_size, config.mask_token_id)
    return uniform_noise(config.vocab_size, config.never_sampled, device)


def _forbidden_mask(config: DenoiseConfig, device: torch.device) -> Tensor | None:
    if not config.never_sampled:
        return None
    forbidden = torch.zeros(config.vocab_size, dtype=torch.bool, device=device)
    forbidden[list(config.never_sampled)] = True
    return forbidden
