"""A long list of numbers, one a line, that is cheap to change a little: each change gives a new list.

Typing moves every line below by the same amount. So the list keeps one number that counts from some line on, and what
stands below a change is not touched as long as changes stay near each other. It knows no text.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence


class LineStarts:
    """Numbers that never change: `values`, and from `moved_from` on each is larger by `moved_by`."""

    __slots__ = ("_moved_by", "_moved_from", "_values")

    def __init__(self, values: Iterable[int], moved_from: int = 0, moved_by: int = 0) -> None:
        self._values = values if isinstance(values, array) else array("q", values)
        self._moved_from = moved_from
        self._moved_by = moved_by

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, line: int) -> int:
        value = self._values[line]
        return value + self._moved_by if line >= self._moved_from else value

    def num_below(self, value: int) -> int:
        """Count the numbers below a value, in a list that ascends."""
        if self._moved_from < len(self._values) and self[self._moved_from] < value:
            return bisect_left(self._values, value - self._moved_by, self._moved_from)
        return bisect_left(self._values, value, 0, self._moved_from)

    def num_up_to(self, value: int) -> int:
        """Count the numbers that are no larger than a value, in a list that ascends."""
        return self.num_below(value + 1)

    def between(self, first: int, after: int) -> list[int]:
        """Give the numbers of the lines from `first` on, before `after`."""
        return [self[line] for line in range(first, min(after, len(self._values)))]

    def replaced(self, first: int, after: int, new: Sequence[int], moved_by: int) -> LineStarts:
        """Put `new` in place of the numbers from `first` on, before `after`; those behind grow by `moved_by`."""
        values, start, by = self._values, self._moved_from, self._moved_by
        if not new and first == after:
            if start == after or not by:
                return LineStarts(values, after, by + moved_by)
            if not moved_by:
                return self
        values = values[:]
        # Move the line from which on numbers are larger, and mend those that it passes.
        if by:
            first_passed, last_passed = sorted((start, after))
            step = by if start < after else -by
            values[first_passed:last_passed] = array("q", [each + step for each in values[first_passed:last_passed]])
        values[first:after] = array("q", new)
        return LineStarts(values, first + len(new), by + moved_by)


def num_up_to(one: LineStarts, other: LineStarts, value: int, first: int, last: int) -> int:
    """Count the lines whose numbers in two lists add up to no more than a value: at least `first`, at most `last`."""
    return bisect_right(range(len(one)), value, first, last, key=lambda line: one[line] + other[line])
