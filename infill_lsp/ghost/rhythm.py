"""How one user types in one document, and how long a pause to wait for before ghost text is computed.

Pure: times are seconds of any clock that does not go back, and come from outside. It knows no document and no engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

_NUM_GAPS = 8
# Who stops for longer thinks, which says nothing about how quickly they type.
_LONGEST_GAP_S = 1.0
_TIMES_GAP = 1.5
_MOST_TIMES_BASE = 4.0


@dataclass(frozen=True, slots=True)
class Edit:
    """What one message of the editor did to a document: its changes, and the characters that they took and gave."""

    num_changes: int
    num_removed: int
    num_added: int


class Rhythm:
    """The last edits of one document."""

    def __init__(self) -> None:
        self._gaps_s: deque[float] = deque(maxlen=_NUM_GAPS)
        self._edited_at: float | None = None
        self._asked_since = False
        self.is_deleting = False
        """Whether the last edit took text away and gave none."""

    def edited(self, edit: Edit, at: float) -> None:
        """Note an edit. Several changes in one message are keys that the editor collected."""
        if self._edited_at is not None and edit.num_changes:
            gap_s = at - self._edited_at
            if gap_s <= _LONGEST_GAP_S:
                self._gaps_s.append(gap_s / edit.num_changes)
        if edit.num_added or edit.num_removed:
            self.is_deleting = not edit.num_added
        self._edited_at = at
        self._asked_since = False

    def asked(self, at: float) -> float:
        """Note a request, and say for how long nobody has typed: not at all, where only the caret moved since."""
        if self._edited_at is None or self._asked_since:
            return 0.0
        self._asked_since = True
        return at - self._edited_at

    @property
    def gap_s(self) -> float | None:
        """The median gap between the last keys. None: too few are known."""
        return median(self._gaps_s) if len(self._gaps_s) > 1 else None


def median(values: Iterable[float]) -> float:
    """Return the middle value, the lower one of two; `statistics` takes too long to load. There must be one."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]


def pause_s(base_s: float, gap_s: float | None, fill_s: float | None) -> float:
    """Say how long nobody may have typed before a fill is begun.

    `gap_s` is the median gap between keys, `fill_s` how long fills take lately; None: not known. A fill that is done
    within a gap disturbs nobody, so the base is enough. A slower one would be thrown away by the next key: then the
    pause is one and a half gaps, but never below the base nor above four times the base.
    """
    if gap_s is None or (fill_s is not None and fill_s < gap_s):
        return base_s
    return min(max(base_s, _TIMES_GAP * gap_s), _MOST_TIMES_BASE * base_s)
