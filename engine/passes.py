"""The forward pass of one fill: the adapter's, within what is possible in the hole, guided where that helps.

It is made once a fill and knows what stays the same in it: prefix, seams, limits. It knows no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.canvas import Canvas
from engine.constraints import Constraints
from engine.denoise import Forward
from engine.guidance import Guidance, guided
from engine.layout import Row, lay_out
from engine.length import decide_slack
from engine.models.diffusion_gemma import DiffusionGemma, Prefix
from engine.profile import Profile
from engine.seam import Seams

# The causal reading's share of a guided pass (engine/guidance.py).
_CAUSAL_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """Forward passes over canvases that follow one prefix."""

    adapter: DiffusionGemma
    profile: Profile
    seams: Seams
    prefix: Prefix
    limits: Constraints
    pad_id: int

    def lay_out(self, rows: Sequence[Row]) -> Canvas:
        """Return the canvas of the rows, in front of the suffix head."""
        profile = self.profile
        return lay_out(
            rows, self.seams.suffix_ids, profile.canvas_tokens, self.pad_id, self.adapter.device, profile.mask_token_id
        )

    def forward(self, rows: Sequence[Row]) -> Forward:
        """Return the pass that denoises the rows: within the limits, and guided by the causal reading of its draft."""
        adapter, slack_token_id, suffix_ids = self.adapter, self.profile.slack_token_id, self.seams.suffix_ids
        forward = self.limits.over(adapter.forward_for(self.prefix, len(rows)))
        if slack_token_id is None:
            return forward
        guidance = Guidance(_CAUSAL_SHARE, slack_token_id, suffix_ids[0] if suffix_ids else None)
        return guided(forward, partial(adapter.autoregressive_logits, self.prefix), guidance, rows[0].width)

    def probe(self, row: Row) -> Tensor:
        """Run one pass over a hole of noise: logits [its free positions, V], the same as a first denoising step's."""
        canvas = self.lay_out([row])
        noise = torch.full_like(canvas.known_ids, self.profile.mask_token_id or 0)
        logits = self.forward([row])(canvas.with_known(noise), canvas.free, None)
        slack_token_id = self.slack_of(row)
        if slack_token_id is None:
            return logits
        return decide_slack(logits, canvas.free, torch.zeros_like(canvas.known), slack_token_id)

    def slack_of(self, row: Row) -> int | None:
        """Return the token that ends a fill, or None where the length is known and nothing ends it early."""
        return self.profile.slack_token_id if row.length is None else None
