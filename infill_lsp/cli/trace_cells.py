"""A fill's traced passes as blocks of cells, the same for every way of drawing them.

A block is one row of the batch from its first pass to its last. It knows traces and colours; no terminal, no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from engine.api import Draft, PassKind, RowTrace

State = Literal["open", "accepted", "settled", "renoised", "known"]
Color = tuple[int, int, int]

# At the far end of the colours: what knows nothing of ten thousand tokens has an entropy of 9.2 nats.
MAX_ENTROPY = 9.0
SLACK = "∅"
_RAMP: tuple[Color, ...] = ((255, 253, 240), (254, 224, 139), (244, 125, 65), (178, 24, 63), (63, 12, 60))


@dataclass(frozen=True, slots=True)
class Cell:
    """One position in one pass. `entropy` (nats) is None where the pass predicted nothing.

    open: still noise after it. accepted: by this pass. settled: by an earlier one. renoised: accepted before and noise
    again. known: given.
    """

    text: str
    entropy: float | None
    state: State
    is_slack: bool
    is_suspect: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One pass over one row."""

    step: int
    kind: PassKind
    ms: float
    cells: tuple[Cell, ...]

    @property
    def text(self) -> str:
        """The draft: what stands between holes is part of it, slack is not."""
        return "".join(cell.text for cell in self.cells if not cell.is_slack)

    @property
    def mean_entropy(self) -> float | None:
        """The mean of what was predicted, slack left out (nats); None where that is nothing."""
        values = [cell.entropy for cell in self.cells if cell.entropy is not None and not cell.is_slack]
        return sum(values) / len(values) if values else None

    @property
    def num_done(self) -> int:
        """How many positions are decided after this pass, slack left out."""
        return sum(cell.state in ("accepted", "settled", "known") for cell in self.cells if not cell.is_slack)

    @property
    def num_tokens(self) -> int:
        """How many positions of the draft are text."""
        return sum(not cell.is_slack for cell in self.cells)


Block = tuple[Line, ...]


def blocks(drafts: Sequence[Draft]) -> list[Block]:
    """Return one block for each row of the batch, and its passes in each.

    A lone row that several follow is the look that they began from and opens each of their blocks. Where the number
    of rows changes otherwise, new blocks begin.
    """
    found: list[Block] = []
    opening: list[Draft] = []
    traced = (draft for draft in drafts if draft.trace is not None)
    for num_rows, group in groupby(traced, lambda draft: len(draft.trace.rows) if draft.trace else 0):
        passes = list(group)
        if num_rows == 1 and not found and not opening:
            opening = passes
            continue
        found += [_block([*opening, *passes], row) for row in range(num_rows)]
        opening = []
    return found or ([_block(opening, 0)] if opening else [])


def chosen(found: Sequence[Block], text: str | None) -> int | None:
    """Return which block ended as this candidate, or None. A row may begin with what was typed of its first token."""
    if text is None:
        return None
    endings = [(len(block[-1].text), index) for index, block in enumerate(found) if _ends_as(block, text)]
    return min(endings)[1] if endings else None


def trimmed(block: Block) -> tuple[Block, int]:
    """Leave out the positions at the end that are slack in every pass but one; return how many were left out."""
    width = max(len(line.cells) for line in block)
    reach = max((_reach(line) for line in block), default=0)
    kept = min(width, reach + 1)
    return tuple(Line(line.step, line.kind, line.ms, line.cells[:kept]) for line in block), width - kept


def flat(text: str) -> str:
    """Return a token's text for one line: white space as signs, what would move a terminal's cursor as boxes."""
    signs = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": ""}
    return "".join(signs.get(char, char if char.isprintable() else "□") for char in text)


def color(entropy: float) -> Color:
    """Return the colour of an entropy (nats): light where sure, dark where not; it changes fastest where sure."""
    place = min(max(entropy, 0.0) / MAX_ENTROPY, 1.0) ** 0.5 * (len(_RAMP) - 1)
    low = min(int(place), len(_RAMP) - 2)
    share = place - low
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True))
    return red, green, blue


def is_dark(shade: Color) -> bool:
    """Tell whether light text is easier to read on this colour (luma of Rec. 601)."""
    red, green, blue = shade
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140


def _block(drafts: Sequence[Draft], row: int) -> Block:
    done: set[int] = set()
    lines = []
    for draft in drafts:
        assert draft.trace is not None
        traced = draft.trace.rows[min(row, len(draft.trace.rows) - 1)]
        lines.append(Line(draft.step, draft.trace.kind, draft.trace.ms, tuple(_cells(traced, done))))
        done = done.union(traced.accepted).difference(traced.renoised)
    return tuple(lines)


def _cells(row: RowTrace, done: set[int]) -> Iterator[Cell]:
    known, slack, suspect = set(row.known), set(row.slack), set(row.suspect)
    accepted, renoised = set(row.accepted), set(row.renoised)
    for place, (text, entropy) in enumerate(zip(row.tokens, row.entropy, strict=True)):
        state: State = "open"
        if place in known:
            state = "known"
        elif place in accepted:
            state = "accepted"
        elif place in renoised:
            state = "renoised"
        elif place in done:
            state = "settled"
        yield Cell(text, entropy, state, place in slack, place in suspect)


def _ends_as(block: Block, text: str) -> bool:
    return block[-1].text.rstrip().endswith(text)


def _reach(line: Line) -> int:
    """Return the place behind the last one that is text."""
    return max((place + 1 for place, cell in enumerate(line.cells) if not cell.is_slack), default=0)
