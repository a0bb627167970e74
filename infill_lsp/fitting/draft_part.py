"""A draft as far as it belongs into its hole: what a fill will be cut off, a preview need not show.

It changes no token but the last one that it keeps, and knows no engine.
"""

from __future__ import annotations

import re
from dataclasses import replace

from engine.api import Draft, DraftToken
from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole
from infill_lsp.text.document import Snapshot

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def within_hole(snapshot: Snapshot, hole: Hole, draft: Draft) -> Draft:
    """Cut a draft after the last line that a suggestion would keep; one of which nothing would be kept stays whole."""
    text = draft.text
    breaks = [found.start() for found in _LINE_BREAK.finditer(text)]
    if not breaks or not (kept := shape(snapshot, hole, text)):
        return draft
    ink = len(text) - len(text.lstrip())
    num_lines = sum(1 for start in breaks if start < ink) + len(_LINE_BREAK.findall(kept.lstrip())) + 1
    return draft if num_lines > len(breaks) else replace(draft, tokens=_cut(draft.tokens, breaks[num_lines - 1]))


def _cut(tokens: tuple[DraftToken, ...], end: int) -> tuple[DraftToken, ...]:
    kept: list[DraftToken] = []
    reached = 0
    for token in tokens:
        if reached >= end:
            break
        kept.append(replace(token, text=token.text[: end - reached]))
        reached += len(token.text)
    return tuple(kept)
