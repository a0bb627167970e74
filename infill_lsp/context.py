"""What the engine is told of the file: the text before and after the hole, within a budget of characters.

The same snapshot and hole always give the same request. Which other text would help is not its concern yet.
"""

from __future__ import annotations

import re

from engine.api import FillRequest
from infill_lsp.document import Snapshot
from infill_lsp.hole import Hole, lead

MAX_LINE_TOKENS = 32
MAX_BLOCK_TOKENS = 96
CRITIC = "infill_lsp.critic:Critic"
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
) -> FillRequest:
    """Lay out the prefix and the suffix of a hole.

    The prefix begins at a line start and the suffix ends at a line end where the budget allows it.
    Where a prefix is cut stays the same over many keystrokes, so that what is known of it can be used again.
    An indent that is still missing counts as prefix.
    `warm_start` lets the engine go on from a fill of a keystroke ago.
    Line breaks become `\\n`, a byte-order mark and lone surrogates go: no model knows them.
    """
    step = max(1, max_prefix_chars // _STEPS_A_PREFIX)
    first = max(hole.start - 2 * max_prefix_chars - 1, 0) // step * step
    last = hole.end + 2 * max_suffix_chars + 1
    before = _clean(snapshot.text[first : hole.start] + lead(snapshot, hole))
    after = _clean(snapshot.text[hole.end : last])
    prefix, suffix = _tail(before, max_prefix_chars, step), _head(after, max_suffix_chars)
    return FillRequest(
        prefix=prefix,
        suffix=suffix,
        starts_file=first == 0 and prefix == before,
        ends_file=last >= len(snapshot.text) and suffix == after,
        multiline=hole.multiline,
        max_hole_tokens=MAX_BLOCK_TOKENS if hole.multiline else MAX_LINE_TOKENS,
        num_candidates=num_candidates,
        deadline_ms=deadline_ms,
        warm_start=warm_start,
        language=snapshot.language,
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
