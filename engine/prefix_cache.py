"""Prefix snapshots within a budget of bytes, found again by their tokens.

Knows token ids, and how old and how heavy a snapshot is. It does not know what a snapshot holds: an adapter stores
there what it needs to go on from the end of those tokens, and never changes it afterwards.

The tokens up to each chunk edge have a hash that builds on the one before, so that looking for the longest beginning
hashes a prefix once, however many snapshots there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

S = TypeVar("S")
_Ids = tuple[int, ...]

_CHUNK_TOKENS = 64
# A keystroke changes the last tokens of a prefix only, so a snapshot is also taken some tokens before its end, at a
# place that stays the same while the prefix grows.
_UNSETTLED_TOKENS = 16


class PrefixCache(Generic[S]):
    """The most recently used snapshots: as many as the budget has room for."""

    def __init__(self, max_bytes: int, num_bytes: Callable[[S], int], max_snapshots: int = 64) -> None:
        """Begin empty. `num_bytes` weighs a snapshot; one that is heavier than the whole budget is not kept."""
        self._max_bytes, self._num_bytes, self._max_snapshots = max_bytes, num_bytes, max_snapshots
        self._snapshots: OrderedDict[_Ids, tuple[S, int]] = OrderedDict()  # with its bytes; longest unused first
        self._by_hash: dict[tuple[int, int], list[_Ids]] = {}  # by chunks and hash of the last chunk edge
        self._total_bytes = 0
        self.num_hits, self.num_misses = 0, 0  # of `longest`

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def total_bytes(self) -> int:
        """What the snapshots weigh together."""
        return self._total_bytes

    def store(self, ids: Sequence[int], snapshot: S) -> None:
        """Remember the snapshot taken after these tokens; those unused longest make room for it."""
        key, weight = tuple(ids), self._num_bytes(snapshot)
        self._forget(key)
        if weight > self._max_bytes:
            return
        self._snapshots[key] = snapshot, weight
        self._by_hash.setdefault(_edges(key)[-1], []).append(key)
        self._total_bytes += weight
        self._make_room()

    def longest(self, ids: Sequence[int]) -> tuple[int, S] | None:
        """Return the snapshot of the longest stored beginning of `ids`, and how many tokens it covers."""
        wanted = tuple(ids)
        for edge in reversed(_edges(wanted)):
            # The hash stands for the whole chunks; equal tokens are what counts.
            fitting = [key for key in self._by_hash.get(edge, ()) if wanted[: len(key)] == key]
            if fitting:
                found = max(fitting, key=len)
                self._snapshots.move_to_end(found)
                self.num_hits += 1
                return len(found), self._snapshots[found][0]
        self.num_misses += 1
        return None

    def grown(
        self, prefix_ids: Sequence[int], extended: Callable[[S | None, _Ids], S], num_stable: int | None = None
    ) -> S:
        """Return the snapshot after a prefix, going on from the longest beginning of it that is remembered.

        `extended` reads on from a snapshot, None for nothing, up to the end of the tokens that it is given. The first
        `num_stable` tokens, None for all, are those that grow at their end with the next keystroke.
        Raises: ValueError for an empty prefix; begin it with the token that begins a text.
        """
        ids = tuple(prefix_ids)
        if not ids:
            raise ValueError("a prefix has at least one token")
        reached, snapshot = self.longest(ids) or (0, None)
        stable = len(ids) if num_stable is None else num_stable
        settled = max(0, stable - _UNSETTLED_TOKENS) // _CHUNK_TOKENS * _CHUNK_TOKENS
        for end in (settled, len(ids)):
            if end > reached:
                snapshot, reached = extended(snapshot, ids[:end]), end
                self.store(ids[:end], snapshot)
        assert snapshot is not None
        return snapshot

    def limit(self, max_bytes: int) -> None:
        """Set another budget; those unused longest go until the rest fits into it."""
        self._max_bytes = max_bytes
        self._make_room()

    def clear(self) -> None:
        """Forget all snapshots, which frees what they hold."""
        self._snapshots.clear()
        self._by_hash.clear()
        self._total_bytes = 0

    def _make_room(self) -> None:
        while self._total_bytes > self._max_bytes or len(self._snapshots) > self._max_snapshots:
            self._forget(next(iter(self._snapshots)))

    def _forget(self, key: _Ids) -> None:
        if key not in self._snapshots:
            return
        self._total_bytes -= self._snapshots.pop(key)[1]
        edge = _edges(key)[-1]
        self._by_hash[edge].remove(key)
        if not self._by_hash[edge]:
            del self._by_hash[edge]


def _edges(ids: _Ids) -> list[tuple[int, int]]:
    """Return the number of chunks and the hash of the tokens before each chunk edge, the beginning among them."""
    edges = [(0, 0)]
    for start in range(0, len(ids) - _CHUNK_TOKENS + 1, _CHUNK_TOKENS):
        edges.append((len(edges), hash((edges[-1][1], ids[start : start + _CHUNK_TOKENS]))))
    return edges
