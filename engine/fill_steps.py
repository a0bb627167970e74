"""Run the loop for a request: which settings its rows are denoised with, and how a critic is let in.

It knows a request, its passes and its rows; the steps themselves are `engine.denoise`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.api import FillRequest
from engine.canvas import Canvas
from engine.critic import Reviewer, begun_places
from engine.denoise import Forward, Step, denoise, noise_of
from engine.denoise_config import DenoiseConfig
from engine.device_loop import can_run, denoise_on_device
from engine.guidance import READ_AHEAD
from engine.layout import Row
from engine.passes import Passes

# Steps of a fill that is not written on and on (engine/writing.py), where the request does not say.
MAX_STEPS = 16


def fill_steps(
    request: FillRequest,
    passes: Passes,
    rows: Sequence[Row],
    never_ids: tuple[int, ...],
    reviewer: Reviewer | None = None,
    begin_ids: Sequence[int] = (),
    *,
    completes: bool = True,
) -> Generator[Step, None, None]:
    """Denoise the rows of a request, yielding after every step. `never_ids` are written nowhere.

    Noise is random tokens or masks; of random ones, all but the request's share are `begin_ids`, from the first hole's
    beginning on.
    """
    profile, adapter = passes.profile, passes.adapter
    absorbing = profile.noise == "mask"
    config = DenoiseConfig(
        vocab_size=adapter.vocab_size,
        noise=profile.noise,
        mask_token_id=profile.mask_token_id,
        slack_token_id=passes.slack_of(rows[0]),
        forbidden_ids=never_ids,
        max_denoising_steps=request.max_denoising_steps or MAX_STEPS,
        # A reading guides where slack is known (engine/passes.py).
        follow_reading=absorbing and profile.knows_slack and request.exact_hole_tokens is not None,
        reach=READ_AHEAD,
        completes=completes,
        keep_accepted=absorbing,
        greedy=absorbing,
        self_conditioning=profile.self_conditioning,
    )
    generator = torch.Generator(adapter.device).manual_seed(request.seed)
    canvas = passes.lay_out(rows)
    if begin_ids and not absorbing:
        canvas = begun_with(canvas, begin_ids, request.noise, config, generator)
    if reviewer is None:
        yield from _denoised(passes, rows, canvas, config, generator)
        return
    # What a row begins with is no more certain than the rest of it, once a critic may doubt it.
    begun = begun_places(rows, canvas) if absorbing else torch.zeros_like(canvas.known)
    canvas = replace(canvas, known=canvas.known & ~begun)
    yield from _denoised(passes, rows, canvas, config, generator, reviewer, begun)


def begun_with(
    canvas: Canvas, ids: Sequence[int], noise: float, config: DenoiseConfig, generator: torch.Generator
) -> Canvas:
    """Return the canvas with these ids at the free positions it starts from, and noise in a share of their places."""
    rows, length = canvas.known.shape
    start = noise_of(config, canvas.known.device).draw((rows, length), generator)
    count = torch.where(canvas.known, 0, canvas.free.cumsum(dim=-1))  # from 1 on
    text = torch.tensor([0, *ids], dtype=torch.int64, device=start.device)
    is_kept = torch.rand(canvas.known.shape, generator=generator, device=start.device) >= noise
    is_kept &= canvas.free & (count <= len(ids))
    return replace(canvas, canvas_ids=torch.where(is_kept, text[count.clamp(max=len(ids))], start))


def _denoised(
    passes: Passes,
    rows: Sequence[Row],
    canvas: Canvas,
    config: DenoiseConfig,
    generator: torch.Generator,
    reviewer: Reviewer | None = None,
    begun: Tensor | None = None,
) -> Generator[Step, None, None]:
    """Run whole steps on the device where the model is on one and no reading guides them, the plain loop elsewhere."""
    within: Callable[[Forward], Forward] = reviewer.over if reviewer else lambda forward: forward
    static, prefix = getattr(passes.adapter, "static_passes", None), passes.prefix
    if static is not None and not passes.profile.knows_slack and can_run(static, prefix, canvas, config):
        return denoise_on_device(
            static,
            prefix,
            canvas,
            config,
            generator,
            lambda forward: within(passes.within_limits(forward, canvas)),
            reviewer,
            begun,
        )
    return denoise(passes.forward(rows, within), canvas, config, generator, reviewer, begun)
