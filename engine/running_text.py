"""From a canvas of several holes to the text that it stands for, and back: what a causal reading reads.

On the canvas slack lies between a hole's text and what follows it; a reader of text must not see it. It knows ids and
masks, no model and no tokenizer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise import Forward
from engine.length import draft_text, first_slack


@dataclass(frozen=True, slots=True, eq=False)
class RunningText:
    """The text of each row, and where in it each open position stands."""

    ids: Tensor  # [B, W] int64: the text up to the last place that is asked for; what follows it is not to be read
    place: Tensor  # [B, L] int64: a text position's own place; a slack position's is that of the next text
    is_asked: Tensor  # [B, L] bool: the open positions of the draft, and the first slack after each hole's text


def running_text(draft_ids: Tensor, open_mask: Tensor, holes: Tensor, slack_token_id: int) -> RunningText:
    """Leave out slack: shapes draft_ids [B, L] int64, open_mask [B, L] bool, holes [B, K, L] bool."""
    drafted = draft_text(draft_ids, open_mask, slack_token_id, holes)
    is_text = drafted | (~open_mask & (draft_ids != slack_token_id))
    is_asked = drafted | first_slack(open_mask & ~drafted, holes)
    place = is_text.cumsum(dim=-1) - is_text.long()
    width = int(place[is_asked].max()) + 1 if bool(is_asked.any()) else 1
    order = (~is_text).to(torch.uint8).argsort(dim=-1, stable=True)
    return RunningText(draft_ids.gather(-1, order[:, :width]), place, is_asked)


def hiding_slack(forward: Forward, slack_token_id: int, mask_token_id: int) -> Forward:
    """Return the pass with noise in place of slack: a checkpoint is never shown slack, in training neither.

    A hole that has ended while others are still open shows what is right of its end as mask noise.
    """

    def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        shown_ids = canvas_ids.masked_fill(canvas_ids == slack_token_id, mask_token_id)
        return forward(shown_ids, open_mask, self_conditioning)

    return run
