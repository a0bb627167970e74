"""The last times that nothing was suggested, and why. It knows no clock: times are passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

NUM_KEPT = 10


@dataclass(frozen=True, slots=True)
class Silence:
    """That nothing was suggested, once or several times in a row. `at` is the last of them, in monotonic seconds."""

    reason: str
    uri: str
    at: float
    num_times: int = 1


class Silences:
    """The last ten; the same again is no new one, so that typing a comment does not push all others out."""

    def __init__(self) -> None:
        self._last: deque[Silence] = deque(maxlen=NUM_KEPT)

    def add(self, reason: str, uri: str, at: float) -> None:
        """Remember that nothing was suggested."""
        num_times = 1
        if self._last and (self._last[-1].reason, self._last[-1].uri) == (reason, uri):
            num_times += self._last.pop().num_times
        self._last.append(Silence(reason, uri, at, num_times))

    def with_ages(self, now: float) -> tuple[tuple[Silence, int], ...]:
        """Return them, newest first, each with its age in ms."""
        return tuple((silence, round((now - silence.at) * 1000)) for silence in reversed(self._last))
