"""Time passes and fills of a DiffusionGemma on its device: ours on static buffers, and the published `generate()`.

Every pass is a whole denoising step: decoder, head, choice of tokens, renoising. All positions are open and no row
stops early. It knows models and canvases, no weights and no report.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor

from benchmarks.gpu_clock import Clock, Timing, timing
from engine.canvas import Canvas, hole_canvas
from engine.denoise import noise_of
from engine.denoise_config import DenoiseConfig
from engine.device_buffers import MAX_STEPS, DeviceStep
from engine.device_loop import begun_step, denoise_on_device
from engine.device_step import Rules
from engine.models.diffusion_gemma import DiffusionGemma, Prefix
from engine.models.static_pass import StaticPasses

Mode = Literal["graph", "eager"]
_WARM_UPS = 3  # the first runs unrecorded, the second is recorded
# No mean entropy is below this. The published configuration refuses 0.
_NEVER_SURE = 1e-9
_FIRST_IMAGE_ID = 255_999
_PROFILED_PASSES = 3
_SHOWN_KERNELS = 16


class Subject:
    """A model that is measured, and where. Prefixes are random tokens; nothing of one row is left to the next."""

    def __init__(self, model: Any, clock: Clock) -> None:
        self.model, self.clock = model, clock
        self.static = StaticPasses(model)
        self.adapter = DiffusionGemma(model, static_passes=self.static)

    def config(self, passes: int) -> DenoiseConfig:
        """Return the published sampler's settings, for exactly so many passes."""
        return DenoiseConfig(vocab_size=self.adapter.vocab_size, max_denoising_steps=passes, confidence_threshold=0.0)

    def generator(self) -> torch.Generator:
        """Return randomness that is the same in each row."""
        return torch.Generator(self.clock.device).manual_seed(0)

    def prefix(self, tokens: int) -> Prefix:
        """Read a prefix of so many random tokens."""
        return self.adapter.prefill(random_ids(tokens, self.adapter.vocab_size))

    def canvas(self, tokens: int, batch: int) -> Canvas:
        """Return canvases with nothing known."""
        return hole_canvas(tokens, (), batch_size=batch, device=self.clock.device)

    def clear(self) -> None:
        """Give back what rows before left, and begin counting the peak anew."""
        self.adapter.forget_prefixes()
        self.clock.clear()


def random_ids(tokens: int, vocab_size: int, seed: int = 0) -> list[int]:
    """Return tokens that are equally likely, none of those that stand for images."""
    below = min(vocab_size - 1, _FIRST_IMAGE_ID)
    return torch.randint(below, (tokens,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.inference_mode()
def time_pass(
    subject: Subject, mode: Mode, canvas_tokens: int, batch: int, context: int, repeats: int
) -> tuple[Timing, list[float], str]:
    """Time passes of one shape. Return also the experts hit, by layer, and a note where it was not as asked.

    Raises: ValueError where no bucket holds the shape.
    """
    prefix, canvas = subject.prefix(context), subject.canvas(canvas_tokens, batch)
    runs = min(repeats, MAX_STEPS - _WARM_UPS)
    config = subject.config(runs + _WARM_UPS)
    with recording_notes() as notes:
        if mode == "graph":
            step = begun_step(subject.static, prefix, canvas, config, subject.generator())
        else:
            step = _unrecorded(subject, prefix, canvas, config)
        with experts_hit(subject.model) as hit:
            step.run()
        found = hit()
        took = subject.clock.each(step.run, runs, warm_ups=_WARM_UPS - 1)
        step.outcome()
    is_plain = mode == "graph" and subject.clock.device.type == "cuda" and step.model.recorder is None
    return took, found, "; ".join([*notes, *(["not recorded: its experts wait for this card"] if is_plain else [])])


def _unrecorded(subject: Subject, prefix: Prefix, canvas: Canvas, config: DenoiseConfig) -> DeviceStep:
    """Return the same step, whose operations are launched one by one."""
    rows, length = canvas.known.shape
    shape = subject.static.shape_for(prefix, length, rows, int(canvas.free.sum()))
    if shape is None:
        raise ValueError(f"no bucket holds {rows} canvases of {length}")
    subject.static.grow(shape)
    placed = subject.static.open(shape)
    placed.recorder = None
    rules = Rules(config.keep_accepted, config.greedy, config.self_conditioning)
    step = DeviceStep(placed, rules, noise_of(config, subject.clock.device))
    placed.load(prefix)
    allowed = torch.zeros(rows * length, config.vocab_size, dtype=torch.bool, device=subject.clock.device)
    step.begin(canvas, config, allowed, subject.generator(), None)
    return step


@torch.inference_mode()
def profile_pass(subject: Subject, canvas_tokens: int, context: int) -> list[dict[str, Any]]:
    """Return what takes longest in an unrecorded pass: names, milliseconds a pass and calls a pass."""
    prefix, canvas = subject.prefix(context), subject.canvas(canvas_tokens, 1)
    step = _unrecorded(subject, prefix, canvas, subject.config(_WARM_UPS + _PROFILED_PASSES))
    for _ in range(_WARM_UPS):
        step.run()
    is_cuda = subject.clock.device.type == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU]
    if is_cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    subject.clock.wait()
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(_PROFILED_PASSES):
            step.run()
        subject.clock.wait()
    events: Any = profiler.key_averages()
    # An operation has the time of its kernels too: on a card kernels alone are shown.
    kernels = [event for event in events if is_cuda and str(event.device_type).endswith("CUDA")]
    taken = [
        (float(event.self_device_time_total if is_cuda else event.self_cpu_time_total), event)
        for event in kernels or events
    ]
    return [
        {
            "kernel": str(event.key)[:80],
            "ms": float(f"{microseconds / 1000 / _PROFILED_PASSES:.4g}"),
            "calls": round(event.count / _PROFILED_PASSES, 1),
        }
        for microseconds, event in sorted(taken, key=lambda each: -each[0])[:_SHOWN_KERNELS]
    ]


@torch.inference_mode()
def time_fill(subject: Subject, tokens: int, passes: int, context: int, repeats: int) -> tuple[Timing, str]:
    """Time whole fills of one row after a prefix that was read before: loop, waits and choices included."""
    prefix, canvas, config = subject.prefix(context), subject.canvas(tokens, 1), subject.config(passes)

    def fill() -> None:
        steps = sum(1 for _ in denoise_on_device(subject.static, prefix, canvas, config, subject.generator()))
        if steps != passes:
            raise RuntimeError(f"{steps} passes were run instead of {passes}")

    with recording_notes() as notes:
        return subject.clock.each(fill, repeats), "; ".join(notes)


@torch.inference_mode()
def peak_memory(subject: Subject, canvas_tokens: int, context: int) -> dict[str, Any]:
    """Return what a prefix and a fill of one canvas take at most, everything that is kept for them included.

    `peak` is of both; `prefill_peak` tells which of the two it was.
    """
    subject.clear()
    prefix, canvas = subject.prefix(context), subject.canvas(canvas_tokens, 1)
    prefill_peak = subject.clock.peak()
    for _ in denoise_on_device(subject.static, prefix, canvas, subject.config(4), subject.generator()):
        pass
    return {"static_bytes": subject.static.num_bytes, "peak": subject.clock.peak(), "prefill_peak": prefill_peak}


@torch.inference_mode()
def time_prefill(subject: Subject, context: int, repeats: int) -> Timing:
    """Time reading a prefix that nothing is remembered of."""
    ids = random_ids(context, subject.adapter.vocab_size)

    def read() -> None:
        subject.adapter.forget_prefixes()
        subject.adapter.prefill(ids)

    return subject.clock.each(read, repeats, warm_ups=1)


@torch.no_grad()
def time_generate(
    subject: Subject, canvas_tokens: int, batch: int, context: int, repeats: int, *, is_compiled: bool = False
) -> Timing:
    """Time the passes of the published `generate()`, in its own loop and from pass to pass.

    `is_compiled` asks for its static cache, with which it compiles itself.
    """
    model, vocab_size = subject.model, subject.adapter.vocab_size
    row = torch.tensor(random_ids(context, vocab_size), device=subject.clock.device)
    ids = row.expand(batch, -1).contiguous()
    published, model.config.canvas_length = model.config.canvas_length, canvas_tokens
    denoising_step = model._denoising_step
    marks: list[Any] = []

    def marked(*arguments: Any, **options: Any) -> Any:
        marks.append(subject.clock.mark())
        return denoising_step(*arguments, **options)

    options = {"cache_implementation": "static"} if is_compiled else {}
    model._denoising_step = marked
    try:
        torch.manual_seed(0)
        for _ in range(2 if is_compiled else 1):  # The first one compiles.
            marks.clear()
            model.generate(
                input_ids=ids,
                max_new_tokens=canvas_tokens,
                max_denoising_steps=repeats + _WARM_UPS,
                confidence_threshold=_NEVER_SURE,
                **options,
            )
    finally:
        del model._denoising_step
        model.config.canvas_length = published
    return timing(subject.clock.between(marks)[_WARM_UPS - 1 :])


@contextmanager
def experts_hit(model: Any) -> Iterator[Any]:
    """Watch the routers inside; what is yielded returns the experts that any token went to, by layer."""
    chosen: list[Tensor] = []
    hooks = [
        layer.router.register_forward_hook(lambda _module, _inputs, output: chosen.append(output[2].detach().clone()))
        for layer in model.model.decoder.layers
    ]
    try:
        yield lambda: [float(torch.unique(each).numel()) for each in chosen]
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def recording_notes() -> Iterator[Sequence[str]]:
    """Collect what is said inside of passes that could not be recorded."""
    notes: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: notes.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("engine.graphs")
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)
