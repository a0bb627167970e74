"""The forward pass of one fill: the adapter's, within what is possible in the hole, guided where that helps.

It is made once a fill and knows what stays the same in it: prefix, seams, limits. It knows no loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.canvas import Canvas
from engine.constraints import Constraints
from engine.denoise import Forward
from engine.guidance import Guidance, Guided, guided_across
from engine.hole_limits import limited
from engine.layout import Row, lay_out, next_ids
from engine.length import decide_slack
from engine.models.adapter import Adapter, Reader
from engine.profile import Profile
from engine.repeats import Repeats
from engine.running_text import hiding_slack
from engine.seam import Seams

# The causal reading's share of a guided pass (engine/guidance.py).
CAUSAL_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """Forward passes over canvases that follow one prefix."""

    adapter: Adapter[Any]
    profile: Profile
    seams: Seams
    prefix: Any  # the adapter's state after it
    limits: Constraints
    pad_id: int
    further_limits: tuple[Constraints, ...] = ()  # of the holes right of the first
    read: Reader | None = field(init=False)  # what reads this fill's drafts causally, where the checkpoint can

    def __post_init__(self) -> None:
        """Read all drafts of this fill with one reader, which may remember."""
        reader = self.adapter.reader_for(self.prefix) if self.adapter.scores_autoregressively else None
        object.__setattr__(self, "read", reader)

    def lay_out(self, rows: Sequence[Row]) -> Canvas:
        """Return the canvas of the rows, in front of the suffix head."""
        profile = self.profile
        return lay_out(
            rows, self.seams.suffix_ids, profile.canvas_tokens, self.pad_id, self.adapter.device, profile.mask_token_id
        )

    def forward(self, rows: Sequence[Row], within: Callable[[Forward], Forward] = lambda forward: forward) -> Forward:
        """Return the pass that denoises the rows: within the limits, and guided by the causal reading of its draft.

        `within` is one more limit, laid over the denoising pass as the others are.
        """
        if not all(row.is_one_hole for row in rows):
            return self._forward_across(rows, within)
        adapter, slack_token_id, suffix_ids = self.adapter, self.profile.slack_token_id, self.seams.suffix_ids
        forward = within(self.limits.over(adapter.forward_for(self.prefix, len(rows))))
        if slack_token_id is None or self.read is None:
            return forward
        guidance = Guidance(CAUSAL_SHARE, slack_token_id, suffix_ids[0] if suffix_ids else None)
        width = rows[0].length or rows[0].width
        return Guided(forward, self.read, guidance, width, self.repeats())

    def repeats(self) -> Repeats:
        """Return the text that a fill may repeat: what is right of the hole is further away than what is left of it."""
        return Repeats([*self.seams.suffix_ids, *self.seams.prefix_ids])

    def within_limits(self, forward: Forward, canvas: Canvas) -> Forward:
        """Return the forward pass with what the holes of a canvas cannot hold at -inf."""
        if canvas.hole_index is not None and (self.further_limits or self.seams.lead_ids):
            return limited(forward, (self.limits, *self.further_limits), canvas.hole_index)
        return self.limits.over(forward)

    def probe(self, row: Row) -> Tensor:
        """Run one pass over a hole of noise: logits [its free positions, V], the same as a first denoising step's."""
        canvas = self.lay_out([row])
        noise = torch.full_like(canvas.known_ids, self.profile.mask_token_id or 0)
        logits = self.forward([row])(canvas.with_known(noise), canvas.free, None)
        slack_token_id = self.slack_of(row)
        if slack_token_id is None:
            return logits
        return decide_slack(logits, canvas.free, torch.zeros_like(canvas.known), slack_token_id, canvas.holes)

    def slack_of(self, row: Row) -> int | None:
        """Return the token that ends a fill, or None where the length is known and nothing ends it early."""
        return self.profile.slack_token_id if row.length is None else None

    def _forward_across(self, rows: Sequence[Row], within: Callable[[Forward], Forward]) -> Forward:
        """Return the pass of rows of several holes, or of one with fixed code beside it."""
        adapter, profile, canvas = self.adapter, self.profile, self.lay_out(rows)
        assert canvas.hole_index is not None
        assert canvas.holes is not None
        forward = within(adapter.forward_for(self.prefix, len(rows)))
        if profile.slack_token_id is not None and profile.mask_token_id is not None:
            forward = hiding_slack(forward, profile.slack_token_id, profile.mask_token_id)
        forward = self.within_limits(forward, canvas)
        if profile.slack_token_id is None or self.read is None:
            return forward
        guidance = Guidance(CAUSAL_SHARE, profile.slack_token_id, None)
        follows = next_ids(rows, self.seams.suffix_ids, profile.canvas_tokens, adapter.device)
        return guided_across(forward, self.read, guidance, canvas.holes, follows)
