"""The one range in which two texts differ, found without looking at each character in turn.

It knows no document.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """`[start, old_end)` of one text stands where `[start, old_end + shift)` does in the other."""

    start: int
    old_end: int
    shift: int

    @property
    def is_any(self) -> bool:
        """Tell whether the texts differ at all."""
        return self.old_end > self.start or self.shift != 0


def difference(old: str, new: str) -> Difference:
    """Find the smallest range outside of which two texts are equal."""
    start = _common_start(old, new)
    end = _common_end(old, new, min(len(old), len(new)) - start)
    return Difference(start, len(old) - end, len(new) - len(old))


def _common_start(old: str, new: str) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old.startswith(new[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(old: str, new: str, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if old.endswith(new[len(new) - middle : len(new) - low], 0, len(old) - low):
            low = middle
        else:
            high = middle - 1
    return low
