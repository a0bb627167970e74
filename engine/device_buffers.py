"""Denoising steps on buffers that stay where they are: what `engine.device_step.advance` reads and writes, by shape.

A fill is written in with `begin`, each `run` is one step, and `outcome` brings what it left to the host in one copy:
the one time in a step that the host waits for the device. It knows canvases and settings: no model class, no text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor

from engine.canvas import Canvas
from engine.denoise_config import DenoiseConfig
from engine.device_step import Draws, Given, RowModel, Rules, State, advance
from engine.graphs import Recorded, Recorder
from engine.models.static_cache import Encoded, Shape
from engine.renoise import Noise
from engine.schedule import temperature

MAX_STEPS = 256


class PlacedModel(RowModel, Protocol):
    """A model on buffers of its own: `engine.models.static_pass.StaticPass`."""

    @property
    def shape(self) -> Shape:
        """Return its sizes."""

    @property
    def device(self) -> torch.device:
        """Return where it is."""

    @property
    def vocab_size(self) -> int:
        """Return V."""

    @property
    def recorder(self) -> Recorder | None:
        """Return what its passes are recorded with."""

    @property
    def num_bytes(self) -> int:
        """Return what its buffers take."""

    def load(self, prefix: Encoded) -> None:
        """Make this the prefix that the pass follows."""

    def place(self, length: int, row_index: Tensor, slot_of: Tensor) -> None:
        """Say which positions there are and which are predicted."""

    def forget(self, is_forgotten: Tensor) -> None:
        """Let go of what was remembered of positions [B, L] bool."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a step left, on the host: the fields of `engine.denoise.Step` that it decides, without padding."""

    canvas_ids: Tensor
    argmax_ids: Tensor
    accepted: Tensor
    entropy: Tensor
    log_probs: Tensor
    finished: Tensor


class DeviceStep:
    """The steps of one fill at a time, at one shape and under one set of rules."""

    @torch.inference_mode()
    def __init__(self, model: PlacedModel, rules: Rules, noise: Noise, draws: Draws | None = None) -> None:
        """Allocate the buffers. `draws` replaces noise and generator where numbers are injected."""
        self.model, self._rules = model, rules
        shape, device = model.shape, model.device
        self._size = (shape.batch, shape.canvas)
        self._num_rows = self._num_tokens = 0
        self.turn = 0  # how many fills were begun
        self._generator = torch.Generator(device)
        self._draws = draws or Draws(
            race=lambda like: like.exponential_(generator=self._generator),
            noise=lambda: noise.draw(self._size, self._generator),
        )

        def grid(dtype: torch.dtype) -> Tensor:
            return torch.zeros(self._size, dtype=dtype, device=device)

        def one(dtype: torch.dtype) -> Tensor:
            return torch.zeros((), dtype=dtype, device=device)

        self._given = Given(
            known=grid(torch.bool),
            known_ids=grid(torch.int64),
            slot_of=grid(torch.int64),
            impossible=torch.zeros(shape.rows, model.vocab_size, dtype=torch.bool, device=device),
            temperatures=torch.ones(MAX_STEPS, device=device),
            max_steps=one(torch.int64),
            entropy_bound=one(torch.float32),
            stability_threshold=one(torch.int64),
            confidence_threshold=one(torch.float32),
        )
        self._state = State(
            steps_run=torch.zeros(1, dtype=torch.int64, device=device),
            canvas_ids=grid(torch.int64),
            argmax_ids=grid(torch.int64),
            accepted=grid(torch.bool),
            entropy=grid(torch.float32),
            log_probs=grid(torch.float32),
            finished=torch.zeros(shape.batch, dtype=torch.bool, device=device),
            unchanged=torch.zeros(shape.batch, dtype=torch.int64, device=device),
        )
        self._status = self._packed(self._state)
        self._host = torch.empty_like(self._status, device="cpu", pin_memory=device.type == "cuda")
        self.run: Callable[[], None] = Recorded(self._run, model.recorder, (self._generator,))

    @property
    def num_bytes(self) -> int:
        """Return the device memory that the buffers and the recording take."""
        own = [getattr(part, field.name) for part in (self._given, self._state) for field in fields(part)]
        buffers: int = sum(buffer.numel() * buffer.element_size() for buffer in (*own, self._status))
        recorded = self.run.num_bytes if isinstance(self.run, Recorded) else 0
        return buffers + recorded + self.model.num_bytes

    @torch.inference_mode()
    def begin(
        self,
        canvas: Canvas,
        config: DenoiseConfig,
        impossible: Tensor,
        generator: torch.Generator,
        begun: Tensor | None,
    ) -> None:
        """Write a fill in, before its first step: see `engine.denoise.denoise`.

        `impossible` [N, V] bool are the tokens that cannot stand at each free position, in row-major order. The
        generator's state is taken over; the generator itself is not drawn from.
        """
        self.turn += 1
        given, state, known = self._given, self._state, canvas.known.cpu()
        self._num_rows, self._num_tokens = known.shape
        is_free = torch.zeros(self._size, dtype=torch.bool)
        is_free[: self._num_rows, : self._num_tokens] = ~known
        places = is_free.flatten().nonzero().flatten()
        slot_of = torch.zeros(self._size, dtype=torch.int64).masked_scatter(is_free, torch.arange(len(places)))
        row_index = torch.zeros(self.model.shape.rows, dtype=torch.int64)
        row_index[: len(places)] = places
        self.model.place(self._num_tokens, row_index, slot_of)

        given.known.copy_(~is_free)
        given.known_ids.zero_()[: self._num_rows, : self._num_tokens] = canvas.known_ids
        given.slot_of.copy_(slot_of)
        self.forbid(impossible)
        steps = range(1, config.max_denoising_steps + 1)
        schedule = [temperature(step, config.max_denoising_steps, config.t_min, config.t_max) for step in steps]
        given.temperatures[: len(schedule)].copy_(torch.tensor(schedule))
        given.max_steps.fill_(config.max_denoising_steps)
        given.entropy_bound.fill_(config.entropy_bound)
        given.stability_threshold.fill_(config.stability_threshold)
        given.confidence_threshold.fill_(config.confidence_threshold)
        self._generator.set_state(generator.get_state())

        if canvas.canvas_ids is None:
            start = self._draws.noise()
        else:  # Nothing is drawn, as in the plain loop; what is padding is known, and takes no start.
            start = torch.zeros_like(given.known_ids)
            start[: self._num_rows, : self._num_tokens] = canvas.canvas_ids
        accepted = torch.zeros_like(given.known)
        if begun is not None:
            accepted[: self._num_rows, : self._num_tokens] = begun
        start = torch.where(accepted | given.known, given.known_ids, start)
        for buffer in (state.steps_run, state.entropy, state.log_probs, state.unchanged):
            buffer.zero_()
        state.canvas_ids.copy_(start)
        state.argmax_ids.copy_(torch.where(accepted, start, -1))
        state.accepted.copy_(accepted)
        state.finished.copy_(torch.arange(self._size[0]) >= self._num_rows)

    @torch.inference_mode()
    def forbid(self, impossible: Tensor) -> None:
        """Say anew which tokens cannot stand where: [N, V] bool."""
        self._given.impossible[: len(impossible)] = impossible
        self._given.impossible[len(impossible) :] = False

    @torch.inference_mode()
    def send_back(self, suspect: Tensor) -> Tensor:
        """Let go of suspect positions [B, L] bool: noise again, their rows go on. Return the canvas, on the host."""
        state = self._state
        let_go = torch.zeros_like(self._given.known)
        let_go[: self._num_rows, : self._num_tokens] = suspect.to(let_go.device)
        state.canvas_ids.copy_(torch.where(let_go, self._draws.noise(), state.canvas_ids))
        state.accepted.logical_and_(~let_go)
        state.finished.logical_and_(~let_go.any(dim=-1))
        self.model.forget(let_go)
        return state.canvas_ids[: self._num_rows, : self._num_tokens].to("cpu", copy=True)

    @torch.inference_mode()
    def outcome(self) -> Outcome:
        """Wait for the steps that were asked for and return what the last one left."""
        self._host.copy_(self._status, non_blocking=True)
        if self._status.is_cuda:
            torch.cuda.current_stream(self._status.device).synchronize()
        count = self._size[0] * self._size[1]
        grids = self._host[: 5 * count].view(5, *self._size)[:, : self._num_rows, : self._num_tokens].clone()
        return Outcome(
            canvas_ids=grids[0].long(),
            argmax_ids=grids[1].long(),
            accepted=grids[2].bool(),
            entropy=grids[3].view(torch.float32),
            log_probs=grids[4].view(torch.float32),
            finished=self._host[5 * count :][: self._num_rows].bool(),
        )

    @torch.inference_mode()
    def _run(self) -> None:
        after = advance(self.model, self._given, self._rules, self._draws, self._state)
        for field in fields(State):
            getattr(self._state, field.name).copy_(getattr(after, field.name))
        self._status.copy_(self._packed(self._state))

    def _packed(self, state: State) -> Tensor:
        bits = (state.entropy.view(torch.int32), state.log_probs.view(torch.int32))
        parts = (state.canvas_ids, state.argmax_ids, state.accepted, *bits, state.finished)
        return torch.cat([part.flatten().to(torch.int32) for part in parts])
