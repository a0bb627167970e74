"""Small texts around a hole that should parse by themselves: whole items of a block, under the headers of the blocks.

A file is too long to be parsed for each fill, and what a fill breaks shows in the item that it stands in: a function, a
member, a statement. Where items begin is told by indents, so that only the lines near the hole are read. Whether such
a text is sound is for a parser to say, with something harmless in the hole. It judges no fill.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from infill_lsp.blocks.indentation import columns, first_word
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import CLOSER_OF, Frame, walk

MAX_CHARS = 8_000
"""How long a small text is at most."""

_FEW_CHARS = 2_500  # a text of this length is better, if it holds whole items
_CHARS_ABOVE, _CHARS_BELOW = 24_000, 12_000  # what is read
_MIN_ABOVE, _MIN_BELOW = 400, 150  # what begins nearer may be a part of something
_MAX_HEADER_LINES = 20
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NO_BEGIN = (")", "]", "}", ".", "{")


class Cut(NamedTuple):
    """What stands above the hole's line and below it, or is put there."""

    above: str
    below: str


@dataclass(slots=True)
class _Block:
    """A block around the hole, as far as it was read. Distances are characters from the hole's line."""

    column: int
    starts: list[int] = field(default_factory=list)  # where items begin above, nearest first
    paragraphs: list[int] = field(default_factory=list)  # those with a blank line above
    header: str | None = None  # what opens the block; None: not seen
    ends: list[int] = field(default_factory=list)  # where items end below, nearest first; the last may be the block's


def lines_near(text: str, start: int, end: int) -> tuple[str, str]:
    """Give what is read of a text above a line's start and below a line's end, the former in whole lines."""
    above = text[max(start - _CHARS_ABOVE, 0) : start]
    return above[above.find("\n") + 1 :] if start > _CHARS_ABOVE else above, text[end : end + _CHARS_BELOW]


# While a line is being typed, nothing else changes.
@lru_cache(maxsize=8)
def near_cuts(above: str, below: str, indent: str, language_id: str) -> tuple[Cut, ...]:
    """Cut texts out around a line with an indent, of the whole lines above and below it; the best first."""
    language = language_for(language_id)
    cuts = _of_items(above, below, indent, language)
    whole = len(above) + len(below)
    if whole <= MAX_CHARS:
        cuts.insert(0 if whole <= _FEW_CHARS else len(cuts), Cut(above, below))
    return tuple(dict.fromkeys(cuts))


def _of_items(above: str, below: str, indent: str, language: Language) -> list[Cut]:
    blocks = _blocks_above(above, columns(indent), language)
    _look_below(below, blocks, language)
    ranges = [
        (number, start, end)
        for number in range(len(blocks) - 1, -1, -1)
        for start, end in _ranges(blocks[number], len(above), len(below))
        if start + end <= MAX_CHARS
    ]
    # Of two that are short enough, the one that holds more blocks.
    ranges.sort(key=lambda each: each[1] + each[2] > _FEW_CHARS)
    cuts: list[Cut] = []
    for number, start, end in ranges:
        part = Cut(above[len(above) - start :], below[:end])
        headers = [block.header for block in blocks[number:-1]]
        if blocks[-1].column:
            headers.append(None)  # The outermost blocks begin further up than was read.
        if not headers or (language.blocks == "indentation" and not language.enclosings):
            cuts.append(part)
        elif None not in headers and language.blocks == "braces":
            head = "".join(map(str, reversed(headers)))
            cuts.append(Cut(head + part.above, part.below + _closers(head, language)))
        else:
            cuts += [Cut(top + part.above, part.below + bottom) for top, bottom in (("", ""), *language.enclosings)]
    return cuts


def _ranges(block: _Block, num_above: int, num_below: int) -> Iterator[tuple[int, int]]:
    """Choose where items begin and end: a little more than the hole's own, and that alone."""
    starts, ends = block.starts or [num_above], block.ends or [num_below]
    end = next((each for each in ends if each >= _MIN_BELOW), ends[-1])
    above = [each for each in (*block.paragraphs, *starts) if each >= _MIN_ABOVE]
    yield above[0] if above else starts[-1], end
    yield starts[0], ends[0]
    yield starts[:2][-1], end


def _blocks_above(above: str, column: int, language: Language) -> list[_Block]:
    """Read upwards what begins in each of the blocks around, innermost first."""
    blocks = [_Block(column)]
    start = len(above)
    first = (above.find("\n", start - _CHARS_ABOVE - 1) + 1 or start) if start > _CHARS_ABOVE else 0
    deeper = " " * (column + 1)
    for line in reversed(_LINE.findall(above, first)):
        start -= len(line)
        if line.startswith(deeper):
            continue  # As most lines are: no need to look closer.
        at = _column(line, language)
        if at is None or at > blocks[-1].column:
            continue
        if at < blocks[-1].column:
            blocks.append(_Block(at))
            deeper = " " * (at + 1)
        if not _begins(line, language):
            continue
        block, distance = blocks[-1], len(above) - start
        if len(blocks) > 1 and not block.starts:
            blocks[-2].header = _header(above, start, language)
        block.starts.append(distance)
        if start == 0 or above.endswith(("\n\n", "\n\r\n"), 0, start):
            block.paragraphs.append(distance)
        if at == 0 and distance > MAX_CHARS:
            break
    return blocks


def _look_below(below: str, blocks: Sequence[_Block], language: Language) -> None:
    """Read downwards where items of each of the blocks end."""
    inner = 0  # the innermost block that goes on
    limit = min(len(below), _CHARS_BELOW)
    deeper = " " * (blocks[0].column + 1)  # what tells most lines of blocks within
    position = below.find("\n") + 1 or len(below)  # What ends the hole's line.
    while position < limit and inner < len(blocks):
        end = below.find("\n", position) + 1 or len(below)
        if below.startswith(deeper, position):
            position = end
            continue
        line = below[position:end]
        at = _column(line, language)
        while at is not None and inner < len(blocks) and at < blocks[inner].column:
            blocks[inner].ends.append(position)
            inner += 1
            deeper = " " * (blocks[min(inner, len(blocks) - 1)].column + 1)
        if inner < len(blocks) and at == blocks[inner].column and _begins(line, language):
            blocks[inner].ends.append(position)
            if inner == len(blocks) - 1 and position >= _MIN_BELOW:
                return
        position = end
    if position >= len(below):
        for block in blocks[inner:]:
            block.ends.append(len(below))


def _column(line: str, language: Language) -> int | None:
    """Measure where a line of code begins; None where that tells nothing of the blocks around."""
    ink = line.lstrip(" \t")
    if not ink.strip() or ink[0] == "*" or language.mark.match(ink):
        return None
    if language.directives and ink.startswith(language.directives):
        return None
    return columns(line[: len(line) - len(ink)])


def _begins(line: str, language: Language) -> bool:
    """Tell whether a line likely begins an item, and does not go on with the one above it."""
    ink = line.lstrip(" \t")
    if ink.startswith(_NO_BEGIN):
        return False
    word = first_word(ink)
    return word not in language.clause_words | language.joining_words | language.end_words


def _header(text: str, start: int, language: Language) -> str | None:
    """Give the lines from `start` to the one that opens a block; a label is one line."""
    frames: list[Frame] = []
    position = start
    for _ in range(_MAX_HEADER_LINES):
        end = text.find("\n", position) + 1
        if end <= 0:
            return None
        for _bracket in walk(text, position, end, language, frames):
            pass
        line = text[position:end].rstrip()
        if (frames and frames[-1].opener == "{") or (not frames and line.endswith(":")):
            return text[start:end]
        position = end
    return None


def _closers(headers: str, language: Language) -> str:
    """Give what closes all that the headers open."""
    frames: list[Frame] = []
    for _bracket in walk(headers, 0, len(headers), language, frames):
        pass
    return "".join(CLOSER_OF[frame.opener] for frame in reversed(frames) if frame.is_bracket)
