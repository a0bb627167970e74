"""When a fill has to come to its end, and which of its drafts it then answers with. It knows no passes and no model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from engine.candidates import Fill
from engine.seam import Seams


class Deadline:
    """Counts from the moment the engine starts on a request. A pass that would end too late is not begun."""

    def __init__(self, deadline_ms: int | None, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin to count; None is no deadline. The clock counts seconds."""
        self._deadline_ms, self._clock = deadline_ms, clock
        self._started = self._last = clock()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the start."""
        return (self._clock() - self._started) * 1000

    def leaves_no_pass(self) -> bool:
        """Ask this after each pass: whether another one, as long as this, would end after the deadline."""
        before, self._last = self._last, self._clock()
        last_ms = (self._last - before) * 1000
        return self._deadline_ms is not None and (self._last - self._started) * 1000 + last_ms > self._deadline_ms


def latest_sound(
    drafts: Iterable[list[Fill]],
    seams: Seams,
    text_of: Callable[[Sequence[int]], str],
    is_sound: Callable[[tuple[str, ...]], bool],
) -> list[Fill] | None:
    """Return the first of the drafts, the latest first, that have a row which a critic finds nothing in."""
    typed = (seams.typed, *(seam.typed for seam in seams.further))
    for fills in drafts:
        for fill in fills:
            texts = [text_of(ids) for ids in fill.holes]
            added = tuple(text[len(begun) :].rstrip() for text, begun in zip(texts, typed, strict=True))
            begins = all(text.startswith(begun) for text, begun in zip(texts, typed, strict=True))
            if begins and any(added) and is_sound(added):
                return fills
    return None
