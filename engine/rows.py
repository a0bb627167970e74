"""Which holes are tried for one request: their widths, their lengths where known, the tokens they begin with.

It knows a checkpoint's profile and ids: no text, no model.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.api import FillRequest, RequestError
from engine.layout import Row
from engine.profile import Profile

_MAX_ROWS = 8
# So many beginnings are tried in any case: the best is right far more often than the first.
_MIN_ROWS = 2
# Beyond those, a first token this unlikely begins no candidate worth its arithmetic.
_MIN_FIRST_PROBABILITY = 0.02


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
