"""Write rows on and on, a fixed number of tokens each, and let them end where the suffix follows best.

A checkpoint that decides the length of a fill while it writes ends too early: what it has not written yet cannot speak
for going on. Written first, every beginning of a row can be compared with every other by one causal reading.
It knows a request's rows and passes: no text and no loop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.api import FillRequest
from engine.candidates import SCORED_SUFFIX_TOKENS, Fill
from engine.denoise import Step
from engine.ends import likeliest_ends, possible_ends
from engine.layout import Row
from engine.passes import Passes
from engine.profile import Profile

# The longest line that is written, in tokens; the rest of one is rarely longer.
_LINE_TOKENS = 24
# So many steps settle what a line, or several lines, mostly come to; the last one decides what is left.
_LINE_STEPS, _LINES_STEPS = 4, 11
_ENDS_A_ROW = 4


def can_write_on(request: FillRequest, profile: Profile) -> bool:
    """Tell whether a fill is written on and on: one hole of unknown length, accepted positions stay."""
    is_free = request.exact_hole_tokens is None and not request.further_holes and request.original is None
    return is_free and profile.noise == "mask" and profile.knows_slack


def as_written(request: FillRequest, width: int) -> FillRequest:
    """Return the request with the number of tokens to write, and of steps to take."""
    num_tokens, steps = (width, _LINES_STEPS) if request.multiline else (min(width, _LINE_TOKENS), _LINE_STEPS)
    return replace(request, exact_hole_tokens=num_tokens, max_denoising_steps=request.max_denoising_steps or steps)


def ended(
    step: Step, rows: Sequence[Row], passes: Passes, break_ids: Collection[int], *, multiline: bool
) -> list[Fill]:
    """Return the likeliest few fills that each row begins with, scored by the causal encoder."""
    lengths = [row.width if row.length is None else row.length for row in rows]
    ids = step.argmax_ids[:, : max(lengths)]
    suffix_ids = passes.seams.suffix_ids
    # Where the suffix goes on in a line, so may the fill.
    whole_lines = multiline and (not suffix_ids or suffix_ids[0] in break_ids)
    expected = _read(passes, torch.nn.functional.pad(ids, (0, 1)))
    found: list[tuple[int, list[int]]] = []
    for index, length in enumerate(lengths):
        row = ids[index, :length]
        ends = possible_ends(row.tolist(), break_ids, whole_lines)
        best = likeliest_ends(
            expected[index, : length + 1], row, suffix_ids[0] if suffix_ids else None, ends, _ENDS_A_ROW
        )
        found += [(index, row[:end].tolist()) for end in best]
    head = suffix_ids[:SCORED_SUFFIX_TOKENS]
    texts = [[*begun, *head] for _, begun in found]
    widest = max(map(len, texts))
    together = torch.tensor([[*text, *[0] * (widest - len(text))] for text in texts], device=ids.device)
    log_probs = _read(passes, together).gather(-1, together[..., None]).squeeze(-1)
    return [
        Fill(
            [begun],
            tuple(step.log_probs[index, : len(begun)].tolist()),
            tuple(step.entropy[index, : len(begun)].tolist()),
            tuple(scored[: len(text)].tolist()),
        )
        for (index, begun), text, scored in zip(found, texts, log_probs, strict=True)
    ]


def _read(passes: Passes, ids: Tensor) -> Tensor:
    """Return the causal encoder's log-probabilities: ids [B, W] -> [B, W, V], at i given the ids before i."""
    return passes.adapter.autoregressive_logits(passes.prefix, ids).log_softmax(dim=-1)
