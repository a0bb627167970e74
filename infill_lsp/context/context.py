"""What the engine is told: the text before and after the hole, within a budget, and on request what else helps.

The same snapshot, hole and surroundings always give the same request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from engine.api import FillRequest, FurtherHole
from infill_lsp.context.budget import Budget
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.context.structure import structured
from infill_lsp.holes.hole import Hole, lead
from infill_lsp.text.document import Snapshot

MAX_LINE_TOKENS = 32
MAX_BLOCK_TOKENS = 96
CRITIC = "infill_lsp.judging.critic:Critic"
"""What the engine host judges fills by: a name, since the engine imports nothing of these rooms."""

_STEPS_A_PREFIX = 8

_LINE_BREAK = re.compile(r"\r\n|\r")


def request_for(
    snapshot: Snapshot,
    hole: Hole,
    *,
    num_candidates: int,
    max_prefix_chars: int,
    max_suffix_chars: int,
    deadline_ms: int | None,
    warm_start: bool = False,
    surroundings: Surroundings | None = None,
    max_prefix_tokens: int | None = None,
) -> FillRequest:
    """Lay out the prefix and the suffix of a hole.

    The prefix begins at a line start and the suffix ends at a line end where the budget allows it.
    Where a prefix is cut stays the same over many keystrokes, so that what is known of it can be used again.
    An indent that is still missing counts as prefix.
    `warm_start` lets the engine go on from a fill of a keystroke ago.
    With `surroundings` the prefix is laid out as structure, within `max_prefix_tokens` too where the engine sees only
    so many; what the file has that is not shown as it is then stands there in short.
    Line breaks become `\\n`, a byte-order mark and lone surrogates go: no model knows them.
    """
    step = max(1, max_prefix_chars // _STEPS_A_PREFIX)
    first = max(hole.start - 2 * max_prefix_chars - 1, 0) // step * step
    last = hole.end + 2 * max_suffix_chars + 1
    before = _clean(snapshot.text[first : hole.start] + lead(snapshot, hole))
    after = _clean(snapshot.text[hole.end : last])
    prefix, suffix = _tail(before, max_prefix_chars, step), _head(after, max_suffix_chars)
    starts_file = first == 0 and prefix == before
    if surroundings is not None:
        suffix_end = hole.end + len(_head(snapshot.text[hole.end : last], max_suffix_chars))
        budget = Budget(max_prefix_chars, max_prefix_tokens)
        laid_out = structured(snapshot, hole, lead(snapshot, hole), suffix_end, budget, surroundings)
        if laid_out is not None:
            prefix, starts_file = _clean(laid_out), False
    return FillRequest(
        prefix=prefix,
        suffix=suffix,
        starts_file=starts_file,
        ends_file=last >= len(snapshot.text) and suffix == after,
        multiline=hole.multiline,
        max_hole_tokens=MAX_BLOCK_TOKENS if hole.multiline else MAX_LINE_TOKENS,
        num_candidates=num_candidates,
        deadline_ms=deadline_ms,
        warm_start=warm_start,
        language=snapshot.language,
    )


def further_holes(snapshot: Snapshot, holes: Sequence[Hole]) -> tuple[FurtherHole, ...]:
    """Lay out the holes right of the first one, each behind the text that parts it from the hole before."""
    return tuple(
        FurtherHole(
            between=_clean(snapshot.text[before.end : hole.start] + lead(snapshot, hole)),
            multiline=hole.multiline,
            max_hole_tokens=MAX_BLOCK_TOKENS if hole.multiline else MAX_LINE_TOKENS,
        )
        for before, hole in pairwise(holes)
    )


def _clean(text: str) -> str:
    text = _LINE_BREAK.sub("\n", text).removeprefix("\ufeff")
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tail(text: str, max_chars: int, step: int) -> str:
    """Keep the end of a text, from the first line start that fits; part of a line if no line start does.

    What is dropped grows by whole steps of characters.
    """
    if len(text) <= max_chars:
        return text
    cut = min(-(-(len(text) - max_chars) // step) * step, len(text))
    start = text.find("\n", cut - 1) + 1
    return text[start:] if 0 < start < len(text) else text[cut:]


def _head(text: str, max_chars: int) -> str:
    """Keep the beginning of a text, up to the last line end that fits; part of a line if no line end does."""
    if len(text) <= max_chars:
        return text
    end = text.rfind("\n", 0, max_chars) + 1
    return text[: end or max_chars]
