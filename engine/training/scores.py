"""What is said of fills beside their true texts, with 95 % confidence intervals: pure functions of texts and numbers.

It knows no hole, no file and no checkpoint.
"""

from __future__ import annotations

import ast
import difflib
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_Z = statistics.NormalDist().inv_cdf(0.975)
_RESAMPLES, _SLOW_RESAMPLES = 4000, 500
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def similarity(fill: str, gold: str) -> float:
    """Return the share of characters in common, in order: difflib's ratio, in [0, 1]."""
    return difflib.SequenceMatcher(None, fill, gold, autojunk=False).ratio()


def is_exact(fill: str, gold: str) -> bool:
    """Whether two texts differ in outer white space at most."""
    return fill.strip() == gold.strip()


def parses_as_python(text: str) -> bool:
    """Whether the running Python takes the text for a file."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def share(flags: Iterable[bool]) -> Estimate:
    """Return how many are true, in [0, 1], with Wilson's score interval, which holds near 0 and 1 too."""
    listed = list(flags)
    if not listed:
        return Estimate(0.0, 0.0, 1.0)
    count, value = len(listed), sum(listed) / len(listed)
    middle = value + _Z * _Z / (2 * count)
    reach = _Z * math.sqrt(value * (1 - value) / count + _Z * _Z / (4 * count * count))
    scale = 1 + _Z * _Z / count
    return Estimate(value, max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale))


def mean(values: Iterable[float], seed: int = 0) -> Estimate:
    """Return the mean with its percentile bootstrap interval; of paired differences, the pairs are resampled."""
    listed = np.array(list(values), dtype=float)
    if not len(listed):
        return Estimate(0.0, 0.0, 0.0)
    means = listed[_resamples(len(listed), seed, _RESAMPLES)].mean(1)
    return Estimate(float(listed.mean()), *np.percentile(means, _INTERVAL).tolist())


def median(values: Iterable[float], seed: int = 0) -> Estimate:
    """Return the median with its percentile bootstrap interval."""
    listed = np.array(list(values), dtype=float)
    if not len(listed):
        return Estimate(0.0, 0.0, 0.0)
    medians = np.median(listed[_resamples(len(listed), seed, _RESAMPLES)], axis=1)
    return Estimate(float(np.median(listed)), *np.percentile(medians, _INTERVAL).tolist())


def length_correlation(pairs: Sequence[tuple[float, float]], seed: int = 0) -> Estimate:
    """Return the rank correlation of pairs, in [-1, 1], with its percentile bootstrap interval."""
    return _bootstrap(rank_correlation, list(pairs), seed)


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Return Spearman's correlation, equal values sharing a rank; 0 where one side is constant or pairs are few."""
    if len(pairs) < 3:
        return 0.0
    ranked = [_ranks(list(side)) for side in zip(*pairs, strict=True)]
    try:
        return statistics.correlation(*ranked)
    except statistics.StatisticsError:
        return 0.0  # One side is constant.


def _ranks(values: list[float]) -> list[float]:
    """Return each value's rank, equal values sharing the middle of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]


def _bootstrap(
    statistic: Callable[[list[tuple[float, float]]], float], pairs: list[tuple[float, float]], seed: int
) -> Estimate:
    if not pairs:
        return Estimate(0.0, 0.0, 0.0)
    drawn = _resamples(len(pairs), seed, _SLOW_RESAMPLES)
    found = [statistic([pairs[index] for index in row]) for row in drawn.tolist()]
    return Estimate(statistic(pairs), *np.percentile(found, _INTERVAL).tolist())


def _resamples(count: int, seed: int, resamples: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.random.default_rng(seed).integers(count, size=(resamples, count))
