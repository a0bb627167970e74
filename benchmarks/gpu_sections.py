"""What `benchmarks.gpu` measures, section by section, each row a task of its own: run in a child process.

A section makes its model once. A row that fails says why in one line and the next one is run. Rows are plain objects;
what they come to together is `benchmarks.gpu_report`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks import gpu_card, gpu_kernels
from benchmarks.gpu_clock import Clock
from benchmarks.gpu_rows import Denoiser, Place, Row, decoding
from engine.models.quantize.precision import Precision

Task = tuple[str, Callable[[], Row]]

SECTIONS = ("card", "int4", "bf16", "decode-bf16", "decode-int4", "int8", "kernels-int4", "kernels-int8", "compiled")
"""In the order of their worth: a run may end at any time."""
FILL_PASSES = (12, 8, 16)
"""Passes of a 64-token fill: code takes 11 to 12 on the published checkpoint; the first one is what bars look at."""


def tasks(section: str, place: Place) -> Iterator[Task]:
    """Yield a section's rows. Raises: DoesNotFitError, at the first one; ValueError for an unknown section."""
    clock = Clock(place.device)
    if section == "card":
        is_quick = place.device.type != "cuda"
        yield "copy", lambda: gpu_card.copy_rate(clock, is_quick)
        yield "matrix", lambda: gpu_card.matrix_rate(clock, place.dtype, is_quick)
    elif section in ("int4", "int8", "bf16"):
        yield from _passes(section, place, clock)
    elif section.startswith("decode-"):
        yield "decode", partial(decoding, _precision(section), place, clock)
    elif section.startswith("kernels-"):
        yield from _kernels(_precision(section), place, clock)
    elif section == "compiled":
        yield from _compiled(place, clock)
    else:
        raise ValueError(f"there is no section {section!r}; sections are {', '.join(SECTIONS)}")


def _precision(section: str) -> Precision:
    name = section.rpartition("-")[2]
    assert name in ("bf16", "int8", "int4")
    return name  # type: ignore[return-value]


def _passes(precision: Any, place: Place, clock: Clock) -> Iterator[Task]:
    shapes, denoiser = place.shapes, Denoiser(precision, place, clock)
    canvas, context, most = shapes.canvas, shapes.context, shapes.canvases[-1]
    yield "build", denoiser.build
    if precision != "bf16":
        yield "check", partial(_check, precision, place, clock)
    yield "memory", partial(denoiser.memory, most, shapes.contexts[-1])
    yield "pass graph", partial(denoiser.timed, "graph", canvas, 1, context)
    if precision == "bf16":
        yield "pass generate", partial(denoiser.generate, canvas, 1, context)
        if most != canvas:
            yield "pass graph widest", partial(denoiser.timed, "graph", most, 1, context)
            yield "pass generate widest", partial(denoiser.generate, most, 1, context)
    for passes in FILL_PASSES:
        yield f"fill {passes}", partial(denoiser.fill, passes)
    yield "decode graph", denoiser.decode
    for each in shapes.canvases:
        if each != canvas and not (precision == "bf16" and each == most):
            yield f"pass canvas {each}", partial(denoiser.timed, "graph", each, 1, context)
    for each in shapes.batches[1:]:
        yield f"pass batch {each}", partial(denoiser.timed, "graph", canvas, each, context)
    for each in shapes.contexts:
        yield f"prefill {each}", partial(denoiser.prefill, each)
        if each != context:
            yield f"pass context {each}", partial(denoiser.timed, "graph", canvas, 1, each)
    for each in dict.fromkeys((canvas, most)):
        yield f"pass eager {each}", partial(denoiser.timed, "eager", each, 1, context)
    for each in dict.fromkeys((canvas, most)):
        yield f"profile {each}", partial(denoiser.profile, each)
    if precision == "bf16":
        for each in shapes.canvases:
            if each not in (canvas, most):
                yield f"pass generate {each}", partial(denoiser.generate, each, 1, context)
        for each in shapes.batches[1:]:
            yield f"pass generate batch {each}", partial(denoiser.generate, canvas, each, context)


def _check(precision: Precision, place: Place, clock: Clock) -> Row:
    found = gpu_kernels.check(gpu_kernels.Layer(place.shapes, precision, clock, place.dtype), place.shapes.canvas)
    return {**found, "precision": precision}


def _kernels(precision: Precision, place: Place, clock: Clock) -> Iterator[Task]:
    layer: list[gpu_kernels.Layer] = []
    shapes = place.shapes

    def of_layer(measure: Callable[[gpu_kernels.Layer], Row]) -> Row:
        if not layer:
            layer.append(gpu_kernels.Layer(shapes, precision, clock, place.dtype))
        return {**measure(layer[0]), "precision": precision}

    def task(name: str, measure: Callable[..., Row], *arguments: Any) -> Task:
        return name, lambda: of_layer(lambda each: measure(each, *arguments, shapes.repeats))

    for count in (1, *shapes.canvases):
        yield task(f"experts {count}", gpu_kernels.time_experts, count)
    for rows in gpu_kernels.LINEAR_ROWS:
        yield task(f"linear {rows}", gpu_kernels.time_linear, rows)
    if place.device.type == "cuda":
        for count in (shapes.canvas, shapes.canvases[-1]):
            for tile in gpu_kernels.TILES:
                yield task(f"tile {tile} {count}", gpu_kernels.time_tile, count, tile)


def _compiled(place: Place, clock: Clock) -> Iterator[Task]:
    denoiser = Denoiser("bf16", place, clock)
    if place.device.type == "cuda":  # Compiling for a CPU takes minutes and answers nothing.
        yield "build", denoiser.build
        yield (
            "generate compiled",
            lambda: denoiser.generate(place.shapes.canvases[-1], 1, place.shapes.context, is_compiled=True),
        )
