"""Brackets, strings and comments at an offset, read from the characters.

A tree cannot be trusted here: one missing bracket turns half a file into an error. Characters can, from a place that is
known to lie outside strings and comments. It knows no holes and no suggestions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from infill_lsp.languages import NEVER, Language, language_for
from infill_lsp.reading.brackets import CLOSER_OF, Bracket, Frame, walk
from infill_lsp.reading.known_start import Range, Starts, ranges_before
from infill_lsp.text.document import Snapshot

__all__ = ["CLOSER_OF", "Bracket", "Frame", "Place", "missing_closers", "place_at", "unmatched", "walk"]

_MAX_CHARS_AHEAD = 20_000
_MAX_ATOM = 2_500  # how much further a token may reach
_MAX_LINE_BREAK = 2
_BACK = 8  # how much of the text before an offset may tell what a quote is
_STEP = 200


@dataclass(frozen=True, slots=True)
class Place:
    """What an offset stands in: everything that is open there, outermost first."""

    frames: tuple[Frame, ...]

    @property
    def where(self) -> Literal["code", "string", "comment"]:
        """Tell code from strings and comments."""
        if not self.frames or self.frames[-1].is_bracket:
            return "code"
        return "comment" if self.frames[-1].quote is None else "string"

    @property
    def bracket(self) -> Frame | None:
        """The innermost bracket, when the place is code."""
        return self.frames[-1] if self.frames and self.frames[-1].is_bracket else None


def place_at(snapshot: Snapshot, offset: int) -> Place:
    """Tell what stands open at an offset. Costs at most a few hundred lines, whatever the file's size.

    Where a block of a broken file begins further up than that, its brace may be missing.
    """
    memory = _memory(snapshot)
    if (place := memory.places.get(offset)) is None:
        place = memory.places[offset] = _place_at(snapshot, offset, memory)
    return place


def _place_at(snapshot: Snapshot, offset: int, memory: _Memory) -> Place:
    language = language_for(snapshot.language)
    *before, (start, end) = ranges_before(snapshot, language, offset, memory.starts)
    frames: list[Frame] = []
    for part in before:
        _read(snapshot.text, *part, language, frames)
    key = (*before, (start, 0))
    known = memory.read.get(key, ())
    position = start
    for reached, there in reversed(known):
        if reached <= end:
            position, frames = reached, list(there)
            break
    while end - position > _STEP:
        line_end = snapshot.text.find("\n", position + _STEP, end) + 1
        if line_end <= 0:
            break
        position = _read(snapshot.text, position, line_end, language, frames)
        known = (*known, (position, tuple(frames)))
        memory.read[key] = known
    _read(snapshot.text, position, end, language, frames)
    return Place(tuple(frames))


def unmatched(text: str, start: int, end: int, language: Language, frames: Sequence[Frame]) -> Iterator[Bracket]:
    """Read `[start, end)` and yield the closing brackets whose partner is not in it."""
    state = list(frames)
    base = len(state)  # frames below this index were open at the start
    for bracket in walk(text, start, end, language, state):
        base = min(base, len(state))
        if bracket.text not in CLOSER_OF and bracket.closes < base:
            yield bracket


def missing_closers(text: str, offset: int, language: Language, frames: Sequence[Frame]) -> str:
    """Tell which closing brackets the text from `offset` on lacks, in the order in which they must come.

    A closing bracket that begins a line left of the line of its opener belongs to one further out.
    """
    openers = [frame for frame in frames if frame.is_bracket]
    if not openers:
        return ""
    columns = tuple(_column(text, _line_start(text, frame.offset)) for frame in openers)
    end = offset + _MAX_CHARS_AHEAD
    ahead, back = text[offset : end + _MAX_ATOM], ""
    if ahead[:1].strip():
        back = text[max(offset - _BACK, 0) : offset]
    # Where the frames stand makes no difference to what follows, so that the next keystroke asks the same.
    known = tuple(frame._replace(offset=0) for frame in frames)
    next_statement = _statement_within(language, min(columns)).search(ahead) if len(openers) == len(frames) else None
    if next_statement is not None:
        return _missing_closers(back, ahead[: next_statement.start()], False, language, known, columns)
    return _missing_closers(back, ahead, end < len(text), language, known, columns)


@cache
def _statement_within(language: Language, column: int) -> re.Pattern[str]:
    """Match a line that begins a statement no deeper than `column`: where indents make the blocks, brackets end above.

    That saves reading far ahead, which every opening bracket that is typed would cost.
    """
    if language.blocks != "indentation" or not language.statement_words:
        return NEVER
    words = "|".join(map(re.escape, sorted(language.statement_words)))
    return re.compile(rf"[\r\n] {{0,{column}}}(?:{words})\b")


@lru_cache(maxsize=8)
def _missing_closers(
    back: str, ahead: str, has_more: bool, language: Language, frames: tuple[Frame, ...], columns: tuple[int, ...]
) -> str:
    text, start = back + ahead, len(back)
    openers = [frame for frame in frames if frame.is_bracket]
    still_open = list(zip(openers, columns, strict=True))
    closers: list[str] = []
    for bracket in unmatched(text, start, min(start + _MAX_CHARS_AHEAD, len(text)), language, frames):
        while still_open and (
            CLOSER_OF[still_open[-1][0].opener] != bracket.text or _is_dedented(text, bracket, start, still_open[-1][1])
        ):
            still_open.pop()
        if not still_open:
            break
        still_open.pop()
        closers.append(bracket.text)
        if not still_open:
            break
    else:
        if has_more:
            # The rest was not read. Braces that span so much are closed there, as files are whole more often than not.
            while still_open and still_open[-1][0].opener != "{":
                still_open.pop()
            closers += [CLOSER_OF[frame.opener] for frame, _ in reversed(still_open)]
    expected = [CLOSER_OF[frame.opener] for frame in reversed(openers)]
    num_missing = len(expected) - len(closers)
    return "".join(expected[:num_missing]) if closers == expected[num_missing:] else ""


class _Memory:
    """What was found out of one snapshot: what lies between two questions about it is read once."""

    def __init__(self, snapshot: Snapshot, older: _Memory | None) -> None:
        self.text = snapshot.text
        self.places: dict[int, Place] = {}
        language = language_for(snapshot.language)
        # What was read up to the end of a line depends on what follows if a token may begin above it and end below.
        self.ahead = _MAX_ATOM if language.atom_spans_lines else _MAX_LINE_BREAK
        self.starts = Starts(snapshot, language)
        self.read = {} if older is None else older.still_true(snapshot.text)

    def still_true(self, text: str) -> dict[tuple[Range, ...], tuple[tuple[int, tuple[Frame, ...]], ...]]:
        """Give what was read so far above the first place where another text differs: a keystroke leaves most of it."""
        places = sorted({reached for known in self.read.values() for reached, _ in known})
        num_same, num_maybe, same = 0, len(places), 0  # `same` is up to where the two are known to be
        while num_same < num_maybe:
            middle = (num_same + num_maybe) // 2
            end = min(places[middle] + self.ahead, len(self.text))
            if text.startswith(self.text[same:end], same):
                num_same, same = middle + 1, max(same, end)
            else:
                num_maybe = middle
        if not num_same:
            return {}
        last = places[num_same - 1]
        return {
            key: kept for key, known in self.read.items() if (kept := tuple(each for each in known if each[0] <= last))
        }


# Of the last snapshot that was asked about, in each language.
_last_memory: dict[str, _Memory] = {}


@lru_cache(maxsize=2)
def _memory(snapshot: Snapshot) -> _Memory:
    memory = _last_memory[snapshot.language] = _Memory(snapshot, _last_memory.get(snapshot.language))
    return memory


def _read(text: str, start: int, end: int, language: Language, frames: list[Frame]) -> int:
    reading = walk(text, start, end, language, frames)
    while True:
        try:
            next(reading)
        except StopIteration as finished:
            return int(finished.value)


def _is_dedented(text: str, closer: Bracket, offset: int, column: int) -> bool:
    start = _line_start(text, closer.offset)
    return start > offset and _column(text, start) < column


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _column(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return len(text[start:end].expandtabs(8))
