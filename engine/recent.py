"""The last few fills, found again when the user goes on typing at their hole.

It knows requests and texts: no tokens, no model, and nothing of what is done with a find.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.api import Candidate, FillRequest

_MAX_FILLS = 8
_MAX_TEXTS = 4
# So much of a prefix tells its place; what stands further left may have been dropped for lack of room.
_COMPARED_CHARS = 256
# Further than this the caret has gone elsewhere.
_MAX_TYPED, _MAX_DELETED = 80, 8


@dataclass(frozen=True, slots=True)
class Found:
    """An earlier fill, seen from where the caret is now."""

    agreeing: tuple[str, ...]  # its texts that begin with what was typed since, best first, without that
    best_agrees: bool  # whether its best text is among them
    alternatives: tuple[str, ...] = ()  # its other texts, without what they have in common with what was typed


@dataclass(frozen=True, slots=True)
class _Fill:
    request: FillRequest  # without its prefix, which is long
    before: str  # the prefix's end
    texts: tuple[str, ...]  # best first


class RecentFills:
    """The most recent fills, a bounded number of them."""

    def __init__(self) -> None:
        self._fills: deque[_Fill] = deque(maxlen=_MAX_FILLS)

    def remember(self, request: FillRequest, candidates: Sequence[Candidate]) -> None:
        """Remember what was found for a request, best first."""
        if candidates and not request.further_holes:
            before = request.prefix[-_COMPARED_CHARS - _MAX_DELETED :]
            texts = tuple(candidate.text for candidate in candidates[:_MAX_TEXTS])
            self._fills.appendleft(_Fill(_but_for_its_place(request), before, texts))

    def find(self, request: FillRequest) -> Found | None:
        """Find the latest fill of the same hole: a little was typed or deleted since, and nothing else is different."""
        wanted = _but_for_its_place(request)
        for fill in self._fills:
            if fill.request == wanted and (found := _found(fill, request.prefix)) is not None:
                return found
        return None

    def clear(self) -> None:
        """Forget all fills."""
        self._fills.clear()


def _but_for_its_place(request: FillRequest) -> FillRequest:
    return replace(request, prefix="", starts_file=True, num_candidates=1, deadline_ms=None, warm_start=True)


def _found(fill: _Fill, prefix: str) -> Found | None:
    for num_typed in range(min(_MAX_TYPED, len(prefix)) + 1):
        if _same_place(prefix[: len(prefix) - num_typed], fill.before):
            typed = prefix[len(prefix) - num_typed :]
            return None if "\n" in typed and not fill.request.multiline else _after_typing(fill.texts, typed)
    for num_deleted in range(1, min(_MAX_DELETED, len(fill.before)) + 1):
        if _same_place(prefix, fill.before[:-num_deleted]):
            # What was deleted was not wanted: it may come back, but not because it once stood there.
            deleted = fill.before[-num_deleted:]
            return Found(tuple(deleted + text for text in fill.texts), best_agrees=False)
    return None


def _same_place(prefix: str, before: str) -> bool:
    return prefix[-_COMPARED_CHARS:] == before[-_COMPARED_CHARS:]


def _after_typing(texts: tuple[str, ...], typed: str) -> Found:
    agreeing = tuple(text[len(typed) :] for text in texts if text.startswith(typed) and text[len(typed) :].strip())
    if agreeing and texts[0].startswith(typed):
        return Found(agreeing, best_agrees=True)
    common = [_num_common(text, typed) for text in texts]
    others = tuple(text[count:] for text, count in zip(texts, common, strict=True) if count < len(typed))
    return Found(agreeing, best_agrees=False, alternatives=others)


def _num_common(left: str, right: str) -> int:
    count = 0
    while count < min(len(left), len(right)) and left[count] == right[count]:
        count += 1
    return count
