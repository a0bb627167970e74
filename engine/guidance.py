"""Causal guidance: a denoising pass and the causal encoder's reading of its draft, multiplied.

A denoising pass predicts each position by itself and sees the suffix; the causal encoder predicts each token from all
that stand before it and does not. Their product knows both. One causal pass reads the whole draft; it holds up to the
first place where the product disagrees with the draft, and what follows is left for the next pass.
It knows ids, masks and two callables: no model and no tokenizer.

Source: adaptive parallel decoding, arXiv 2506.00413. Differs: both readings are the same network's, slack gets the
probability that the causal reading gives to the suffix's first token, and acceptance stays the loop's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise import Forward
from engine.length import decide_slack

# Beyond the first disagreement a position is this much less sure of its token, so that it is not accepted yet.
_STALE_SCALE = 0.25


@dataclass(frozen=True, slots=True)
class Guidance:
    """How a pass is guided: the causal reading's share of the product, and the tokens that tell where a fill ends."""

    share: float  # in [0, 1): 0 is no guidance
    slack_token_id: int
    next_id: int | None  # the suffix's first token: what the causal reading expects where the fill has ended


def guided(forward: Forward, read: Callable[[Tensor], Tensor], guidance: Guidance, max_width: int) -> Forward:
    """Return a forward pass whose logits are the product of both readings (log-probabilities).

    `read` runs the causal encoder: tokens [B, W] after the prefix -> logits [B, W, V], at i given the tokens before i.
    """

    def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        raw = forward(canvas_ids, open_mask, self_conditioning)
        accepted_text = ~open_mask
        accepted_text[:, max_width:] = False
        drafted = decide_slack(raw, open_mask, accepted_text, guidance.slack_token_id).argmax(dim=-1)
        asked = open_mask.any(dim=-1)
        draft, is_open = canvas_ids.masked_scatter(open_mask, drafted)[asked], open_mask[asked]
        width = _needed(draft, is_open, guidance.slack_token_id, max_width)
        draft, is_read = draft[:, :width], is_open[:, :width]
        denoised = raw.log_softmax(dim=-1)
        in_reach = is_open.nonzero()[:, 1] < width  # of the open positions, as all that follows
        product = product_of(denoised[in_reach], read(draft)[is_read].log_softmax(dim=-1), guidance)
        holds = up_to_first_difference(draft.masked_scatter(is_read, product.argmax(dim=-1)), draft, is_read)[is_read]
        is_fresh = in_reach.masked_scatter(in_reach, holds)
        result = torch.empty_like(denoised)
        result[is_fresh] = product[holds]
        result[~is_fresh] = flattened(denoised[~is_fresh], guidance.slack_token_id)
        return result

    return run


def product_of(denoised: Tensor, causal: Tensor, guidance: Guidance) -> Tensor:
    """Multiply two readings of the same positions: log-probabilities [..., V] each -> [..., V], normalised."""
    causal, end, next_id = causal.clone(), guidance.slack_token_id, guidance.next_id
    # With no suffix nothing says where the file would end: the denoising pass decides alone.
    causal[..., end] = denoised[..., end] if next_id is None else causal[..., next_id]
    mixed = (1 - guidance.share) * denoised + guidance.share * causal
    return mixed.nan_to_num(nan=-torch.inf, neginf=-torch.inf).log_softmax(dim=-1)


def up_to_first_difference(ids: Tensor, draft: Tensor, is_open: Tensor) -> Tensor:
    """Tell where the causal reading holds: up to and with the first open position whose id is not the draft's.

    Shapes: ids, draft [B, W] int64, is_open [B, W] bool -> [B, W] bool.
    """
    differs = (ids != draft) & is_open
    return (differs.cumsum(dim=-1) - differs.long()) == 0


def flattened(log_probs: Tensor, slack_token_id: int) -> Tensor:
    """Make tokens less certain and leave the probability of slack as it is: [..., V] -> [..., V]."""
    slack = log_probs[..., slack_token_id, None].clone()
    others = log_probs.clone()
    others[..., slack_token_id] = -torch.inf
    scaled = (others * _STALE_SCALE).log_softmax(dim=-1)
    kept = scaled + torch.log1p(-slack.exp().clamp(max=1 - 1e-6))
    kept[..., slack_token_id] = slack[..., 0]
    return kept


def _needed(draft: Tensor, is_open: Tensor, slack_token_id: int, max_width: int) -> int:
    """Return how many positions from the left hold text or its end in some row."""
    text = (draft != slack_token_id) & is_open
    places = text.any(dim=0).nonzero()
    last = int(places[-1]) if len(places) else 0
    return min(max_width, last + 2)
