"""The rows of `benchmarks.gpu` that a model is made for: what is measured of it, as plain objects.

A row says what it is (`row`), at which sizes, the time (`timing`, in milliseconds) and what had to be done at least
(`bytes` of weights, `operations`). What rows come to together is `benchmarks.gpu_report`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks import gpu_decode, gpu_passes, gpu_work
from benchmarks.gpu_build import random_model
from benchmarks.gpu_clock import Clock, Timing
from benchmarks.gpu_passes import Mode, Subject
from benchmarks.gpu_shapes import Shapes, autoregressive_config, diffusion_config
from engine.models.quantize.modules import num_bytes
from engine.models.quantize.precision import Precision
from engine.sizes import sizes_of

Row = dict[str, Any]
_SPARE_BYTES = 3 << 30  # beside the weights: prefix, logits, graphs
_OTHERS_FEWER = 3  # slow rows are repeated so many times less


@dataclass(frozen=True, slots=True)
class Place:
    """Where and at which shapes."""

    shapes: Shapes
    device: torch.device

    @property
    def dtype(self) -> torch.dtype:
        """Return the type that is computed in."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32

    @property
    def item(self) -> int:
        """Return the bytes of an unquantised weight."""
        return self.dtype.itemsize


class DoesNotFitError(Exception):
    """The card has no room for a section's model."""


class Denoiser:
    """A section's model, made by its first task, and the rows that are measured on it."""

    def __init__(self, precision: Precision, place: Place, clock: Clock) -> None:
        self._precision, self._place, self._clock = precision, place, clock
        self._config = diffusion_config(place.shapes)
        self._made: Subject | None = None

    @property
    def _subject(self) -> Subject:
        assert self._made is not None, "the build failed"
        return self._made

    def build(self) -> Row:
        """Make the model; how long it took says nothing of loading a checkpoint. Raises: DoesNotFitError."""
        place = self._place
        _check_room(self._precision, place, self._clock)
        self._clock.clear()
        began = time.perf_counter()
        model = random_model(self._config, self._precision, place.device, place.dtype)
        self._clock.wait()
        took, peak = time.perf_counter() - began, self._clock.peak()
        self._made = Subject(model, self._clock)
        return self._row("build", seconds=round(took, 2), weight_bytes=num_bytes(model), peak=peak)

    def memory(self, canvas: int, context: int) -> Row:
        """Return what a fill takes at most of the device."""
        found = gpu_passes.peak_memory(self._subject, canvas, context)
        return self._row("memory", canvas=canvas, context=context, weight_bytes=num_bytes(self._subject.model), **found)

    def timed(self, mode: Mode, canvas: int, batch: int, context: int) -> Row:
        """Return the time of our pass."""
        self._subject.clear()
        took, hit, note = gpu_passes.time_pass(self._subject, mode, canvas, batch, context, self._place.shapes.repeats)
        work = gpu_work.denoising_work(self._config, self._precision, batch, canvas, context, hit, self._place.item)
        mean_hit = round(sum(hit) / max(1, len(hit)), 1)
        return self._pass("ours " + mode, canvas, batch, context, took, work, note=note, experts_hit=mean_hit)

    def generate(self, canvas: int, batch: int, context: int, *, is_compiled: bool = False) -> Row:
        """Return the time of a pass of the published `generate()`."""
        self._subject.clear()
        repeats = max(3, self._place.shapes.repeats // _OTHERS_FEWER)
        took = gpu_passes.time_generate(self._subject, canvas, batch, context, repeats, is_compiled=is_compiled)
        hits = [float(self._place.shapes.experts)] * self._place.shapes.layers
        work = gpu_work.denoising_work(self._config, self._precision, batch, canvas, context, hits, self._place.item)
        who = "generate compiled" if is_compiled else "generate"
        return self._pass(who, canvas, batch, context, took, work, note="floor as if all experts were hit")

    def fill(self, passes: int) -> Row:
        """Return the time of a fill of so many passes."""
        self._subject.clear()
        shapes = self._place.shapes
        repeats = min(5, shapes.repeats)
        took, note = gpu_passes.time_fill(self._subject, shapes.fill_tokens, passes, shapes.context, repeats)
        return self._row(
            "fill",
            tokens=shapes.fill_tokens,
            passes=passes,
            context=shapes.context,
            timing=took.as_json(),
            note=note,
        )

    def prefill(self, context: int) -> Row:
        """Return the time of reading a prefix."""
        self._subject.clear()
        took = gpu_passes.time_prefill(self._subject, context, max(3, self._place.shapes.repeats // _OTHERS_FEWER))
        work = gpu_work.prefill_work(self._config, self._precision, context, self._place.item)
        return self._row(
            "prefill",
            context=context,
            timing=took.as_json(),
            tokens_per_s=round(1000 * context / took.ms, 1),
            bytes=work.num_bytes,
            operations=work.operations,
            peak=self._clock.peak(),
        )

    def profile(self, canvas: int) -> Row:
        """Return what takes longest in an unrecorded pass."""
        self._subject.clear()
        context = self._place.shapes.context
        return self._row(
            "profile", canvas=canvas, context=context, longest=gpu_passes.profile_pass(self._subject, canvas, context)
        )

    def decode(self) -> Row:
        """Return the time of decoding a token by our recorded passes."""
        self._subject.clear()
        shapes = self._place.shapes
        took, note = gpu_decode.time_recorded_decoding(self._subject, shapes.context, shapes.fill_tokens)
        return _decode_row(self._precision, self._place, "ours graph", took, note)

    def _pass(
        self, who: str, canvas: int, batch: int, context: int, took: Timing, work: gpu_work.Work, **more: Any
    ) -> Row:
        return self._row(
            "pass",
            who=who,
            canvas=canvas,
            batch=batch,
            context=context,
            timing=took.as_json(),
            bytes=work.num_bytes,
            operations=work.operations,
            peak=self._clock.peak(),
            **more,
        )

    def _row(self, row: str, **more: Any) -> Row:
        return {"row": row, "precision": self._precision, **more}


def _check_room(precision: Precision, place: Place, clock: Clock) -> None:
    free, sizes = clock.free_bytes(), sizes_of(diffusion_config(place.shapes), weight_bytes=place.item)
    assert sizes is not None
    wanted = sizes.weights[precision] + _SPARE_BYTES
    if free is not None and free < wanted:
        raise DoesNotFitError(f"{wanted / 1e9:.0f} GB are needed and {free / 1e9:.0f} GB are free")


def decoding(precision: Precision, place: Place, clock: Clock) -> Row:
    """Return the time of decoding a token by transformers' Gemma 4, whose model is made for it."""
    _check_room(precision, place, clock)
    model = random_model(autoregressive_config(place.shapes), precision, place.device, place.dtype)
    took = gpu_decode.time_decoding(model, clock, place.shapes.context, place.shapes.fill_tokens)
    return _decode_row(precision, place, "transformers", took, "")


def _decode_row(precision: Precision, place: Place, who: str, took: Timing, note: str) -> Row:
    shapes = place.shapes
    work = gpu_work.decoding_work(diffusion_config(shapes), precision, shapes.context, place.item)
    return {
        "row": "decode",
        "precision": precision,
        "who": who,
        "tokens": shapes.fill_tokens,
        "context": shapes.context,
        "timing": took.as_json(),  # of one token
        "bytes": work.num_bytes,
        "operations": work.operations,
        "note": note,
    }
