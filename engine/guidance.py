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
from engine.repeats import Repeats
from engine.running_text import running_text

# Beyond the first disagreement a position is this much less sure of its token, so that it is not accepted yet.
_STALE_SCALE = 0.25
# How many open positions of a draft are read from the left: it rarely holds for longer.
READ_AHEAD = 12

Read = Callable[[Tensor, Tensor], Tensor]
"""Rows [B, W] and where they are asked about [B, W] bool -> causal logits [N, V], at i given the ids before i."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """How a pass is guided: the causal reading's share of the product, and the tokens that tell where a fill ends."""

    share: float  # in [0, 1): 0 is no guidance
    slack_token_id: int
    next_id: int | None  # the suffix's first token: what the causal reading expects where the fill has ended
    readings: int = 3  # how often the draft of one hole is read in a pass, at most


class Guided:
    """A forward pass whose logits are the product of both readings (log-probabilities).

    Where the product wants another token than the draft, that token is put right and the draft is read again, a few
    times a pass: a reading costs a small part of it.
    `read` runs the causal encoder (`engine.models.adapter.Reader`).
    `holds` [B, L] bool tells, after a pass, where the causal reading of its draft held.
    """

    def __init__(
        self, forward: Forward, read: Read, guidance: Guidance, max_width: int, repeats: Repeats | None = None
    ) -> None:
        self._forward, self._read, self._guidance, self._max_width = forward, read, guidance, max_width
        self._repeats = repeats or Repeats(())
        self.holds: Tensor | None = None

    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Predict the open positions, as `engine.denoise.Forward` says."""
        guidance, max_width = self._guidance, self._max_width
        raw = self._forward(canvas_ids, open_mask, self_conditioning)
        accepted_text = ~open_mask
        accepted_text[:, max_width:] = False
        drafted = decide_slack(raw, open_mask, accepted_text, guidance.slack_token_id).argmax(dim=-1)
        asked = open_mask.any(dim=-1)
        draft, is_open = canvas_ids.masked_scatter(open_mask, drafted)[asked], open_mask[asked]
        is_open = is_open & (is_open.cumsum(dim=-1) <= READ_AHEAD)
        width = _needed(draft, is_open, guidance.slack_token_id, max_width)
        draft, is_read = draft[:, :width], is_open[:, :width]
        denoised = raw.log_softmax(dim=-1)
        within = torch.zeros_like(open_mask)
        within[asked, :width] = is_read
        in_reach = within[open_mask]  # of the open positions, as all that follows
        product, holds = self._held(denoised[in_reach], draft, is_read)
        is_fresh = in_reach.masked_scatter(in_reach, holds)
        self.holds = torch.zeros_like(open_mask).masked_scatter(open_mask, is_fresh)
        result = torch.empty_like(denoised)
        result[is_fresh] = product[holds]
        result[~is_fresh] = flattened(denoised[~is_fresh], guidance.slack_token_id)
        return result

    def _held(self, denoised: Tensor, draft: Tensor, is_read: Tensor) -> tuple[Tensor, Tensor]:
        """Read a draft [B, W] until it holds or was read often: the product [N, V] of what is read, and where it holds.

        A correction that ends the text is the last one: what is right of it is no text.
        """
        for readings_left in reversed(range(self._guidance.readings)):
            causal = self._read(draft, is_read).log_softmax(dim=-1)
            product = product_of(denoised, causal, self._guidance)
            wanted = draft.masked_scatter(is_read, product.argmax(dim=-1))
            holds = up_to_first_difference(wanted, draft, is_read)
            corrected = torch.where(holds & (wanted != self._guidance.slack_token_id), wanted, draft)
            is_right = (corrected == draft).all(dim=-1)
            if not readings_left or bool(is_right.all()):
                break
            draft = self._guessed(corrected, holds & is_read, is_read, is_right)
        return product, holds[is_read]

    def _guessed(self, draft: Tensor, holds: Tensor, is_read: Tensor, is_right: Tensor) -> Tensor:
        """Return the drafts [B, W] with what the text repeats right of what holds, in rows that were put right."""
        for row in (~is_right).nonzero().flatten().tolist():
            last = int(holds[row].nonzero()[-1])
            places = is_read[row, last + 1 :].nonzero().flatten()
            guess = self._repeats.after(draft[row, : last + 1].tolist(), len(places))
            draft[row, last + 1 + places[: len(guess)]] = torch.tensor(guess, dtype=draft.dtype, device=draft.device)
        return draft


def guided_across(forward: Forward, read: Read, guidance: Guidance, holes: Tensor, next_ids: Tensor) -> Forward:
    """Return the same as `Guided` for canvases of several holes, whose drafts are read once a pass.

    The causal encoder reads each row as running text, slack left out. A hole's end gets the probability of the fixed
    token that follows this hole, and a disagreement makes what follows it in this hole alone wait: what it means for
    the next hole is seen in the next pass.

    Shapes: holes [B, K, L] bool, next_ids [B, L] int64, -1 at holes that nothing follows.
    """
    hole_of = holes.int().argmax(dim=1)  # [B, L], meaningful at hole positions

    def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        raw = forward(canvas_ids, open_mask, self_conditioning)
        is_settled = ~open_mask & (canvas_ids != guidance.slack_token_id) & holes.any(dim=1)
        drafted = decide_slack(raw, open_mask, is_settled, guidance.slack_token_id, holes).argmax(dim=-1)
        draft = canvas_ids.masked_scatter(open_mask, drafted)
        denoised = raw.log_softmax(dim=-1)
        text = running_text(draft, open_mask, holes, guidance.slack_token_id)
        has_open = open_mask.any(dim=-1)
        row = (has_open.cumsum(dim=0) - 1)[:, None].expand_as(open_mask)[text.is_asked]
        shown = text.ids[has_open]
        is_read = torch.zeros_like(shown, dtype=torch.bool)
        is_read[row, text.place[text.is_asked]] = True  # In the same order: places grow along a row.
        causal = read(shown, is_read).log_softmax(dim=-1)
        is_asked = text.is_asked[open_mask]  # of the open positions, as all that follows
        product = product_of(denoised[is_asked], causal, guidance, next_ids[text.is_asked])
        differs = torch.zeros_like(open_mask)
        differs[text.is_asked] = product.argmax(dim=-1) != draft[text.is_asked]
        by_hole = differs[:, None] & holes
        before = (by_hole.cumsum(dim=-1) - by_hole.long()).gather(1, hole_of[:, None]).squeeze(1)
        holds = (before == 0)[text.is_asked]
        is_fresh = is_asked.masked_scatter(is_asked, holds)
        result = torch.empty_like(denoised)
        result[is_fresh] = product[holds]
        result[~is_fresh] = flattened(denoised[~is_fresh], guidance.slack_token_id)
        return result

    return run


def product_of(denoised: Tensor, causal: Tensor, guidance: Guidance, next_ids: Tensor | None = None) -> Tensor:
    """Multiply two readings of the same positions: log-probabilities [..., V] each -> [..., V], normalised.

    `next_ids` [...] is what follows at each position, -1 for nothing, where it is not the same at all of them.
    """
    causal, end, next_id = causal.clone(), guidance.slack_token_id, guidance.next_id
    # With no suffix nothing says where the file would end: the denoising pass decides alone.
    if next_ids is None:
        causal[..., end] = denoised[..., end] if next_id is None else causal[..., next_id]
    else:
        expected = causal.gather(-1, next_ids.clamp(min=0)[..., None]).squeeze(-1)
        causal[..., end] = torch.where(next_ids < 0, denoised[..., end], expected)
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
