"""A text on its way to a tree: the parser at work, a slice of time after another.

The parser asks for its text piece by piece, and between two pieces other threads may run and the time is looked at.
One that ran out of time goes on where it was when it is asked again, but only with the same text: so each text has a
parser of its own, and with the text that parser is thrown away. It knows no document and not what a tree means.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Sequence

import tree_sitter

from infill_lsp.text.line_index import LineIndex

_CHUNK_CHARS = 16_384
_LATE = 2


class Parsing:
    """The parse of one text, from an older tree of it where there is one. For one thread."""

    __slots__ = ("_given", "_index", "_old", "_parser", "_text", "spent_s")

    spent_s: float  # processor time: a busy machine makes a parse late, not long

    def __init__(
        self, grammar: tree_sitter.Language, text: str, index: LineIndex, old: tree_sitter.Tree | None = None
    ) -> None:
        self.spent_s = 0.0
        self._parser = tree_sitter.Parser(grammar)
        self._text = text
        self._index = index
        self._old = old
        self._given: list[bytes] = []

    def go_on(self, budget_s: float) -> tree_sitter.Tree | None:
        """Parse for so much processor time, on a busy machine for twice as long. None: there is more to do.

        Do not call it again once it has given a tree.
        """
        began, now = time.thread_time(), time.monotonic()
        earliest, deadline = now + budget_s, now + _LATE * budget_s

        def out_of_time(_byte: int, _has_error: bool) -> bool:
            # Processor time is asked for only when it can be up: that costs much more than a look at the clock.
            now = time.monotonic()
            return now > earliest and (now > deadline or time.thread_time() - began > budget_s)

        try:
            if self._old is None:
                return self._parser.parse(self._read, progress_callback=out_of_time)
            return self._parser.parse(self._read, self._old, progress_callback=out_of_time)
        except ValueError:
            return None
        finally:
            _release(self._given)
            self._given.clear()
            self.spent_s += time.thread_time() - began

    def _read(self, byte: int, _point: tree_sitter.Point) -> bytes:
        """Give the parser the text from a byte on. Encoding what it asks for is cheaper than encoding a whole file."""
        start = self._index.offset_of_byte(byte)
        data = self._text[start : start + _CHUNK_CHARS].encode("utf-8", "surrogatepass")
        given = data[byte - self._index.byte(start) :]
        self._given.append(given)
        return given


def _release(given: Sequence[bytes]) -> None:
    """Give back the reference that the binding keeps of every piece that it was given, for good (seen in 0.26.1).

    Without it each parse costs the memory of its text. A version that keeps none is left alone: pieces are counted.
    """
    unshared = _counts([bytes(2)])[0]
    for piece, count in zip(given, _counts(given), strict=True):
        if count == unshared + 1 and len(piece) > 1:  # Shorter ones are shared by the whole process.
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(piece))


def _counts(pieces: Sequence[bytes]) -> list[int]:
    return [sys.getrefcount(piece) for piece in pieces]
