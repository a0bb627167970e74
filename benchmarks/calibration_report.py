"""How well a confidence keeps its word: scores with 95 % bootstrap intervals, bins, and what a threshold would show.

Pure functions of confidences and outcomes; they know no fill and no checkpoint.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.training import scores
from engine.training.scores import Estimate

NUM_BINS = 10
_RESAMPLES = 1000
_SHARES = tuple(share / 10 for share in range(10, 0, -1))

_Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Judged:
    """One fill: how sure the engine was, and what became of it. `is_right` is by the target in question."""

    confidence: float
    is_right: bool
    is_exact: bool
    parses: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Fills of about the same confidence: what it promised and what it kept."""

    promised: float
    kept: Estimate
    fills: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What is said of one confidence and one target."""

    target: str
    fills: int
    base_rate: Estimate
    brier: Estimate  # mean squared error of the confidence; lower is better
    brier_of_base_rate: Estimate  # the same of a constant, the share that is right
    brier_gain: Estimate  # the second less the first: positive where the confidence says more than the constant
    calibration_error: Estimate  # expected calibration error, over bins of equally many fills
    roc_area: Estimate  # the chance that a right fill is surer than a wrong one
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What remains when fills below a confidence are kept back. Shares and means are of the fills that are shown."""

    threshold: float
    share: float  # of all fills
    share_of_clean: float  # of those that parse: what a gate would let through anyway
    fills: int
    right: Estimate
    exact_match: Estimate
    parse_clean: Estimate
    edit_similarity: Estimate


def quality(target: str, judged: Sequence[Judged], seed: int = 0) -> Quality:
    """Score the confidence of at least one fill."""
    confidence = np.array([each.confidence for each in judged], dtype=float)
    right = np.array([each.is_right for each in judged], dtype=float)

    def estimate(statistic: Callable[[_Floats, _Floats], float]) -> Estimate:
        return _bootstrap(statistic, confidence, right, seed)

    return Quality(
        target,
        len(judged),
        scores.share(each.is_right for each in judged),
        estimate(brier),
        estimate(lambda _, kept: float(kept.mean() * (1 - kept.mean()))),
        estimate(lambda promised, kept: float(kept.mean() * (1 - kept.mean())) - brier(promised, kept)),
        estimate(calibration_error),
        estimate(roc_area),
        bins(judged),
    )


def brier(confidence: _Floats, right: _Floats) -> float:
    """Return the mean squared difference of confidence and outcome."""
    return float(((confidence - right) ** 2).mean())


def calibration_error(confidence: _Floats, right: _Floats) -> float:
    """Return how far confidence and outcome are apart in the mean of a bin, by equally filled bins."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), NUM_BINS)
    gaps = [abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts if len(part)]
    return float(sum(gaps) / len(confidence))


def roc_area(confidence: _Floats, right: _Floats) -> float:
    """Return the area under the ROC curve, ties counting half; one half where all outcomes are the same."""
    wrong = np.sort(confidence[right == 0])
    sure = confidence[right == 1]
    if not len(wrong) or not len(sure):
        return 0.5
    wins = np.searchsorted(wrong, sure, "left") + np.searchsorted(wrong, sure, "right")
    return float(wins.mean() / 2 / len(wrong))


def bins(judged: Sequence[Judged]) -> tuple[Bin, ...]:
    """Return the fills in bins of equally many, least sure first."""
    ordered = sorted(judged, key=lambda each: each.confidence)
    parts = [[ordered[index] for index in part] for part in np.array_split(np.arange(len(ordered)), NUM_BINS)]
    return tuple(
        Bin(sum(each.confidence for each in part) / len(part), scores.share(each.is_right for each in part), len(part))
        for part in parts
        if part
    )


def thresholds(judged: Sequence[Judged], seed: int = 0) -> tuple[Shown, ...]:
    """Return what would be shown: first of all fills, then at the thresholds that keep nine tenths, eight tenths ..."""
    ordered = sorted(each.confidence for each in judged)
    at = [0.0, *(ordered[int(len(ordered) * (1 - share) + 1e-9)] for share in _SHARES[1:])] if ordered else []
    return tuple(_shown(judged, threshold, seed) for threshold in at)


def share_above(judged: Sequence[Judged], threshold: float) -> float:
    """Return the share of fills that are at least so sure."""
    ordered = sorted(each.confidence for each in judged)
    return 1 - bisect_left(ordered, threshold) / len(ordered) if ordered else 0.0


def _shown(judged: Sequence[Judged], threshold: float, seed: int) -> Shown:
    part = [each for each in judged if each.confidence >= threshold]
    return Shown(
        threshold,
        share_above(judged, threshold),
        share_above([each for each in judged if each.parses], threshold),
        len(part),
        scores.share(each.is_right for each in part),
        scores.share(each.is_exact for each in part),
        scores.share(each.parses for each in part),
        scores.mean((each.similarity for each in part), seed),
    )


def _bootstrap(
    statistic: Callable[[_Floats, _Floats], float], confidence: _Floats, right: _Floats, seed: int
) -> Estimate:
    drawn = np.random.default_rng(seed).integers(len(right), size=(_RESAMPLES, len(right)))
    found = [statistic(confidence[row], right[row]) for row in drawn]
    low, high = np.percentile(found, (2.5, 97.5)).tolist()
    return Estimate(statistic(confidence, right), low, high)
