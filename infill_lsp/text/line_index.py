"""Where lines begin, and what an offset is called by others: line and character for editors, bytes for the parser.

Offsets are code points into the text. Line ends are `\\n`, `\\r\\n` and `\\r`, as editors count them, and nothing else:
form feeds and Unicode separators are characters of a line. It knows no document, no language and no wire type.
Lone surrogates survive (`surrogatepass`), because a client may delete one half of an emoji.
"""

from __future__ import annotations

import re
from itertools import accumulate, pairwise, repeat
from operator import add
from typing import Literal

from infill_lsp.text.line_starts import LineStarts, num_up_to

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]

LONG_LINE = 20_000
"""Lines with more characters are data or the output of a program; `num_long_lines` counts them."""

_LINE_END = re.compile(r"\r\n|\n|\r")


class LineIndex:
    """Conversions of one text, immutable. A text without line breaks has one line."""

    __slots__ = ("_extra", "_starts", "_text", "may_hold_returns", "num_long_lines")

    _text: str
    _starts: LineStarts  # code points
    _extra: LineStarts | None  # how many more bytes than code points stand before a line; None: the text is ASCII
    may_hold_returns: bool  # False: every line break is a `\n`
    num_long_lines: int  # lines with more than LONG_LINE code points, line endings included

    def __init__(self, text: str) -> None:
        self._text = text
        self.may_hold_returns = "\r" in text
        starts = _line_starts(text, self.may_hold_returns)
        self._starts = LineStarts(starts)
        self._extra = None if text.isascii() else LineStarts([0, *_extra(text, starts, 0)])
        self.num_long_lines = _num_long([*starts, len(text)]) if len(text) > LONG_LINE else 0

    @property
    def num_lines(self) -> int:
        """How many lines the text has, the empty one after a final line break included."""
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """Tell which line holds `offset`; a line ending belongs to the line it ends."""
        return max(self._starts.num_up_to(offset) - 1, 0)

    def line_start(self, line: int) -> int:
        """Give the offset of a line's first character."""
        return self._starts[line]

    def line_end(self, line: int) -> int:
        """Give the offset just after a line's last character, its line ending excluded."""
        if line + 1 == len(self._starts):
            return len(self._text)
        end = self._starts[line + 1]
        return end - 2 if self._text.startswith("\r\n", end - 2) and end - 2 >= self._starts[line] else end - 1

    def line_ending(self, line: int) -> str:
        """Give the line break that ends a line, or `""` for the last one."""
        return "" if line + 1 == len(self._starts) else self._text[self.line_end(line) : self._starts[line + 1]]

    def offset(self, line: int, character: int, encoding: PositionEncoding) -> int:
        """Turn an editor's position into an offset.

        Clamps as the protocol asks: past the line's end is its end, past the last line is the end of the text.
        A position inside a character (half an emoji) snaps back to its start.
        """
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self._text)
        start, end = self._starts[line], self.line_end(line)
        if character <= 0:
            return start
        if encoding == "utf-32" or self._extra is None:
            return min(start + character, end)
        # Halving reads the line once, and a line may be a whole file.
        last = min(start + character, end)
        left = character
        while last - start > 1:
            middle = (start + last) // 2
            width = _num_units(self._text[start:middle], encoding)
            if width <= left:
                start, left = middle, left - width
            else:
                last = middle
        return last if last > start and _num_units(self._text[start], encoding) <= left else start

    def position(self, offset: int, encoding: PositionEncoding) -> tuple[int, int]:
        """Turn an offset into line and character; an offset inside `\\r\\n` is called the line's end."""
        offset = min(max(offset, 0), len(self._text))
        line = self.line_of(offset)
        before = self._text[self._starts[line] : min(offset, self.line_end(line))]
        return line, len(before) if encoding == "utf-32" else _num_units(before, encoding)

    @property
    def num_bytes(self) -> int:
        """How many bytes the text takes in UTF-8."""
        return self.byte(len(self._text))

    def byte(self, offset: int) -> int:
        """Turn an offset into a UTF-8 byte offset."""
        if self._extra is None:
            return offset
        line = self.line_of(offset)
        start = self._starts[line]
        return start + self._extra[line] + _num_bytes(self._text[start:offset])

    def offset_of_byte(self, byte: int) -> int:
        """Turn a UTF-8 byte offset into an offset; a byte inside a character snaps back to its start."""
        if self._extra is None:
            return min(byte, len(self._text))
        most = self._extra[len(self._extra) - 1]  # The last line's own are not counted, so it is looked at in any case.
        first, last = self._starts.num_up_to(byte - most), self._starts.num_up_to(byte)
        return self.offset_of_byte_in(
            max(num_up_to(self._starts, self._extra, byte, max(first - 1, 0), last) - 1, 0), byte
        )

    def offset_of_byte_in(self, line: int, byte: int) -> int:
        """Turn a UTF-8 byte offset into an offset, as `offset_of_byte` does, where its line is known."""
        if self._extra is None:
            return min(byte, len(self._text))
        start, extra = self._starts[line], self._extra[line]
        end = len(self._text)
        if line + 1 < len(self._starts):
            end = self._starts[line + 1]
            if self._extra[line + 1] == extra:
                return byte - extra  # An ASCII line: nearly all are, and a walk asks for many.
        data = self._text[start:end].encode("utf-8", "surrogatepass")[: byte - start - extra]
        return start + sum(1 for value in data if value & 0xC0 != 0x80) - _cut_character(data)

    def spliced(self, start: int, end: int, new: str, new_text: str) -> LineIndex:
        """Index `new_text`, which is this text with `[start, end)` replaced by `new`.

        Only the edit itself and two characters to each side are scanned: it can join or part a `\\r` and a `\\n`.
        """
        shift = len(new) - (end - start)
        first = max(self._starts.num_below(start), 1)  # line starts before this one stay as they are
        after = max(self._starts.num_below(end + 2), first)  # these and those after move along with their text
        scan_end = min(end + shift + 2, len(new_text))
        middle = [match.end() for match in _LINE_END.finditer(new_text, max(start - 1, 0), scan_end)]
        if middle and middle[-1] == end + shift + 2:
            middle.pop()  # It moves along too, or it is the first half of a line break that does.
        index = LineIndex.__new__(LineIndex)
        index._text = new_text
        index._starts = self._starts.replaced(first, after, middle, shift)
        index._extra = None
        index.may_hold_returns = self.may_hold_returns or "\r" in new
        num_old = _num_long(self._bounds(first - 1, after))
        num_new = _num_long(index._bounds(first - 1, first + len(middle)))
        index.num_long_lines = self.num_long_lines + num_new - num_old
        if self._extra is not None or not new.isascii():
            old = self._extra or LineStarts([0] * len(self._starts))
            between = _extra(new_text, [self._starts[first - 1], *middle], old[first - 1])
            grown = _num_extra(new) - _num_extra(self._text[start:end])
            index._extra = old.replaced(first, after, between, grown)
        return index

    def _bounds(self, first: int, last: int) -> list[int]:
        """Give where the lines from `first` up to `last` begin, and where the last of them ends."""
        bounds = self._starts.between(first, last + 1)
        return bounds if last < len(self._starts) else [*bounds, len(self._text)]


def _line_starts(text: str, may_hold_returns: bool) -> list[int]:
    if may_hold_returns:
        return [0, *(match.end() for match in _LINE_END.finditer(text))]
    lengths = map(len, text.split("\n"))  # Twice as fast, and a file that is one line costs nothing.
    starts = [0, *accumulate(map(add, lengths, repeat(1)))]
    starts.pop()
    return starts


def _extra(text: str, starts: list[int], extra: int) -> list[int]:
    """Give how many more bytes than code points stand before each line but the first, before which `extra` do."""
    values: list[int] = []
    for start, end in pairwise(starts):
        extra += _num_extra(text[start:end])
        values.append(extra)
    return values


def _num_extra(text: str) -> int:
    return 0 if text.isascii() else _num_bytes(text) - len(text)


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _num_units(text: str, encoding: PositionEncoding) -> int:
    if encoding == "utf-8" or text.isascii():
        return _num_bytes(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _num_long(bounds: list[int]) -> int:
    return sum(1 for start, end in pairwise(bounds) if end - start > LONG_LINE)


def _cut_character(data: bytes) -> int:
    """Tell whether the last character of `data` lacks bytes: 1 if so, else 0."""
    for back in range(1, min(4, len(data)) + 1):
        value = data[-back]
        if value & 0xC0 != 0x80:
            length = 1 if value < 0x80 else 2 if value < 0xE0 else 3 if value < 0xF0 else 4
            return 1 if back < length else 0
    return 0
