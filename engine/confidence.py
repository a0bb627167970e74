"""How likely a fill is exactly right: from what the loop knows of it to a probability, by logistic regression.

The coefficients belong to a checkpoint, which declares them; one that declares none gives no probability. Fitting them
is a measurement's concern. Pure functions of numbers: it knows no tensors, no texts and no model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_LOWEST_LOG_PROB = -20.0  # An impossible token is no worse than a very unlikely one.
_WIDEST_MARGIN = 2.0  # Candidates further apart than this are as good as alone.


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a fill left behind about one candidate. Log-probabilities and entropies are in nats, one for each token."""

    causal: tuple[float, ...]  # the fill's tokens, at least one: log-probabilities by the causal encoder
    suffix: tuple[float, ...]  # the same of the suffix head after them
    denoised: tuple[float, ...] | None  # the fill's tokens: log-probabilities by the passes that decided them, if any
    entropy: tuple[float, ...] | None  # of what those passes predicted
    margin: float | None  # its score less that of the best other candidate; None where there is no other


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values) if values else 0.0


def _margin(evidence: Evidence) -> float:
    margin = _WIDEST_MARGIN if evidence.margin is None else evidence.margin
    return max(-_WIDEST_MARGIN, min(_WIDEST_MARGIN, margin))


def _ease(log_prob: float) -> float:
    """Return minus the logarithm of a surprise: one nat more means much near 0 and little in a long fill."""
    return -math.log1p(max(0.0, -log_prob))


_FEATURES: dict[str, Callable[[Evidence], float | None]] = {
    "causal_sum": lambda evidence: _ease(sum(evidence.causal)),
    "causal_min": lambda evidence: _ease(min(evidence.causal, default=0.0)),
    "causal_mean": lambda evidence: _ease(_mean(evidence.causal)),
    "suffix_mean": lambda evidence: _mean(evidence.suffix),
    "denoised_sum": lambda evidence: None if evidence.denoised is None else _ease(sum(evidence.denoised)),
    "entropy_mean": lambda evidence: None if evidence.entropy is None else _mean(evidence.entropy),
    "margin": _margin,
    "log_tokens": lambda evidence: math.log(max(1, len(evidence.causal))),
}
FEATURES = tuple(_FEATURES)
"""Every feature that a checkpoint can name."""


def features(evidence: Evidence, names: tuple[str, ...]) -> tuple[float | None, ...]:
    """Return the named features of a candidate, each finite, or None where there is no evidence of it."""
    bounded = Evidence(
        causal=_bounded(evidence.causal),
        suffix=_bounded(evidence.suffix),
        denoised=None if evidence.denoised is None else _bounded(evidence.denoised),
        entropy=evidence.entropy,
        margin=evidence.margin,
    )
    return tuple(_FEATURES[name](bounded) for name in names)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted logistic regression: `weights` are of standardised features. Raises: ValueError where it is not one."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]  # above 0
    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        if unknown := [name for name in self.names if name not in _FEATURES]:
            raise ValueError(f"unknown feature {unknown[0]!r}")
        if len({len(self.names), len(self.means), len(self.scales), len(self.weights)}) > 1:
            raise ValueError("names, means, scales and weights differ in number")
        if (
            not all(map(math.isfinite, (*self.means, *self.scales, *self.weights, self.bias)))
            or min(self.scales, default=1.0) <= 0
        ):
            raise ValueError("a coefficient that is not finite, or a scale that is not above 0")

    def probability(self, evidence: Evidence) -> float:
        """Return the probability that the candidate is exactly what belongs there.

        A feature that there is no evidence of counts as being at its mean.
        """
        values = features(evidence, self.names)
        parts = zip(values, self.means, self.scales, self.weights, strict=True)
        known = ((value, *others) for value, *others in parts if value is not None)
        return sigmoid(self.bias + sum(weight * (value - mean) / scale for value, mean, scale, weight in known))

    def declaration(self) -> dict[str, Any]:
        """Return it as a checkpoint's configuration holds it."""
        return asdict(self)


def calibration(declared: Mapping[str, Any]) -> Calibration:
    """Read what a checkpoint declares. Raises: KeyError, TypeError, ValueError where it makes no sense."""
    return Calibration(
        names=tuple(str(name) for name in declared["names"]),
        means=tuple(float(value) for value in declared["means"]),
        scales=tuple(float(value) for value in declared["scales"]),
        weights=tuple(float(value) for value in declared["weights"]),
        bias=float(declared["bias"]),
    )


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + exp(-logit)), without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _bounded(log_probs: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(max(_LOWEST_LOG_PROB, value) for value in log_probs)
