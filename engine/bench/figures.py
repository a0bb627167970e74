"""What a measurement came to: figures with 95 % confidence intervals, and the bars that they are held to.

Pure functions of numbers: it knows no fill and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.training import scores
from engine.training.scores import Estimate

_RESAMPLES = 4000
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach: a least or a greatest value, or for a change that its interval holds 0 or better."""

    sense: Literal["at least", "at most", "no loss"]
    limit: float = 0.0

    def is_held_by(self, estimate: Estimate) -> bool:
        """Whether the figure reaches it; of a change, whether the interval's upper end does."""
        if self.sense == "no loss":
            return estimate.high >= self.limit
        return estimate.value >= self.limit if self.sense == "at least" else estimate.value <= self.limit


BARS = {
    "speedup_vs_generate": Bar("at least", 8),
    "speedup_vs_left_to_right": Bar("at least", 1),
    "passes_single_line": Bar("at most", 5),
    "passes_multi_line": Bar("at most", 12),
    "edit_similarity_change": Bar("no loss"),
    "exact_match_change": Bar("no loss"),
    "length_unknown_over_known": Bar("at least", 0.9),
    "gate_rejections_saved": Bar("at least", 1 / 3),
    "typed_through_ratio": Bar("at most", 0.25),
    "diverging_ratio": Bar("at most", 0.25),
    "four_candidates_ratio": Bar("at most", 2.5),
    "two_holes_ratio": Bar("at most", 1),
}
"""The bars, by the name of their figure; other figures have none."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number over `count` holes; without a value, `missing` says why in a few words."""

    name: str
    estimate: Estimate | None
    count: int
    missing: str | None = None

    @property
    def bar(self) -> Bar | None:
        """What it must reach, if anything."""
        return BARS.get(self.name)

    @property
    def is_held(self) -> bool | None:
        """Whether it reaches its bar; None where there is no bar or no value."""
        return None if self.bar is None or self.estimate is None else self.bar.is_held_by(self.estimate)


def mean(name: str, values: Iterable[float], missing: str = "no hole could be filled") -> Figure:
    """Return the mean; of paired differences, the pairs are resampled."""
    return _figure(name, list(values), scores.mean, missing)


def median(name: str, values: Iterable[float], missing: str = "no hole could be measured") -> Figure:
    """Return the median."""
    return _figure(name, list(values), scores.median, missing)


def share(name: str, flags: Iterable[bool], missing: str = "no hole could be filled") -> Figure:
    """Return how many are true, in [0, 1]."""
    return _figure(name, list(flags), scores.share, missing)


def percentile(name: str, values: Sequence[float], percent: float, missing: str = "no hole could be filled") -> Figure:
    """Return a percentile with its bootstrap interval."""
    if not values:
        return Figure(name, None, 0, missing)
    drawn = np.percentile(np.array(values)[_drawn(len(values))], percent, axis=1)
    return Figure(name, Estimate(float(np.percentile(values, percent)), *_interval(drawn)), len(values))


def ratio(name: str, pairs: Sequence[tuple[float, float]], missing: str) -> Figure:
    """Return the sum of the first numbers over the sum of the second ones; `missing` says why there is none."""
    sums = np.array(pairs, dtype=float).reshape(-1, 2).sum(0)
    if not sums[1]:
        return Figure(name, None, len(pairs), missing)
    drawn = np.array(pairs, dtype=float)[_drawn(len(pairs))].sum(1)
    drawn = drawn[drawn[:, 1] > 0]  # A resample may miss all that there is to divide by.
    return Figure(name, Estimate(float(sums[0] / sums[1]), *_interval(drawn[:, 0] / drawn[:, 1])), len(pairs))


def saved(name: str, pairs: Sequence[tuple[bool, bool]], missing: str) -> Figure:
    """Return which share of the second kind the first does without: 1 less their ratio."""
    found = ratio(name, [(float(one), float(other)) for one, other in pairs], missing)
    if found.estimate is None:
        return found
    value, low, high = found.estimate.value, found.estimate.low, found.estimate.high
    return Figure(name, Estimate(1 - value, 1 - high, 1 - low), found.count)


def as_json(figures: Sequence[Figure]) -> dict[str, object]:
    """Return the figures by name (null where missing), and their intervals, counts, bars and reasons by name."""
    found = {figure.name: figure for figure in figures}
    return {
        **{name: None if each.estimate is None else _rounded(each.estimate.value) for name, each in found.items()},
        "intervals": {
            name: [_rounded(each.estimate.low), _rounded(each.estimate.high)]
            for name, each in found.items()
            if each.estimate is not None
        },
        "counts": {name: each.count for name, each in found.items()},
        "bars": {
            name: {"sense": each.bar.sense, "limit": _rounded(each.bar.limit), "held": each.is_held}
            for name, each in found.items()
            if each.bar is not None
        },
        "missing": {name: each.missing for name, each in found.items() if each.estimate is None},
    }


def _figure(name: str, values: list[float] | list[bool], of: object, missing: str) -> Figure:
    if not values:
        return Figure(name, None, 0, missing)
    assert callable(of)
    return Figure(name, of(values), len(values))


def _rounded(value: float) -> float:
    """Return a number with four significant digits: ratios of a hundredth are as readable as seconds."""
    return float(f"{value:.4g}")


def _drawn(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))


def _interval(drawn: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    low, high = np.percentile(drawn, _INTERVAL).tolist()
    return low, high
