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
from torch.nn.utils.rnn import pad_sequence

from engine.api import FillRequest
from engine.candidates import SCORED_SUFFIX_TOKENS, Fill
from engine.denoise import Step
from engine.ends import likeliest_ends, possible_ends
from engine.layout import Row
from engine.models.adapter import Reader
from engine.passes import Passes
from engine.profile import Profile

# The longest line that is written, in tokens; the rest of one is rarely longer.
_LINE_TOKENS = 24
# So many steps settle what a line, or several lines, mostly come to; the last one decides what is left.
_LINE_STEPS, _LINES_STEPS = 2, 8
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
    lengths = _settled(step, rows, passes)
    ids = step.argmax_ids[:, : max(lengths)]
    suffix_ids = passes.seams.suffix_ids
    # Where the suffix goes on in a line, so may the fill.
    whole_lines = multiline and (not suffix_ids or suffix_ids[0] in break_ids)
    assert passes.read is not None
    shown = torch.nn.functional.pad(ids, (0, 1))
    asked = torch.arange(shown.shape[1], device=ids.device) <= torch.tensor(lengths, device=ids.device)[:, None]
    expected = torch.split(passes.read(shown, asked).log_softmax(dim=-1), [length + 1 for length in lengths])
    found: list[tuple[int, int]] = []  # row and end
    for index, length in enumerate(lengths):
        ends = possible_ends(ids[index, :length].tolist(), break_ids, whole_lines)
        next_id = suffix_ids[0] if suffix_ids else None
        best = likeliest_ends(expected[index], ids[index, :length], next_id, ends, _ENDS_A_ROW)
        found += [(index, end) for end in best]
    heads = _heads(passes.read, [ids[index, :end] for index, end in found], suffix_ids[:SCORED_SUFFIX_TOKENS])
    return [
        Fill(
            [ids[index, :end].tolist()],
            tuple(step.log_probs[index, :end].tolist()),
            tuple(step.entropy[index, :end].tolist()),
            (*expected[index][:end].gather(-1, ids[index, :end, None]).squeeze(-1).tolist(), *head),
        )
        for (index, end), head in zip(found, heads, strict=True)
    ]


def _heads(read: Reader, texts: Sequence[Tensor], head: Sequence[int]) -> list[list[float]]:
    """Return the log-probabilities of the suffix head behind each of the texts."""
    if not head:
        return [[] for _ in texts]
    head_ids = torch.tensor(head, device=texts[0].device)
    together = pad_sequence([torch.cat([text, head_ids]) for text in texts], batch_first=True)
    places = torch.arange(together.shape[1], device=head_ids.device)
    starts = torch.tensor([len(text) for text in texts], device=head_ids.device)[:, None]
    log_probs = read(together, (places >= starts) & (places < starts + len(head))).log_softmax(dim=-1)
    found: list[list[float]] = log_probs.gather(-1, head_ids.repeat(len(texts))[:, None]).view(len(texts), -1).tolist()
    return found


def _settled(step: Step, rows: Sequence[Row], passes: Passes) -> list[int]:
    """Return how many tokens from the left each row holds that are decided, its first one at least."""
    is_text = step.accepted | passes.lay_out(rows).known
    lengths = [row.width if row.length is None else row.length for row in rows]
    runs = is_text.long().cumprod(dim=-1)
    return [max(1, int(runs[index, :length].sum())) for index, length in enumerate(lengths)]
