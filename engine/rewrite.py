"""Which tokens of existing code are let go of, and what stays: the plan of a rewriting, without a model.

The code is cut into units, the smallest runs of tokens that make up whole characters, and into pieces that fit a
canvas. Borders of locked spans are borders of units. What stays is given back as the characters that stood there, so
nothing but what was let go of can change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch

from engine.api import FillRequest, RequestError
from engine.layout import NextHole, Row

# What a tokenizer takes for one character: a Windows line end, an astral character in two halves, any other.
_CHARACTER = re.compile("\r\n|[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)

Encode = Callable[[str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Unit:
    """Tokens that make up whole characters, and those characters as they stand in the code."""

    ids: tuple[int, ...]
    text: str
    locked: bool


def check(request: FillRequest) -> None:
    """Raise RequestError for a rewriting that contradicts itself."""
    assert request.original is not None
    if request.further_holes or request.exact_hole_tokens is not None:
        raise RequestError("code is rewritten in one hole of unknown length: leave out further holes and the length")
    if not 0 <= request.noise <= 1:
        raise RequestError("the noise of a rewriting lies between 0 and 1")
    if any(not 0 <= start <= end <= len(request.original) for start, end in request.locked):
        raise RequestError("a locked span begins before it ends and lies within the code to rewrite")


def units_of(text: str, locked: Sequence[tuple[int, int]], encode: Encode, typed: int = 0) -> list[Unit]:
    """Cut code into units; together they are the code.

    `encode` gives each token's id and where it ends, in characters as `_CHARACTER` counts them; locked and unlocked
    parts are encoded apart. The first `typed` code points are one unit, with what their last token goes on with.
    """
    is_locked = [False] * len(text)
    for start, end in locked:
        is_locked[start:end] = [True] * (end - start)
    units: list[Unit] = []
    place = 0
    for held, part in groupby(range(len(text)), key=lambda index: is_locked[index]):
        piece = "".join(text[index] for index in part)
        for unit in _units(piece, held, encode):
            is_typed = place < typed and units
            place += len(unit.text)
            if is_typed:
                units[-1] = Unit(units[-1].ids + unit.ids, units[-1].text + unit.text, units[-1].locked)
            else:
                units.append(unit)
    return units


def pieces_of(units: Sequence[Unit], max_tokens: int) -> list[list[Unit]]:
    """Divide units into pieces of at most `max_tokens`, at line ends where a line fits, else anywhere."""
    pieces: list[list[Unit]] = [[]]
    for line in _lines(units):
        if pieces[-1] and num_tokens(pieces[-1]) + num_tokens(line) > max_tokens:
            pieces.append([])
        for unit in line:
            if pieces[-1] and num_tokens(pieces[-1]) + len(unit.ids) > max_tokens:
                pieces.append([])
            pieces[-1].append(unit)
    return [piece for piece in pieces if piece]


def text_of(units: Sequence[Unit]) -> str:
    """Return the code that the units are together."""
    return "".join(unit.text for unit in units)


def ids_of(units: Sequence[Unit]) -> list[int]:
    """Return the tokens of the units, in order."""
    return [token for unit in units for token in unit.ids]


def num_tokens(units: Sequence[Unit]) -> int:
    """Return how many tokens the units are together."""
    return sum(len(unit.ids) for unit in units)


def is_free(unit: Unit) -> bool:
    """Tell whether a unit may be let go of."""
    return bool(unit.ids) and not unit.locked


def let_go(
    units: Sequence[Unit], doubts: Sequence[float], count: int, generator: torch.Generator | None = None
) -> frozenset[int]:
    """Choose `count` of the units that are not locked, the most doubtful first.

    `doubts` are surprisals (nats). With a generator they are blurred by noise of one nat, so that each choice differs.
    """
    blur = [0.0] * len(units)
    if generator is not None:
        blur = torch.empty(len(units)).exponential_(generator=generator).tolist()
    # Right of a unit without tokens nothing would tell a hole from the one before it.
    free = [index for index, unit in enumerate(units) if is_free(unit) and (not index or units[index - 1].ids)]
    free.sort(key=lambda index: -doubts[index] - blur[index])
    return frozenset(free[:count])


def row_of(units: Sequence[Unit], gone: frozenset[int], max_tokens: int, knows_slack: bool) -> Row:
    """Lay out a piece with what is gone as holes: each of its length, and wider where slack is known and there is room.

    Raises: ValueError when nothing is gone.
    """
    runs = [(is_gone, list(part)) for is_gone, part in groupby(range(len(units)), key=lambda index: index in gone)]
    lengths = [num_tokens([units[index] for index in part]) for is_gone, part in runs if is_gone]
    if not lengths:
        raise ValueError("nothing of this piece is to be rewritten")
    spare = max_tokens - num_tokens(units) if knows_slack else 0
    widths = []
    for rank, length in enumerate(lengths):
        more = max(0, min(length // 2, spare // (len(lengths) - rank)))
        spare -= more
        widths.append(length + more)
    fixed: list[tuple[int, ...]] = [()]
    for is_gone, part in runs:
        if is_gone:
            fixed.append(())
        else:
            fixed[-1] = tuple(ids_of([units[index] for index in part]))
    lead, *between, tail = fixed
    further = tuple(NextHole(ids, width) for ids, width in zip(between, widths[1:], strict=True))
    return Row(widths[0], further=further, lead_ids=lead, tail_ids=tail)


def written(units: Sequence[Unit], gone: frozenset[int], fills: Sequence[str]) -> str:
    """Put a piece together again, with the fills in place of what is gone."""
    texts, rest = [], iter(fills)
    for is_gone, part in groupby(range(len(units)), key=lambda index: index in gone):
        texts.append(next(rest) if is_gone else text_of([units[index] for index in part]))
    return "".join(texts)


def _units(text: str, locked: bool, encode: Encode) -> list[Unit]:
    characters = _CHARACTER.findall(text)
    units: list[Unit] = []
    begin, pending = 0, Unit((), "", locked)
    tokens = encode(text)
    for index, (token, end) in enumerate(tokens):
        is_last = index == len(tokens) - 1
        pending = replace(pending, ids=(*pending.ids, token))
        # The bytes of one character may be several tokens; the last of them tells where it ends.
        if is_last or (end > begin and tokens[index + 1][1] > end):
            stop = len(characters) if is_last else end
            units.append(replace(pending, text="".join(characters[begin:stop])))
            begin, pending = stop, Unit((), "", locked)
    return units or [Unit((), text, True)]


def _lines(units: Sequence[Unit]) -> list[list[Unit]]:
    lines: list[list[Unit]] = [[]]
    for unit in units:
        lines[-1].append(unit)
        if "\n" in unit.text:
            lines.append([])
    return lines
