"""A text in pieces of some lines, each as a comment, and which of them tell most that is not known yet.

It knows no document, no hole and no budget: names and costs come in.
"""

from __future__ import annotations

import heapq
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from infill_lsp.context.names import names_in
from infill_lsp.languages import language_for
from infill_lsp.reading.comments import comment_lines

_PIECE_LINES, _MAX_PIECE_LINES = 5, 8
_MAX_PIECE_CHARS = 600
_MAX_MISFITS = 8
_LEAST_COST = 12
_UNKNOWN = 0.3
_MAX_HOLDING = 200  # a name that more pieces hold tells nothing
_MAX_ALIKE = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a document, which stand for themselves."""

    uri: str  # empty: the document itself
    start: int
    end: int
    text: str
    names: frozenset[str]


class Pieces:
    """The whole lines of a text between two offsets in pieces of some, cut between paragraphs where it can be."""

    def __init__(self, uri: str, text: str, language_id: str, first: int = 0, last: int | None = None) -> None:
        first = text.rfind("\n", 0, first) + 1
        last = len(text) if last is None or last >= len(text) else text.rfind("\n", 0, last) + 1
        self.pieces = _pieces_of(uri, text, language_id, first, last)
        self.holding: dict[str, list[int]] = {}  # which pieces hold a name
        for number, piece in enumerate(self.pieces):
            for name in piece.names:
                self.holding.setdefault(name, []).append(number)


def alike(texts: Sequence[Pieces], near: frozenset[str]) -> list[tuple[float, Piece]]:
    """Give the pieces that share most with the names near a hole; a name counts the more the fewer pieces hold it."""
    scores: list[dict[int, float]] = [{} for _ in texts]
    for name in sorted(near):
        found = [text.holding.get(name, ()) for text in texts]
        num_holding = sum(map(len, found))
        if num_holding > _MAX_HOLDING:
            continue
        for score, numbers in zip(scores, found, strict=True):
            for number in numbers:
                score[number] = score.get(number, 0.0) + 1 / num_holding
    ranked = [(-value, order, number) for order, score in enumerate(scores) for number, value in score.items()]
    return [(-value, texts[order].pieces[number]) for value, order, number in heapq.nsmallest(_MAX_ALIKE, ranked)]


class Worth:
    """What it is worth to show names: those that a text uses often and that are not visible are likeliest to come."""

    def __init__(self, counts: Mapping[str, int], visible: frozenset[str]) -> None:
        self._counts = counts
        self._known: dict[str, float] = {}
        self.visible = set(visible)

    def of(self, names: frozenset[str]) -> float:
        """Sum up the worth of names that are not visible yet."""
        known = self._known
        return sum(known[name] if name in known else self._of(name) for name in names - self.visible)

    def _of(self, name: str) -> float:
        count = self._counts.get(name, 0)
        worth = self._known[name] = math.log2(1 + count) if count else _UNKNOWN
        return worth


def best(
    candidates: Iterable[tuple[float, int, frozenset[str]]], worth: Worth, cost: Callable[[int], int], room: int
) -> list[int]:
    """Take what tells most for its cost, each after those that were taken before it.

    A candidate is a factor, a number that names it, and its names; `cost` says what taking it now costs.
    """
    heap: list[tuple[float, int, float, frozenset[str]]] = []
    for factor, number, names in candidates:
        if value := factor * worth.of(names):
            heap.append((-value / (cost(number) + _LEAST_COST), number, factor, names))
    heapq.heapify(heap)
    taken: list[int] = []
    misfits = 0
    while heap and misfits < _MAX_MISFITS:
        old, number, factor, names = heapq.heappop(heap)
        price = cost(number)
        value = -factor * worth.of(names) / (price + _LEAST_COST)
        if value > old + 1e-12:  # Others told some of it meanwhile.
            if value < 0:
                heapq.heappush(heap, (value, number, factor, names))
        elif price > room:
            misfits += 1
        else:
            room -= price
            worth.visible |= names
            taken.append(number)
    return taken


def _pieces_of(uri: str, text: str, language_id: str, first: int, last: int) -> tuple[Piece, ...]:
    """Cut whole lines of a text into pieces of some, where it can between paragraphs."""
    pieces: list[Piece] = []
    start = end = first
    length = 0
    for line in text[first:last].splitlines(keepends=True):
        if length >= _MAX_PIECE_LINES or (length >= _PIECE_LINES and not line.strip()):
            _add(pieces, uri, text, start, end, language_id)
            start, length = end, 0
        end += len(line)
        length += 1
    _add(pieces, uri, text, start, end, language_id)
    return tuple(pieces)


def _add(pieces: list[Piece], uri: str, text: str, start: int, end: int, language_id: str) -> None:
    piece, names = _as_comment(text[start:end], language_id)
    if piece and len(piece) <= _MAX_PIECE_CHARS:
        pieces.append(Piece(uri, start, end, piece, names))


@lru_cache(maxsize=4096)  # After an edit most pieces of a text are what they were.
def _as_comment(text: str, language_id: str) -> tuple[str, frozenset[str]]:
    """Lay some lines out as a comment, since half a definition is no code; what they say in comments is left out.

    Its names come with it.
    """
    markers = language_for(language_id).line_comments
    if not markers:
        return "", frozenset()
    for start, end in reversed(comment_lines.__wrapped__(text, language_id)):
        text = text[:start] + text[end:]
    lines = textwrap.dedent(text).splitlines()
    piece = "".join(f"{markers[0]} {line.rstrip()}\n" for line in lines if line.strip())
    return piece, names_in.__wrapped__(piece, language_id)
