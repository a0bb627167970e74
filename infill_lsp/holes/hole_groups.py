"""Which holes of a file are filled together: those near each other whose fills, and what is between, fit one canvas.

Tokens are guessed from characters, as a checkpoint alone can count them; an engine may still say that they do not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.api import Capabilities
from infill_lsp.holes.hole import Hole
from infill_lsp.text.document import Snapshot

# Of the bundled checkpoint, for as long as nobody knows which one answers.
_CANVAS_TOKENS = 64
_CHARS_A_TOKEN = 3
# With less room than this a fill is cut short.
_LINE_TOKENS, _BLOCK_TOKENS = 12, 32
_SUFFIX_TOKENS = 8


def groups_of(snapshot: Snapshot, holes: Sequence[Hole], capabilities: Capabilities | None) -> list[tuple[Hole, ...]]:
    """Divide holes, in the order of the text, into groups for one canvas each."""
    if capabilities is not None and not capabilities.several_holes:
        return [(hole,) for hole in holes]
    room = (_CANVAS_TOKENS if capabilities is None else capabilities.max_canvas_tokens) - _SUFFIX_TOKENS
    groups: list[tuple[Hole, ...]] = []
    taken = 0
    for hole in holes:
        needed = _BLOCK_TOKENS if hole.multiline else _LINE_TOKENS
        between = snapshot.text[groups[-1][-1].end : hole.start] if groups else ""
        cost = len(between) // _CHARS_A_TOKEN + 1 + needed
        if between and taken + cost <= room:
            groups[-1] = (*groups[-1], hole)
            taken += cost
        else:
            groups.append((hole,))
            taken = needed
    return groups


def halves_of(group: tuple[Hole, ...]) -> list[tuple[Hole, ...]]:
    """Divide a group that did not fit."""
    middle = len(group) // 2
    return [group[:middle], group[middle:]]
