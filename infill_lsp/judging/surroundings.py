"""The widest text near a hole that parses by itself: whole lines of the blocks around, cut where these begin and end.

A text that was cut to a budget may begin in the middle of a function or a comment. Nothing can be said of a fill in
it, as the parser's repairs of the cut hide those of the fill. Indentation tells where a smaller text may begin and end,
brackets whether it can be whole, and the parser has the last word. It judges no fill.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from infill_lsp.blocks.indentation import columns, first_word, leading
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import CLOSER_OF, Frame, walk
from infill_lsp.trees.syntax import parse

_MAX_CHARS = 120_000  # what is parsed until nothing is found
_MAX_LEVELS = 8
_CLOSERS = (")", "]", "}")


def sound_surroundings(
    before: str, after: str, fills: Sequence[str], language_id: str, *, is_whole: bool = False
) -> tuple[str, str] | None:
    """Give the text before and after a hole, shortened until it parses with one of the harmless fills.

    `is_whole` tells that the two are a whole file. None: nothing near the hole parses.
    """
    language = language_for(language_id)
    cuts: list[tuple[str, str]] = []
    for start, end in _cuts(before, after, language, is_whole=is_whole):
        near = before[start:], after[: end - len(before)]
        if (closers := closers_below(near[0] + near[1], language)) is not None:
            cuts.append((near[0], near[1] + closers))
    if not cuts:
        return None
    enclosings = (("", ""), *language.enclosings)
    fill = _harmless(cuts[-1], fills, enclosings, language_id)
    wrapped = ((opening + above, below + closing) for opening, closing in enclosings for above, below in cuts)
    left = _MAX_CHARS
    for around in wrapped:
        text = around[0] + fill + around[1]
        left -= len(text)
        if left < 0:
            return None
        if _parses(text, language_id):
            return around
    return None


def _harmless(
    near: tuple[str, str], fills: Sequence[str], enclosings: Sequence[tuple[str, str]], language_id: str
) -> str:
    """Choose the fill that fits: a strange one may hide a bad cut. Little text tells, and quickly."""
    for fill in (*filter(str.strip, fills), ""):
        for opening, closing in enclosings:
            if _parses(opening + near[0] + fill + near[1] + closing, language_id):
                return fill
    return fills[0]


def _parses(text: str, language_id: str) -> bool:
    tree = parse(text, language_id)
    return tree is not None and not tree.has_faults


def _cuts(before: str, after: str, language: Language, *, is_whole: bool) -> Iterator[tuple[int, int]]:
    """Yield where a smaller text may begin and end, the widest first, as offsets of both texts together."""
    text = before + after
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    starts[-1] = len(text)
    hole = before.count("\n")
    levels = list(_levels(lines, hole, language))
    seen: set[tuple[int, int]] = set()
    if is_whole:
        yield 0, len(text)
    for level, top, bottom in reversed(levels[:_MAX_LEVELS]):
        heads = [line for line in range(top, hole + 1) if _begins(lines[line], level, language)] or [top]
        tails = [line for line in range(hole + 1, bottom) if _begins(lines[line], level, language)]
        ends = [*tails, bottom]
        for head, end in (
            (heads[0], bottom),
            (heads[0], ends[-2:][0]),
            (heads[len(heads) // 2], ends[len(ends) // 2]),
            (heads[-1], bottom),
            (heads[-1], ends[0]),
        ):
            cut = starts[head], starts[end]
            if cut not in seen and cut[0] <= len(before) <= cut[1]:
                seen.add(cut)
                yield cut


def _levels(lines: Sequence[str], hole: int, language: Language) -> Iterator[tuple[int, int, int]]:
    """Yield the blocks around a line, innermost first: their column, first line, and the line below the last."""
    level = columns(leading(lines[hole])) if lines[hole].strip("\r") else _column_above(lines, hole, language)
    top, bottom = hole, hole + 1
    while True:
        while top > 0 and ((column := _column(lines[top - 1], language)) is None or column >= level):
            top -= 1
        while bottom < len(lines) and ((column := _column(lines[bottom], language)) is None or column >= level):
            bottom += 1
        yield level, top, bottom
        if top == 0:
            return
        level = columns(leading(lines[top - 1]))


def _column_above(lines: Sequence[str], hole: int, language: Language) -> int:
    return next((column for line in lines[hole::-1] if (column := _column(line, language)) is not None), 0)


def _column(line: str, language: Language) -> int | None:
    """Measure where a line of code begins; None where that tells nothing of the blocks around."""
    ink = line.lstrip(" \t")
    if not ink.strip() or ink[0] == "*" or language.mark.match(ink):
        return None
    if language.directives and ink.startswith(language.directives):
        return None
    return columns(leading(line))


def _begins(line: str, level: int, language: Language) -> bool:
    """Tell whether a line likely begins a statement or a member of the block at a column."""
    ink = line.lstrip(" \t")
    if _column(line, language) != level or ink.startswith((*_CLOSERS, ".")):
        return False
    return language.blocks != "words" or first_word(ink) not in language.end_words


def closers_below(text: str, language: Language) -> str | None:
    """Give the closing brackets that a text lacks at its end; None if it closes what was opened above it."""
    frames: list[Frame] = []
    for bracket in walk(text, 0, len(text), language, frames):
        if bracket.text not in CLOSER_OF and bracket.closes < 0:
            return None
    closers = [CLOSER_OF[frame.opener] for frame in reversed(frames) if frame.is_bracket]
    return "\n" + "".join(closers) if closers else ""
