"""How likely a text is behind a prefix: what candidates are ranked by, whatever the checkpoint's family.

A checkpoint that reads causally says how likely each token is after those before it. One that does not is asked by
denoising: the text is hidden and shown again in a few steps, every fourth token at a time, and each token is scored
when it is shown, given what stood there by then. The sum is the log-probability that denoising in this order writes
exactly this text, so a token gets no credit for repeating a neighbour that was copied from it, as it would if each
were hidden alone. All steps are rows of one batch.
It knows ids, log-probabilities and adapters: no text and no canvas.

Source: pseudo-likelihood of masked models, arXiv 1910.14659. Differs: tokens are hidden together and shown in strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.candidates import LogProbs
from engine.denoise import Forward
from engine.models.adapter import Adapter

_STRIDE = 4


def likelihood(adapter: Adapter[Any], prefix: Any, follows: Sequence[int], mask_token_id: int | None) -> LogProbs:
    """Return what scores ids behind a prefix: [N] -> [N] float32, nats. `follows` are the ids right of them.

    A causal reading does not look at what follows.
    """
    if adapter.scores_autoregressively:
        return partial(adapter.autoregressive_logprob, prefix)
    assert mask_token_id is not None, "what does not read causally denoises masks"
    forward = adapter.forward_for(prefix, _STRIDE)
    return partial(denoised_logprob, forward, follows, mask_token_id, adapter.device)


def behind(logprobs: LogProbs, lead_ids: Sequence[int]) -> LogProbs:
    """Return what scores ids that stand behind others, which are given."""
    return lambda ids: logprobs([*lead_ids, *ids])[len(lead_ids) :]


def denoised_logprob(
    forward: Forward, follows: Sequence[int], mask_token_id: int, device: torch.device, ids: Sequence[int]
) -> Tensor:
    """Return the log-probability of each token when it is shown: [N] float32, nats, by one batch of at most 4 rows."""
    num_rows = min(_STRIDE, len(ids))
    if not num_rows:
        return torch.zeros(0, device=device)
    text = torch.tensor([*ids, *follows], dtype=torch.int64, device=device)
    shown_in = torch.full((len(text),), -1, device=device)  # what follows is there from the beginning
    shown_in[: len(ids)] = torch.arange(len(ids), device=device) % num_rows
    row = torch.arange(num_rows, device=device)[:, None]
    canvas_ids = torch.where(shown_in >= row, mask_token_id, text)
    asked = shown_in == row
    log_probs = forward(canvas_ids, asked, None).log_softmax(dim=-1)
    places = asked.nonzero()[:, 1]
    scored = log_probs.gather(-1, text[places, None]).squeeze(-1)
    return torch.empty_like(scored).scatter(0, places, scored)
