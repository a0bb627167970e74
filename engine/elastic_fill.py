"""Fill a hole with a checkpoint that grows and shrinks it: which widths it begins with, its drafts, its fills.

It knows a request's passes and the texts of tokens; how a hole changes is `engine.elastic`'s.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from engine.api import Draft, DraftToken, FillRequest
from engine.candidates import Fill
from engine.canvas import Canvas
from engine.deadline import Deadline
from engine.denoise import Forward
from engine.elastic import Elastic, ElasticStep, Hole, denoise_elastic
from engine.layout import Row
from engine.passes import Passes
from engine.profile import Profile

_STEPS = 32
_LEAST_SUFFIX_TOKENS = 8
_MAX_ROWS = 4


def can_resize(request: FillRequest, profile: Profile) -> bool:
    """Tell whether a fill's hole is grown and shrunk: one hole of unknown length, and a checkpoint that knows how."""
    is_free = request.exact_hole_tokens is None and not request.further_holes and request.original is None
    return profile.resizes_holes and is_free


def max_width(request: FillRequest, profile: Profile) -> int:
    """Return how wide the hole may become, in tokens."""
    room = profile.canvas_tokens - min(_LEAST_SUFFIX_TOKENS, profile.canvas_tokens // 8)
    return min(request.max_hole_tokens, room)


def elastic_rows(request: FillRequest, profile: Profile) -> list[Row]:
    """Return the holes to begin with, widest first: such a checkpoint shrinks a hole more surely than it grows one."""
    widest = max_width(request, profile)
    fitting = [width for width in profile.hole_widths if width <= widest] or [widest]
    return [Row(width) for width in reversed(fitting[-min(request.num_candidates, _MAX_ROWS) :])]


def elastic_fill(
    passes: Passes,
    rows: Sequence[Row],
    request: FillRequest,
    never: Sequence[int],
    token_texts: Sequence[str],
    deadline: Deadline,
) -> Generator[Draft, None, tuple[list[Fill], int]]:
    """Fill the hole, yielding a draft after each pass. Return the fills, and how many passes they took.

    Where no row is done at the deadline, the likeliest text stands for what is undecided.
    """
    profile, widest = passes.profile, max_width(request, passes.profile)
    assert profile.mask_token_id is not None
    assert profile.expand_token_id is not None
    assert profile.delete_token_id is not None
    config = Elastic(
        passes.adapter.vocab_size,
        profile.mask_token_id,
        profile.expand_token_id,
        profile.delete_token_id,
        max_width=widest,
        max_expansions=widest,
        forbidden_ids=tuple(never),
        max_denoising_steps=request.max_denoising_steps or _STEPS,
    )

    def lay(widths: Sequence[int]) -> tuple[Canvas, Forward]:
        laid = [Row(width) for width in widths]
        return passes.lay_out(laid), passes.forward(laid)

    step: ElasticStep | None = None
    for step in denoise_elastic(lay, [row.width for row in rows], config):
        yield Draft(step.step, _shown(step.holes[0], token_texts), deadline.elapsed_ms)
        if deadline.leaves_no_pass():
            break
    assert step is not None
    done = [hole for hole in step.holes if hole.is_done]
    return [_fill(hole) for hole in done or step.holes if hole.cells], step.step


def _fill(hole: Hole) -> Fill:
    told = [cell for cell in hole.cells if cell.token_id is not None]
    ids = [cell.token_id for cell in told if cell.token_id is not None]
    return Fill([ids], tuple(cell.log_prob for cell in told), tuple(cell.entropy for cell in told))


def _shown(hole: Hole, token_texts: Sequence[str]) -> tuple[DraftToken, ...]:
    return tuple(
        DraftToken(
            "" if cell.token_id is None else token_texts[cell.token_id], "accepted" if cell.is_decided else "noise"
        )
        for cell in hole.cells
    )
