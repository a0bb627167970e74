"""The denoising loop with whole steps on the device: the same steps as `engine.denoise.denoise`, one wait a step.

For measuring a pass, build and run one like this (a confidence threshold of 0 stops no row early):

    static = StaticPasses(model)                     # or `adapter.static_passes`
    prefix = adapter.prefill(ids)
    canvas = hole_canvas(width, suffix_ids, batch_size=4, device=adapter.device)
    config = DenoiseConfig(vocab_size=adapter.vocab_size, max_denoising_steps=20, confidence_threshold=0.0)
    generator = torch.Generator(adapter.device).manual_seed(0)
    for step in denoise_on_device(static, prefix, canvas, config, generator):
        ...                                          # one pass each; all of its tensors are on the host

The first step of a shape and rules runs unrecorded, the second is recorded, the third on are replays; another fill of
the same shape starts with replays. To time passes without the loop, take `begun_step(...)` and call its `run()`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from engine.canvas import Canvas
from engine.denoise import Forward, Review, Step, noise_of
from engine.denoise_config import DenoiseConfig
from engine.device_buffers import MAX_STEPS, DeviceStep, Outcome
from engine.device_step import Draws, Rules
from engine.models.static_cache import Encoded
from engine.models.static_pass import StaticPasses

Limits = Callable[[Forward], Forward]
"""Lay over a forward pass what is impossible at which positions: it may look at shapes and masks, not at logits."""


def _no_limits(forward: Forward) -> Forward:
    return forward


def can_run(static: StaticPasses, prefix: Encoded, canvas: Canvas, config: DenoiseConfig) -> bool:
    """Tell whether a fill's steps can be run on the device: its sizes fit, and it asks for nothing that is missing."""
    rows, length = canvas.known.shape
    shape = static.shape_for(prefix, length, rows, int(canvas.free.sum()))
    asks_too_much = config.slack_token_id is not None or config.follow_reading
    return shape is not None and not asks_too_much and config.max_denoising_steps <= MAX_STEPS


def begun_step(
    static: StaticPasses,
    prefix: Encoded,
    canvas: Canvas,
    config: DenoiseConfig,
    generator: torch.Generator,
    limits: Limits = _no_limits,
    begun: Tensor | None = None,
    draws: Draws | None = None,
) -> DeviceStep:
    """Return the step of a fill's shape with the fill written in, `draws` replacing the generator's numbers.

    Raises: ValueError where no bucket holds the fill.
    """
    rows, length = canvas.known.shape
    shape = static.shape_for(prefix, length, rows, int(canvas.free.sum()))
    if shape is None:
        raise ValueError(f"no bucket holds {rows} canvases of {length} after {len(prefix.ids)} tokens")
    rules = Rules(config.keep_accepted, config.greedy, config.self_conditioning)
    noise = noise_of(config, canvas.known.device)
    static.grow(shape)
    if draws is None:
        key = ("step", shape, rules, config.noise, config.mask_token_id, config.never_sampled)
        step = static.programs.get(key, lambda: DeviceStep(static.open(shape), rules, noise))
    else:
        step = DeviceStep(static.open(shape), rules, noise, draws)
    step.model.load(prefix)
    step.begin(canvas, config, _impossible(canvas, config, limits), generator, begun)
    return step


def denoise_on_device(
    static: StaticPasses,
    prefix: Encoded,
    canvas: Canvas,
    config: DenoiseConfig,
    generator: torch.Generator,
    limits: Limits = _no_limits,
    review: Review | None = None,
    begun: Tensor | None = None,
    draws: Draws | None = None,
) -> Generator[Step, None, None]:
    """Denoise the free positions of the canvas, yielding after each step until all rows have stopped.

    See `engine.denoise.denoise`; ask `can_run` first. The steps' tensors are on the host. Between two steps no other
    fill may be run on the same model.
    """
    step = begun_step(static, prefix, canvas, config, generator, limits, begun, draws)
    known, turn = canvas.known.cpu(), step.turn
    finished = torch.zeros(len(known), dtype=torch.bool)
    for index in range(1, config.max_denoising_steps + 1):
        if step.turn != turn:
            raise RuntimeError("another fill was begun on the same buffers")
        step.model.load(prefix)
        step.run()
        outcome = step.outcome()
        is_last = index == config.max_denoising_steps
        is_late = config.keep_accepted and 3 * index > config.max_denoising_steps
        asked, finished = ~finished & (outcome.finished | is_late), outcome.finished
        suspect = None
        if review is not None and not is_last and bool(asked.any()):
            settled = known | outcome.accepted | finished[:, None]
            suspect = review(outcome.argmax_ids, asked, settled).cpu()
            if bool(suspect.any()):
                canvas_ids = step.send_back(suspect)
                step.forbid(_impossible(canvas, config, limits))
                finished = finished & ~suspect.any(dim=-1)
                yield _step(index, outcome, outcome.accepted & ~suspect, finished, False, suspect, canvas_ids)
                continue
        is_last = is_last or bool(finished.all())
        yield _step(index, outcome, outcome.accepted, finished, is_last, None, outcome.canvas_ids)
        if is_last:
            return


def _step(
    index: int,
    outcome: Outcome,
    accepted: Tensor,
    finished: Tensor,
    is_last: bool,
    suspect: Tensor | None,
    canvas_ids: Tensor,
) -> Step:
    return Step(
        step=index,
        canvas_ids=canvas_ids,
        argmax_ids=outcome.argmax_ids,
        accepted=accepted,
        entropy=outcome.entropy,
        log_probs=outcome.log_probs,
        finished=finished,
        is_last=is_last,
        suspect=suspect,
    )


def _impossible(canvas: Canvas, config: DenoiseConfig, limits: Limits) -> Tensor:
    """Return which tokens cannot stand at each free position: [N, V] bool, found by limiting logits of zero."""
    free, device = canvas.free, canvas.known.device
    zero = torch.zeros((), dtype=torch.bfloat16, device=device)

    def nothing(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        return zero.expand(int(open_mask.sum()), config.vocab_size)

    with torch.inference_mode():
        impossible = limits(nothing)(canvas.known_ids, free, None) == -torch.inf
        impossible[:, sorted(config.never_sampled)] = True
    return impossible
