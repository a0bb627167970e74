"""Strings and comments that span lines and are not closed, told from the characters of a whole text.

What is not closed has no node in a tree: its lines are read as code. It knows no tree.
"""

from __future__ import annotations

from functools import cache

from infill_lsp.languages import Language

_MAX_CHARS = 20_000
_STEP = 2_000
_FEW = 100


class Unclosed:
    """Answers for one text. What was counted for one offset serves the next: only what lies between is read."""

    def __init__(self, text: str, language: Language) -> None:
        self._text = text
        # A single `"` is too common in other strings and in comments for its count to tell anything.
        spanning = [quote for quote in language.quotes if quote.multiline and quote.end not in ('"', "'")]
        self._quotes = tuple(quote.opener for quote in spanning if quote.end == quote.opener)
        self._pairs = (
            *((quote.opener, quote.end) for quote in spanning if quote.end != quote.opener),
            *language.block_comments,
        )
        self._counted: tuple[int, tuple[int, ...]] = (0, (0,) * len(self._quotes))

    def at(self, offset: int) -> bool:
        """Tell whether an odd number of quotes stands before an offset, or an opener that no closer follows.

        A quote in a comment misleads this count, and a comment's opener in a string this look.
        """
        return any(count % 2 for count in self._counts(offset)) or any(
            self._opened(opener, closer, offset) for opener, closer in self._pairs
        )

    def _counts(self, offset: int) -> tuple[int, ...]:
        if not self._counted[0]:
            self._counted = _known_of(self._quotes).counts(self._text, offset)
        end, counts = self._counted
        counts = _counted_on(self._text, self._quotes, counts, end, offset)
        self._counted = offset, counts
        return counts

    def _opened(self, opener: str, closer: str, offset: int) -> bool:
        at = self._text.rfind(opener, max(offset - _MAX_CHARS, 0), offset)
        return at >= 0 and self._text.find(closer, at + len(opener), offset) < 0


class _Known:
    """How many quotes stand in the beginning of a text: to compare it with the next one is quicker than to count."""

    def __init__(self, quotes: tuple[str, ...]) -> None:
        self._quotes = quotes
        self._last: tuple[str, tuple[int, ...]] = ("", (0,) * len(quotes))

    def counts(self, text: str, offset: int) -> tuple[int, tuple[int, ...]]:
        """Give an offset not far from another, and how many quotes stand before it."""
        if offset <= _MAX_CHARS:  # Soon counted; the small texts that are asked about between two keys are no reason
            return 0, (0,) * len(self._quotes)  # to forget the large one.
        head, counts = self._last
        same = len(head) if text.startswith(head) else _line_start(text, _num_same(head, text))
        if same == len(head) and offset - 2 * _STEP < same < offset + _STEP:
            return same, counts
        # Counted on from what is known, perhaps backwards: who types asks about places near each other.
        end = _line_start(text, max(offset - _STEP, 0))
        counts = _counted_on(head, self._quotes, counts, len(head), same)
        counts = _counted_on(text, self._quotes, counts, same, end)
        self._last = text[:end], counts
        return end, counts


def _counted_on(text: str, quotes: tuple[str, ...], counts: tuple[int, ...], end: int, offset: int) -> tuple[int, ...]:
    """Give how many quotes stand before `offset`, of a text before the `end` of which so many are counted."""
    first, last, sign = (end, offset, 1) if offset > end else (offset, end, -1)
    return tuple(count + sign * text.count(quote, first, last) for count, quote in zip(counts, quotes, strict=True))


def _num_same(text: str, other: str) -> int:
    """Give how many characters two texts begin with that are the same, or a few less."""
    same, end = 0, len(text)
    while end - same > _FEW:
        middle = (same + end) // 2
        if other.startswith(text[same:middle], same):
            same = middle
        else:
            end = middle
    return same


def _line_start(text: str, offset: int) -> int:
    """Give where a line begins, a little before an offset: no quote stands across it. The offset, if lines are long."""
    least = max(offset - _STEP, 0)
    start = max(text.rfind("\n", least, offset), text.rfind("\r", least, offset)) + 1
    return start if start > least else offset


@cache
def _known_of(quotes: tuple[str, ...]) -> _Known:
    return _Known(quotes)
