"""What is learnt from suggestions that were taken or dismissed: how sure the model must be in a language. Pure.

It holds counts by bucket of confidence, and neither times nor text. What is old counts less: a count fades a little
with every suggestion that is added to it, and all fade with each that is kept back, so that these are tried again.
"""

from __future__ import annotations

from dataclasses import dataclass

EDGES = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Where one bucket of confidence ends and the next begins; the last one has no edge and is always shown."""

_FADING = 0.97
_FEW = 10.0
_WORTH_SHOWING = 0.1


@dataclass(frozen=True, slots=True)
class Count:
    """How many suggestions of one bucket were taken and dismissed, faded."""

    taken: float = 0.0
    dismissed: float = 0.0

    @property
    def shown(self) -> float:
        """How many were looked at."""
        return self.taken + self.dismissed

    @property
    def is_worth_showing(self) -> bool:
        """Tell whether enough of these are taken."""
        return self.taken >= _WORTH_SHOWING * self.shown


Counts = tuple[Count, ...]
"""One count a bucket, the least sure one first."""

NOTHING: Counts = (Count(),) * (len(EDGES) + 1)


def faded(counts: Counts) -> Counts:
    """Let the past count a little less."""
    return tuple(_faded(each) for each in counts)


def learnt(counts: Counts, confidence: float, *, taken: bool) -> Counts:
    """Add one suggestion that was taken or dismissed."""
    bucket = sum(confidence >= edge for edge in EDGES)
    old = _faded(counts[bucket])
    new = Count(old.taken + taken, old.dismissed + (not taken))
    return (*counts[:bucket], new, *counts[bucket + 1 :])


def threshold(setting: float, counts: Counts) -> float:
    """Say how sure the model must be while the user types: never less than the setting.

    A bucket of which ten or more were looked at, and fewer than one in ten was taken, is kept back with all that is
    less sure, unless something below it is taken often enough. The surest bucket is never kept back.
    """
    wanted = setting
    for edge, count in zip(EDGES, counts, strict=False):
        if edge <= setting or count.shown < _FEW:
            continue
        if count.is_worth_showing:
            break
        wanted = edge
    return wanted


def _faded(count: Count) -> Count:
    return Count(count.taken * _FADING, count.dismissed * _FADING)
