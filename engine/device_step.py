"""One whole denoising step as a function of tensors alone, for a device that is never asked anything in between.

Forward, temperature, entropy, acceptance, renoise, known tokens as last writer, stopping rule: what `_Loop.advance` in
`engine.denoise` does, with fixed shapes, for checkpoints without slack and without guidance. `advance` is the function;
`engine.device_buffers` runs it on buffers that stay where they are. It knows no model class, no tokenizer, no clock.

Letters: B rows of L positions, R slots of positions that are predicted, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.acceptance import accept
from engine.device_rows import Race, RowReading, read_rows
from engine.schedule import quota
from engine.stopping import count_unchanged, is_confident


class RowModel(Protocol):
    """The model, seen from the step: `engine.models.static_pass.StaticPass`."""

    def predict(self, canvas_ids: Tensor, is_open: Tensor, is_told: Tensor | None) -> Tensor:
        """Return what the head says at the slots: [B, L] int64, [B, L] bool, one bool or None -> [R, V], new."""

    def capped(self, logits: Tensor) -> Tensor:
        """Return rows of it as float32 logits, new."""

    def remember(self, probs: Tensor) -> None:
        """Keep the probabilities [R, V] that the next pass is told of."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a `DenoiseConfig` decides which operations a step consists of."""

    keep_accepted: bool
    greedy: bool
    self_conditioning: bool


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Where the randomness of a step comes from."""

    race: Race
    noise: Callable[[], Tensor]  # ids [B, L] int64 for the positions that are not decided


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What is the same in all steps of a fill."""

    known: Tensor  # [B, L] bool
    known_ids: Tensor  # [B, L] int64
    slot_of: Tensor  # [B, L] int64: where among the R slots a free position is
    impossible: Tensor  # [R, V] bool: tokens that cannot stand there
    temperatures: Tensor  # [S] float32, by the number of steps run
    max_steps: Tensor  # [] int64
    entropy_bound: Tensor  # [] float32, nats
    stability_threshold: Tensor  # [] int64
    confidence_threshold: Tensor  # [] float32, nats


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a step changes. The fields that `engine.denoise.Step` has mean the same."""

    steps_run: Tensor  # [1] int64
    canvas_ids: Tensor  # [B, L] int64
    argmax_ids: Tensor  # [B, L] int64
    accepted: Tensor  # [B, L] bool
    entropy: Tensor  # [B, L] float32
    log_probs: Tensor  # [B, L] float32
    finished: Tensor  # [B] bool
    unchanged: Tensor  # [B] int64


def advance(model: RowModel, given: Given, rules: Rules, draws: Draws, before: State) -> State:
    """Run one denoising step: new tensors, nothing given is changed. What the model remembers changes."""
    free, step = ~given.known, before.steps_run + 1
    open_mask = free & ~before.accepted if rules.keep_accepted else free
    is_told = before.steps_run > 0 if rules.self_conditioning else None
    logits = model.predict(before.canvas_ids, open_mask, is_told)
    temperature = given.temperatures.index_select(0, before.steps_run)
    rows = read_rows(logits, model.capped, given.impossible, temperature, None if rules.greedy else draws.race)
    if rules.self_conditioning:
        model.remember(logits)

    entropy = torch.where(open_mask, rows.entropy[given.slot_of], before.entropy)
    sampled_ids = torch.where(open_mask, rows.sampled_ids[given.slot_of], before.canvas_ids)
    at_least = quota(open_mask.sum(dim=-1), step, given.max_steps) if rules.keep_accepted else None
    chosen = accept(entropy, open_mask, given.entropy_bound, at_least)
    accepted = before.accepted | chosen if rules.keep_accepted else chosen
    canvas_ids = torch.where(accepted, sampled_ids, draws.noise())
    argmax_ids, log_probs = _draft(rows, given, rules, open_mask, chosen, before)

    unchanged = count_unchanged(before.unchanged, before.argmax_ids, argmax_ids)
    is_stable = unchanged >= given.stability_threshold
    stopped = is_stable & is_confident(entropy, open_mask, given.confidence_threshold)
    if rules.keep_accepted:
        # What a stable and confident row has not accepted by now is decided by its draft.
        accepted = accepted | (stopped[:, None] & free)
        canvas_ids = torch.where(stopped[:, None], argmax_ids, canvas_ids)
        stopped = accepted.eq(free).all(dim=-1)

    # A row that had stopped before this step is frozen; the step was run for the others.
    frozen = before.finished[:, None]
    canvas_ids = torch.where(given.known, given.known_ids, torch.where(frozen, before.canvas_ids, canvas_ids))
    return State(
        steps_run=step,
        canvas_ids=canvas_ids,
        argmax_ids=torch.where(frozen, before.argmax_ids, argmax_ids),
        accepted=torch.where(frozen, before.accepted, accepted),
        entropy=torch.where(frozen, before.entropy, entropy),
        log_probs=torch.where(frozen, before.log_probs, log_probs),
        finished=before.finished | stopped,
        unchanged=unchanged,
    )


def _draft(
    rows: RowReading, given: Given, rules: Rules, open_mask: Tensor, chosen: Tensor, before: State
) -> tuple[Tensor, Tensor]:
    """Return draft and log-probabilities: a sample's where it was just kept for good, the argmax's elsewhere."""
    ids, log_probs = rows.argmax_ids[given.slot_of], rows.argmax_log_probs[given.slot_of]
    if rules.keep_accepted:
        ids = torch.where(chosen, rows.sampled_ids[given.slot_of], ids)
        log_probs = torch.where(chosen, rows.sampled_log_probs[given.slot_of], log_probs)
    ids = torch.where(open_mask, ids, before.argmax_ids)
    log_probs = torch.where(open_mask, log_probs, before.log_probs)
    return torch.where(given.known, given.known_ids, ids), log_probs
