"""A few prefix snapshots, found again by their tokens.

Knows token ids and how old a snapshot is. It does not know what a snapshot holds: an adapter stores there what it
needs to go on from the end of those tokens, and never changes it afterwards.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

S = TypeVar("S")


class PrefixCache(Generic[S]):
    """The most recently used snapshots, at most `max_snapshots` of them."""

    def __init__(self, max_snapshots: int) -> None:
        self._max_snapshots = max_snapshots
        self._snapshots: OrderedDict[tuple[int, ...], S] = OrderedDict()

    def __len__(self) -> int:
        return len(self._snapshots)

    def store(self, ids: Sequence[int], snapshot: S) -> None:
        """Remember the snapshot taken after these tokens, and forget the one that was used longest ago if need be."""
        key = tuple(ids)
        self._snapshots[key] = snapshot
        self._snapshots.move_to_end(key)
        while len(self._snapshots) > self._max_snapshots:
            self._snapshots.popitem(last=False)

    def longest(self, ids: Sequence[int]) -> tuple[int, S] | None:
        """Return the snapshot of the longest stored beginning of `ids`, and how many tokens it covers."""
        wanted = tuple(ids)
        found: tuple[int, ...] | None = None
        for key in self._snapshots:
            if len(key) <= len(wanted) and (found is None or len(key) > len(found)) and wanted[: len(key)] == key:
                found = key
        if found is None:
            return None
        self._snapshots.move_to_end(found)
        return len(found), self._snapshots[found]

    def clear(self) -> None:
        """Forget all snapshots, which frees what they hold."""
        self._snapshots.clear()
