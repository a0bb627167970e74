"""The text right before a hole, as much of it as fits: untouched near the hole, without comments further up.

Where it begins moves by whole steps of the file. It knows no outline and no other document.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from infill_lsp.context.budget import Budget
from infill_lsp.reading.comments import comment_lines

_LOOKED_AT = 3  # times the budget, in code points


class Plain:
    """The text before one hole."""

    def __init__(
        self, text: str, end: int, lead: str, untouched: int, language_id: str, budget: Budget, step: int
    ) -> None:
        self._text, self._end, self._lead, self._untouched = text, end, lead, untouched
        self._language_id, self._budget, self._step = language_id, budget, step
        self._first = max(end - _LOOKED_AT * budget.extent, 0) // step * step

    def text(self, start: int) -> str:
        """Give the text from an offset to the hole."""
        return self._between(start, self._end) + self._lead

    def cost(self, start: int) -> int:
        """Say what that costs."""
        return self._budget.cost(self.text(start))

    def cut(self, room: int) -> int:
        """Find where to begin: at the first line after one of the file's steps from which all fits."""
        text, end, step = self._text, self._end, self._step
        room -= self._budget.cost(self._lead)
        cut, position = end, (end - 1) // step * step
        while position > -step:
            start = 0 if position <= 0 else text.find("\n", position - 1, end) + 1
            if start < cut and (start > 0 or position <= 0):
                room -= self._budget.cost(self._between(start, cut))
                if room < 0 or start < self._first:
                    break
                cut = start
            position -= step
        if cut == end:
            cut = text.rfind("\n", 0, end) + 1  # The line of the hole is always shown.
        return next((stop for start, stop in self._comments if start < cut < stop), cut)

    def _between(self, start: int, end: int) -> str:
        parts: list[str] = []
        comments = self._comments
        for position in range(bisect_left(comments, (start, start)) - 1, len(comments)):
            if position < 0:
                continue
            first, last = comments[position]
            if first >= end:
                break
            if last > start:
                parts.append(self._text[start:first])
                start = max(last, start)
        parts.append(self._text[min(start, end) : end])
        return "".join(parts)

    @cached_property
    def _comments(self) -> list[tuple[int, int]]:
        found = comment_lines(self._text[self._first : self._untouched], self._language_id)
        return [(start + self._first, end + self._first) for start, end in found]
