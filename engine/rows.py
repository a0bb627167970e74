"""Which holes are tried for one request: their widths, their lengths where known, the tokens they begin with.

It knows a checkpoint's profile and ids: no text, no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.api import FillRequest, FurtherHole, RequestError
from engine.layout import NextHole, Row
from engine.profile import Profile

_MAX_ROWS = 8
# So many beginnings are tried in any case: the best is right far more often than the first.
_MIN_ROWS = 2
# Beyond those, a first token this unlikely begins no candidate worth its arithmetic.
_MIN_FIRST_PROBABILITY = 0.02
# Holes that share a canvas may be narrower than a checkpoint's own widths, and leave room for so much of the suffix.
_NARROW_WIDTHS = (4, 8)
_LEAST_SUFFIX_TOKENS = 8
_CANVAS_STEP_TOKENS = 32


def rows_for(request: FillRequest, profile: Profile) -> list[Row]:
    """Return the widest hole within the request where slack is known, else one hole of each width.

    Raises: RequestError where the length is known and no canvas holds it.
    """
    fitting = [width for width in profile.hole_widths if width <= request.max_hole_tokens]
    fitting = fitting or [min(profile.hole_widths[0], request.max_hole_tokens)]
    length = request.exact_hole_tokens
    if length is None:
        return [Row(width) for width in (fitting[-1:] if profile.knows_slack else fitting)]
    # Slack is asked for as it is when the length is unknown, so that the checkpoint sees a width it was taught.
    width = max(length, fitting[-1]) if profile.knows_slack else length
    if width >= profile.canvas_tokens:
        raise RequestError(f"a hole of {length} tokens does not fit a canvas of {profile.canvas_tokens}")
    return [Row(width, length=length)]


def rows_of_several(request: FillRequest, profile: Profile, betweens: Sequence[tuple[int, ...]]) -> list[Row]:
    """Return rows of all holes of a request on one canvas, `betweens` being the ids left of each further hole.

    Where slack is known it is one row, the holes as wide as the canvas allows; else one row for each common width.
    Raises: RequestError where the holes do not fit one canvas.
    """
    if request.exact_hole_tokens is not None:
        raise RequestError("a known length goes with one hole, not with several")
    holes: tuple[FillRequest | FurtherHole, ...] = (request, *request.further_holes)
    room = profile.canvas_tokens - sum(map(len, betweens)) - min(_LEAST_SUFFIX_TOKENS, profile.canvas_tokens // 8)
    ladder = sorted({*profile.hole_widths, *_NARROW_WIDTHS})
    # A line seldom takes more than its share of the canvas, and each open position costs time in every pass.
    share = max(room // len(holes), profile.hole_widths[0])
    most = [hole.max_hole_tokens if hole.multiline else min(hole.max_hole_tokens, share) for hole in holes]
    steps = [[width for width in ladder if width <= limit] or [limit] for limit in most]
    if sum(options[0] for options in steps) > room:
        raise RequestError(
            f"{len(holes)} holes and the code between them do not fit a canvas of {profile.canvas_tokens} tokens; "
            "fill them one after another"
        )
    widths = [options[-1] for options in steps]
    while sum(widths) > room:
        # The widest that can gives way, of equal ones the last.
        index = max(range(len(widths)), key=lambda place: (widths[place] > steps[place][0], widths[place], place))
        widths[index] = steps[index][steps[index].index(widths[index]) - 1]
    choices = [widths]
    if not profile.knows_slack:
        choices = [[min(width, widest) for widest in widths] for width in ladder if width <= max(widths)] or [widths]
    return [
        Row(first, further=tuple(NextHole(ids, width) for ids, width in zip(betweens, others, strict=True)))
        for first, *others in choices
    ]


def sized(profile: Profile, rows: Sequence[Row], max_lead_tokens: int) -> Profile:
    """Return the profile with a canvas as long as the rows need, a lead and the suffix head of the profile beside them.

    Lengths are whole steps, so that few of them are seen.
    """
    if profile.suffix_head_tokens is None:
        return profile
    needed = max_lead_tokens + max(row.num_tokens for row in rows) + profile.suffix_head_tokens
    steps = -(-needed // _CANVAS_STEP_TOKENS)
    return replace(profile, canvas_tokens=min(profile.canvas_tokens, steps * _CANVAS_STEP_TOKENS))


def branches(logits: Tensor, row: Row, num_candidates: int, slack_token_id: int) -> list[Row]:
    """Return rows that begin with the likeliest first tokens, so that candidates differ.

    Shapes: logits [N, V] float32 of the open positions of a hole of noise, the first of them the hole's first.
    """
    first = logits[0].clone()
    first[slack_token_id] = -torch.inf
    likeliest = first.softmax(-1).topk(min(max(num_candidates, _MIN_ROWS), _MAX_ROWS))
    ranked = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    return [
        replace(row, first_id=first_id)
        for rank, (first_id, probability) in enumerate(ranked)
        if probability > (0 if rank < _MIN_ROWS else _MIN_FIRST_PROBABILITY)
    ]
