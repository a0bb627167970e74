"""Where lines begin, and what an offset is called by others: line and character for editors, bytes for the parser.

Offsets are code points into the text. Line ends are `\\n`, `\\r\\n` and `\\r`, as editors count them, and nothing else:
form feeds and Unicode separators are characters of a line. It knows no document, no language and no wire type.
Lone surrogates survive (`surrogatepass`), because a client may delete one half of an emoji.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import pairwise
from typing import Literal

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END = re.compile(r"\r\n|\n|\r")


class LineIndex:
    """Conversions of one text, immutable. A text without line breaks has one line."""

    __slots__ = ("_byte_starts", "_starts", "_text")

    _text: str
    _starts: list[int]  # code points
    _byte_starts: list[int] | None  # None: the text is ASCII, so a byte is a code point

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._byte_starts = None if text.isascii() else _byte_starts(text, self._starts, 0)

    @property
    def num_lines(self) -> int:
        """How many lines the text has, the empty one after a final line break included."""
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """Tell which line holds `offset`; a line ending belongs to the line it ends."""
        return max(bisect_right(self._starts, offset) - 1, 0)

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
        if encoding == "utf-32" or self._byte_starts is None:
            return min(start + character, end)
        left = character
        for offset in range(start, end):
            left -= _width(self._text[offset], encoding)
            if left < 0:
                return offset
            if left == 0:
                return offset + 1
        return end

    def position(self, offset: int, encoding: PositionEncoding) -> tuple[int, int]:
        """Turn an offset into line and character; an offset inside `\\r\\n` is called the line's end."""
        offset = min(max(offset, 0), len(self._text))
        line = self.line_of(offset)
        before = self._text[self._starts[line] : min(offset, self.line_end(line))]
        if encoding == "utf-32" or before.isascii():
            return line, len(before)
        if encoding == "utf-8":
            return line, _num_bytes(before)
        return line, len(before.encode("utf-16-le", "surrogatepass")) // 2

    def byte(self, offset: int) -> int:
        """Turn an offset into a UTF-8 byte offset."""
        if self._byte_starts is None:
            return offset
        line = self.line_of(offset)
        return self._byte_starts[line] + _num_bytes(self._text[self._starts[line] : offset])

    def offset_of_byte(self, byte: int) -> int:
        """Turn a UTF-8 byte offset into an offset; a byte inside a character snaps back to its start."""
        if self._byte_starts is None:
            return min(byte, len(self._text))
        line = max(bisect_right(self._byte_starts, byte) - 1, 0)
        start = self._starts[line]
        end = self._starts[line + 1] if line + 1 < len(self._starts) else len(self._text)
        data = self._text[start:end].encode("utf-8", "surrogatepass")[: byte - self._byte_starts[line]]
        return start + sum(1 for value in data if value & 0xC0 != 0x80) - _cut_character(data)

    def spliced(self, start: int, end: int, new: str, new_text: str) -> LineIndex:
        """Index `new_text`, which is this text with `[start, end)` replaced by `new`.

        Only the edited lines and one line to each side are scanned: an edit can join or part a `\\r` and a `\\n`.
        """
        first = max(self.line_of(start) - 1, 0)
        after = self.line_of(end) + 2
        shift = len(new) - (end - start)
        scan_start = self._starts[first]
        scan_end = (self._starts[after] if after < len(self._starts) else len(self._text)) + shift
        middle = [match.end() for match in _LINE_END.finditer(new_text, scan_start, scan_end)]
        if after < len(self._starts) and middle and middle[-1] == scan_end:
            middle.pop()
        index = LineIndex.__new__(LineIndex)
        index._text = new_text
        index._starts = self._starts[: first + 1]
        index._starts += middle
        tail_from = len(index._starts)
        index._starts += [value + shift for value in self._starts[after:]] if shift else self._starts[after:]
        if self._byte_starts is None and new.isascii():
            index._byte_starts = None
            return index
        old = self._starts if self._byte_starts is None else self._byte_starts
        head = old[: first + 1]
        starts = index._starts
        for line in range(first, tail_from - 1):
            head.append(head[line] + _num_bytes(new_text[starts[line] : starts[line + 1]]))
        byte_shift = _num_bytes(new) - (self.byte(end) - self.byte(start))
        head += [value + byte_shift for value in old[after:]]
        index._byte_starts = head
        return index


def _byte_starts(text: str, starts: list[int], first: int) -> list[int]:
    values = [first]
    for start, end in pairwise(starts):
        values.append(values[-1] + _num_bytes(text[start:end]))
    return values


def _num_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _width(character: str, encoding: PositionEncoding) -> int:
    value = ord(character)
    if encoding == "utf-16":
        return 2 if value > 0xFFFF else 1
    return 1 if value < 0x80 else 2 if value < 0x800 else 3 if value < 0x10000 else 4


def _cut_character(data: bytes) -> int:
    """Tell whether the last character of `data` lacks bytes: 1 if so, else 0."""
    for back in range(1, min(4, len(data)) + 1):
        value = data[-back]
        if value & 0xC0 != 0x80:
            length = 1 if value < 0x80 else 2 if value < 0xE0 else 3 if value < 0xF0 else 4
            return 1 if back < length else 0
    return 0
