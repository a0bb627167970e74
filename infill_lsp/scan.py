"""Brackets, strings and comments at an offset, read from the characters.

A tree cannot be trusted here: one missing bracket turns half a file into an error. Characters can, from a place that is
known to lie outside strings and brackets. The tree only confirms that place. It knows no holes and no suggestions.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from infill_lsp.document import Snapshot
from infill_lsp.languages import Language, Quote, language_for

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_MAX_LINES_BACK = 400
_MAX_CHARS_BACK = 20_000
_MAX_CHARS_AHEAD = 20_000
_LINE_BREAK = re.compile(r"[\r\n]")
_WORD = re.compile(r"\w+")


class Frame(NamedTuple):
    """Something that is open: a bracket, a quote or a comment marker, and where it stands."""

    opener: str
    offset: int
    quote: Quote | None = None  # None: a bracket or a comment
    interpolated: bool = False  # the string may hold code

    @property
    def is_bracket(self) -> bool:
        """Tell brackets from quotes and comments."""
        return self.opener in CLOSER_OF


class Bracket(NamedTuple):
    """A bracket in code. `closes` is the index of the frame that a closing one closes, -1 when it closes none."""

    offset: int
    text: str
    closes: int


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
    """Tell what stands open at an offset. Costs at most a few hundred lines, whatever the file's size."""
    language = language_for(snapshot.language)
    start = _known_start(snapshot, language, offset)
    frames: list[Frame] = []
    for _ in walk(snapshot.text, start, offset, language, frames):
        pass
    return Place(tuple(frames))


def walk(text: str, start: int, end: int, language: Language, frames: list[Frame]) -> Iterator[Bracket]:
    """Read `[start, end)`, keeping `frames` up to date in place, and yield every bracket of code before it counts."""
    position = start
    while position < end:
        if frames and frames[-1].opener in language.line_comments:
            position = _line_end(text, position)
            if position < end:
                frames.pop()
        elif frames and not frames[-1].is_bracket:
            position = _through_string(text, position, end, language, frames)
        else:
            position = yield from _to_next_token(text, position, end, language, frames)


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

    A closing bracket that begins a line left of the line of its opener belongs to something else.
    """
    openers = [frame for frame in frames if frame.is_bracket]
    closers: list[str] = []
    if openers:
        end = min(len(text), offset + _MAX_CHARS_AHEAD)
        for bracket in unmatched(text, offset, end, language, frames):
            if bracket.closes < 0 or _is_dedented(text, bracket.offset, offset, frames[bracket.closes]):
                break
            closers.append(bracket.text)
            if len(closers) == len(openers):
                return ""
    num_missing = len(openers) - len(closers)
    if closers != [CLOSER_OF[frame.opener] for frame in reversed(openers[: len(closers)])]:
        return ""
    return "".join(CLOSER_OF[frame.opener] for frame in reversed(openers[len(openers) - num_missing :]))


def _known_start(snapshot: Snapshot, language: Language, offset: int) -> int:
    """Find the nearest place before `offset` that is outside all strings and brackets."""
    text, index = snapshot.text, snapshot.index
    last = index.line_of(offset)
    quotes = _Quotes(text, language)
    start = 0
    for line in range(last, max(last - _MAX_LINES_BACK, -1), -1):
        start = index.line_start(line)
        while start < offset and text[start] in " \t":
            start += 1
        word = _WORD.match(text, start, offset)
        if word and word.group() in language.statement_words and not _in_string(snapshot, language, start, quotes):
            return start
        if offset - start > _MAX_CHARS_BACK:
            break
    else:
        if last < _MAX_LINES_BACK:
            return 0
    return _string_end(snapshot, language, start)


def _in_string(snapshot: Snapshot, language: Language, offset: int, quotes: _Quotes) -> bool:
    if snapshot.tree is not None:
        path = snapshot.tree.path_at(offset)
        if any(node.kind in language.string_kinds and node.start < offset < node.end for node in path):
            return True
        if not snapshot.tree.has_faults:
            return False
    # A string whose end is not typed yet has no node: the tree reads its lines as code. A quote in a comment misleads
    # this count, but then reading only begins further up.
    return quotes.open_at(offset)


class _Quotes:
    """Count the quotes of strings that span lines. Asked from the end of a text backwards, it reads the text once."""

    def __init__(self, text: str, language: Language) -> None:
        self._text = text
        self._quotes = tuple(quote.opener for quote in language.quotes if quote.multiline)
        self._counts: list[int] = []
        self._end = 0

    def open_at(self, offset: int) -> bool:
        """Tell whether an odd number of quotes stands before an offset."""
        if self._counts and offset <= self._end:
            between = [self._text.count(quote, offset, self._end) for quote in self._quotes]
            self._counts = [count - less for count, less in zip(self._counts, between, strict=True)]
        else:
            self._counts = [self._text.count(quote, 0, offset) for quote in self._quotes]
        self._end = offset
        return any(count % 2 for count in self._counts)


def _string_end(snapshot: Snapshot, language: Language, offset: int) -> int:
    """Move a start that lies in a string to where the string begins, so that reading begins in code."""
    if snapshot.tree is None:
        return offset
    for node in snapshot.tree.path_at(offset):
        if node.kind in language.string_kinds and node.start < offset < node.end:
            return node.start
    return offset


@cache
def _code_tokens(language: Language) -> re.Pattern[str]:
    parts = [re.escape(token) for token in (*(quote.opener for quote in language.quotes), *language.line_comments)]
    return re.compile("|".join([r"[()\[\]{}\r\n]", *parts]))


@cache
def _string_tokens(quote: str, interpolated: bool) -> re.Pattern[str]:
    braces = r"|\{\{|\{" if interpolated else ""
    return re.compile(rf"\\(?:\r\n|.)|{re.escape(quote)}|[\r\n]{braces}", re.DOTALL)


def _to_next_token(
    text: str, position: int, end: int, language: Language, frames: list[Frame]
) -> Generator[Bracket, None, int]:
    match = _code_tokens(language).search(text, position, end)
    if match is None:
        return end
    token, offset = match.group(), match.start()
    if token in "\r\n":
        _leave_broken_strings(language, frames)
    elif token in CLOSER_OF:
        yield Bracket(offset, token, -1)
        frames.append(Frame(token, offset))
    elif token in ")]}":
        closes = _partner(frames, token)
        yield Bracket(offset, token, closes)
        if closes >= 0:
            del frames[closes:]
    else:
        quote = next((quote for quote in language.quotes if quote.opener == token), None)
        interpolated = quote is not None and bool(
            quote.interpolated_after and quote.interpolated_after.search(text[max(offset - 3, 0) : offset])
        )
        frames.append(Frame(token, offset, quote, interpolated))
    return match.end()


def _partner(frames: list[Frame], closer: str) -> int:
    """Find the bracket that `closer` closes, passing over brackets that were never closed; -1 for none."""
    for position in range(len(frames) - 1, -1, -1):
        if not frames[position].is_bracket:
            return -1
        if CLOSER_OF[frames[position].opener] == closer:
            return position
    return -1


def _through_string(text: str, position: int, end: int, language: Language, frames: list[Frame]) -> int:
    string = frames[-1]
    match = _string_tokens(string.opener, string.interpolated).search(text, position, end)
    if match is None:
        return end
    token = match.group()
    if token == string.opener:
        frames.pop()
    elif token == "{":
        frames.append(Frame("{", match.start()))
    elif token in "\r\n":
        _leave_broken_strings(language, frames)
    return match.end()


def _leave_broken_strings(language: Language, frames: list[Frame]) -> None:
    """Close what a line break ends: a one-line string that lacks its quote, and all that was opened within."""
    for position, frame in enumerate(frames):
        if not frame.is_bracket and not (frame.quote and frame.quote.multiline):
            del frames[position:]
            return


def _line_end(text: str, position: int) -> int:
    match = _LINE_BREAK.search(text, position)
    return match.start() if match else len(text)


def _is_dedented(text: str, closer: int, offset: int, opener: Frame) -> bool:
    start = _line_start(text, closer)
    return start > offset and _column(text, start) < _column(text, _line_start(text, opener.offset))


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _column(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return len(text[start:end].expandtabs(8))
