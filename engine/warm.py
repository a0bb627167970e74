"""A warm start: fill a hole that was filled a keystroke ago, for a small part of what that cost.

Texts that agree with what was typed are scored again, by one causal reading. Where the best does not, one denoising
pass looks at the hole behind the likeliest first token, and causal readings settle what it drafts; the endings that the
earlier fill thought of are scored beside it, behind the new first token. The best is the best of all of them.
It knows the parts of a checkpoint and what `engine.recent` found; it decides nothing about when to start warm.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import count

import torch

from engine.api import Draft, DraftToken, FillRequest
from engine.candidates import SCORED_SUFFIX_TOKENS, Fill
from engine.deadline import Deadline
from engine.guidance import Guidance
from engine.layout import Row
from engine.passes import CAUSAL_SHARE, Passes
from engine.recent import Found, RecentFills
from engine.seam import Seamstress
from engine.settle import Read, Scored, Settling, settle

_MAX_READINGS = 4
# So many tokens far the one denoising pass is believed; it looks at a hole and a suffix head not much longer than that.
_REACH = 8
_HOLE_TOKENS, _SUFFIX_TOKENS = 16, 16
# What is scored beside the draft: so many tokens of an earlier text may stand for the new first one; texts in all.
_MAX_REPLACED, _MAX_ENDINGS = 2, 3
# What is read of the suffix behind a draft of one line: as much as counts in the score of one (`engine.candidates`).
_HEAD_TOKENS = 3


def find(recent: RecentFills, request: FillRequest, knows_slack: bool) -> Found | None:
    """Find what to go on from: for a request that asks for it, of one hole of unknown length that nobody traces.

    One pass makes a line as good as many passes do, but not several lines: those only go on from what agrees.
    """
    is_one_hole = not request.further_holes and request.original is None and request.exact_hole_tokens is None
    if not (request.warm_start and knows_slack and is_one_hole) or request.trace:
        return None
    found = recent.find(request)
    return None if found is None or (request.multiline and not found.best_agrees) else found


def warm(
    found: Found, width: int, passes: Passes, seamstress: Seamstress, deadline: Deadline
) -> Generator[Draft, None, tuple[list[Fill], int]]:
    """Fill a hole of `width` tokens from what was found, yielding a draft after each pass and reading but the last.

    Returns what was found and how many denoising passes it took: one or none.
    """
    seams, slack_token_id = passes.seams, passes.profile.slack_token_id
    assert slack_token_id is not None
    head = seams.suffix_ids[:SCORED_SUFFIX_TOKENS]
    others = [ids for text in found.agreeing if (ids := seamstress.ids_of(seams.typed + text + seams.rest))]
    drafts: list[Settling] = []
    if not (found.best_agrees and others):
        first_id = _first_id(passes, slack_token_id)
        others += _endings(found.alternatives, first_id, seamstress, width)
        drafts = [_drafted(passes, width, first_id, slack_token_id)]
        head = head[:_HEAD_TOKENS]
        yield _shown(1, drafts[0], seamstress, deadline)
    deadline.leaves_no_pass()
    readings = settle(
        drafts,
        others,
        head,
        _reader(passes),
        Guidance(CAUSAL_SHARE, slack_token_id, seams.suffix_ids[0] if seams.suffix_ids else None),
        lambda num_readings: num_readings < _MAX_READINGS and not deadline.leaves_no_pass(),
    )
    for step in count(2):
        try:
            next(readings)
        except StopIteration as end:
            scored: list[Scored] = end.value
            break
        if drafts:
            yield _shown(step, drafts[0], seamstress, deadline)
    return [Fill([one.ids], causal=tuple(one.log_probs)) for one in scored], len(drafts)


def _shown(step: int, draft: Settling, seamstress: Seamstress, deadline: Deadline) -> Draft:
    texts = [seamstress.token_texts[token_id] for token_id in draft.ids]
    tokens = (DraftToken(t, "accepted" if at < draft.num_settled else "noise") for at, t in enumerate(texts))
    return Draft(step, tuple(tokens), deadline.elapsed_ms)


def _reader(passes: Passes) -> Read:
    read, device = passes.read, passes.adapter.device
    assert read is not None
    return lambda rows, asked: read(rows.to(device), asked.to(device))


def _first_id(passes: Passes, slack_token_id: int) -> int:
    """Return the likeliest first token, by what the causal encoder expects after the prefix."""
    expected = _reader(passes)(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1, dtype=torch.bool))[0]
    possible = expected.masked_fill(passes.limits.anywhere | passes.limits.at_first, -torch.inf)
    possible[slack_token_id] = -torch.inf
    return int(possible.argmax())


def _endings(texts: Sequence[str], first_id: int, seamstress: Seamstress, width: int) -> list[list[int]]:
    """Return what earlier texts go on with, behind a new first token that stands for a few of their tokens or none."""
    endings: list[list[int]] = []
    for text in texts:
        ids = seamstress.ids_of(text)
        endings += [ids[start:] for start in range(_MAX_REPLACED + 1) if ids[start:] not in endings]
    return [[first_id, *ids] for ids in endings if len(ids) < width][:_MAX_ENDINGS]


def _drafted(passes: Passes, width: int, first_id: int, slack_token_id: int) -> Settling:
    """Look at the hole behind a first token, once."""
    width = min(width, _HOLE_TOKENS)
    canvas = passes.lay_out([Row(width, first_id=first_id)])
    noise = torch.full_like(canvas.known_ids, passes.profile.mask_token_id or 0)
    forward = passes.limits.over(passes.adapter.forward_for(passes.prefix, 1))
    asked = canvas.free & (torch.arange(canvas.free.shape[1], device=canvas.free.device) <= _REACH)
    seen = width + _SUFFIX_TOKENS
    logits = forward(canvas.with_known(noise)[:, :seen], asked[:, :seen], None)
    return Settling([first_id], logits.log_softmax(dim=-1), slack_token_id, passes.repeats())
