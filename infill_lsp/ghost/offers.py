"""The suggestions that were sent to the editor lately, and what became of each: taken, dismissed, or never looked at.

A suggestion is taken once its user accepts it, a part of it, or types it out. It is dismissed when it stood on the
screen long enough to be read and then something else was typed. It knows no text and no protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

_READ_S = 0.75
_NUM_KEPT = 64


@dataclass(slots=True)
class _Offer:
    language: str
    confidence: float | None
    shown_at: float | None
    outcome: bool | None = None  # taken or dismissed; None: not known yet


class Offers:
    """Names every suggestion that is sent and hears what came of it; `judged` is told language, confidence, outcome."""

    def __init__(self, judged: Callable[[str, float | None, bool], None]) -> None:
        self._judged = judged
        self._ids = count(1)
        self._offers: dict[str, _Offer] = {}
        self._editor_tells = False

    def offered(self, language: str, confidence: float | None, at: float, *, first: bool) -> str:
        """Name a suggestion that is sent. Editors show the first of a list, unless they tell what they show."""
        name = str(next(self._ids))
        shown_at = at if first and not self._editor_tells else None
        self._offers[name] = _Offer(language, confidence, shown_at)
        while len(self._offers) > _NUM_KEPT:
            del self._offers[next(iter(self._offers))]
        return name

    def shown(self, name: str, at: float) -> None:
        """The editor tells that it shows a suggestion: from now on only what it tells of counts as shown."""
        if not self._editor_tells:
            self._editor_tells = True
            for earlier in self._offers.values():
                earlier.shown_at = None
        if (offer := self._offers.get(name)) is not None and offer.shown_at is None:
            offer.shown_at = at

    def taken(self, name: str) -> None:
        """The user took a suggestion or a part of it; told twice, it counts once."""
        if (offer := self._offers.get(name)) is not None and not offer.outcome:
            self._settle(offer, taken=True)

    def replaced(self, name: str, at: float) -> None:
        """A suggestion left the screen because its user typed something else."""
        offer = self._offers.get(name)
        if offer is not None and offer.outcome is None:
            if offer.shown_at is not None and at - offer.shown_at >= _READ_S:
                self._settle(offer, taken=False)
            offer.shown_at = None

    def _settle(self, offer: _Offer, *, taken: bool) -> None:
        offer.outcome = taken
        self._judged(offer.language, offer.confidence, taken)
