"""Which requests contradict themselves, or ask for what a denoising checkpoint cannot do. It knows no checkpoint."""

from __future__ import annotations

from engine.api import FillRequest, RequestError


def check(request: FillRequest, max_steps: int, *, takes_instructions: bool = False) -> None:
    """Raise RequestError for a request that cannot be served; `max_steps` is taken where it names none."""
    widest = (hole.max_hole_tokens for hole in request.further_holes)
    steps = max_steps if request.max_denoising_steps is None else request.max_denoising_steps
    counts = (request.num_candidates, steps, request.max_hole_tokens, *widest)
    if min(counts) < 1 or (request.exact_hole_tokens is not None and request.exact_hole_tokens < 1):
        raise RequestError("candidates, denoising steps and hole tokens must each be at least 1")
    if request.instruction is not None and not takes_instructions:
        raise RequestError("this checkpoint takes no instructions")
    if not all(hole.between for hole in request.further_holes):
        raise RequestError("two holes with nothing between them are one hole")
