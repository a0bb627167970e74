"""How long a fill is: where its text ends and slack begins, decided while it is denoised.

A checkpoint that knows slack gives each hole position a probability of standing for nothing, which is the probability
that the text has ended before it. The functions here turn that into an end that only ever settles from the left: what
follows the end is never looked at, and no slack stands left of a token that was accepted. Where a canvas has several
holes, all of this holds for each hole by itself: `holes` [B, K, L] bool says which positions are whose, and None says
that a row is one hole.
They know ids and masks, no model and no tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def decide_slack(
    raw_logits: Tensor, open_mask: Tensor, accepted_text: Tensor, slack_token_id: int, holes: Tensor | None = None
) -> Tensor:
    """Make slack the prediction exactly where the text has more likely ended than not, and impossible elsewhere.

    Slack is one token against thousands that share the probability of going on; the likeliest single token would end
    nearly every fill too early. Left of an accepted token of its hole the text cannot have ended.

    Shapes: raw_logits [N, V] float32 of the N open positions in row-major order, open_mask [B, L] bool, accepted_text
    [B, L] bool (accepted positions that hold a token) -> [N, V] float32, new tensor.
    """
    has_ended = raw_logits[:, slack_token_id] > raw_logits.logsumexp(dim=-1) + _LOG_HALF
    text_follows = _in_each_hole(lambda mask: mask.flip(-1).cumsum(-1).flip(-1) > 0, accepted_text, holes)
    goes_on = ~has_ended | text_follows[open_mask]
    logits = raw_logits.clone()
    logits[goes_on, slack_token_id] = -torch.inf
    return logits


def draft_text(predicted_ids: Tensor, open_mask: Tensor, slack_token_id: int, holes: Tensor | None = None) -> Tensor:
    """Return the open positions left of their hole's first predicted slack: the part of the draft that is text.

    Shapes: predicted_ids [B, L] int64, open_mask [B, L] bool -> [B, L] bool.
    """
    is_slack = (predicted_ids == slack_token_id) & open_mask
    return open_mask & ~_in_each_hole(lambda mask: mask.cumsum(-1) > 0, is_slack, holes)


def first_slack(past_end: Tensor, holes: Tensor | None = None) -> Tensor:
    """Return the first position past the end of each hole that has one: [B, L] bool -> [B, L] bool."""
    return _in_each_hole(lambda mask: mask & (mask.cumsum(-1) == 1), past_end, holes)


def closable(
    chosen: Tensor,
    candidates: Tensor,
    past_end: Tensor,
    entropy: Tensor,
    entropy_bound: float,
    holes: Tensor | None = None,
) -> Tensor:
    """Return the slack that can be accepted: of holes all of whose text is, and whose end is certain enough.

    A row whose first open position in every hole is slack has settled all of its text before and is closed at once;
    otherwise the end's entropy (nats) must be within the bound, since the tokens just accepted may yet call for more.

    Shapes: chosen, candidates, past_end [B, L] bool, entropy [B, L] float32 -> [B, L] bool, a subset of past_end.
    """
    uncertain = first_slack(past_end, holes) & (entropy > entropy_bound) & candidates.any(dim=-1, keepdim=True)
    waits = (candidates & ~chosen) | uncertain
    return past_end & ~_in_each_hole(lambda mask: mask.any(dim=-1, keepdim=True).expand_as(mask), waits, holes)


def _in_each_hole(rule: Callable[[Tensor], Tensor], mask: Tensor, holes: Tensor | None) -> Tensor:
    """Apply a rule over positions to each hole's part of a mask [B, L], and put the parts together again."""
    if holes is None:
        return rule(mask)
    return (rule(mask[:, None] & holes) & holes).any(dim=1)


_LOG_HALF = -0.6931471805599453
