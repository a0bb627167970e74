"""How long a fill is: where its text ends and slack begins, decided while it is denoised.

A checkpoint that knows slack gives each hole position a probability of standing for nothing, which is the probability
that the text has ended before it. The functions here turn that into an end that only ever settles from the left: what
follows the end is never looked at, and no slack stands left of a token that was accepted.
They know ids and masks, no model and no tokenizer.
"""

from __future__ import annotations

import torch
from torch import Tensor


def decide_slack(raw_logits: Tensor, open_mask: Tensor, accepted_text: Tensor, slack_token_id: int) -> Tensor:
    """Make slack the prediction exactly where the text has more likely ended than not, and impossible elsewhere.

    Slack is one token against thousands that share the probability of going on; the likeliest single token would end
    nearly every fill too early. Left of an accepted token the text cannot have ended.

    Shapes: raw_logits [N, V] float32 of the N open positions in row-major order, open_mask [B, L] bool, accepted_text
    [B, L] bool (accepted positions that hold a token) -> [N, V] float32, new tensor.
    """
    has_ended = raw_logits[:, slack_token_id] > raw_logits.logsumexp(dim=-1) + _LOG_HALF
    text_follows = accepted_text.flip(-1).cumsum(-1).flip(-1) > 0
    goes_on = ~has_ended | text_follows[open_mask]
    logits = raw_logits.clone()
    logits[goes_on, slack_token_id] = -torch.inf
    return logits


def draft_text(predicted_ids: Tensor, open_mask: Tensor, slack_token_id: int) -> Tensor:
    """Return the open positions left of the first predicted slack: the part of the draft that is text.

    Shapes: predicted_ids [B, L] int64, open_mask [B, L] bool -> [B, L] bool.
    """
    ended = ((predicted_ids == slack_token_id) & open_mask).cumsum(-1) > 0
    return open_mask & ~ended


def has_ended(chosen: Tensor, candidates: Tensor, past_end: Tensor, entropy: Tensor, entropy_bound: float) -> Tensor:
    """Tell which rows can be closed: all of their text is accepted, and the end after it is certain enough.

    A row whose first open position is slack has settled all of its text before and is closed at once; otherwise the
    end's entropy (nats) must be within the bound, since the tokens just accepted may yet call for more.

    Shapes: chosen, candidates, past_end [B, L] bool, entropy [B, L] float32 -> [B] bool.
    """
    settled = candidates.eq(chosen & candidates).all(dim=-1)
    first = past_end & (past_end.cumsum(dim=-1) == 1)
    certain = (entropy * first).sum(dim=-1) <= entropy_bound
    return settled & (certain | ~candidates.any(dim=-1))


_LOG_HALF = -0.6931471805599453
