"""Fit a checkpoint's confidence: packages in two halves, a logistic regression with a small ridge, its file.

Pure mathematics but for `store`. It knows evidence and outcomes: no hole, no checkpoint's weights.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from engine.confidence import Calibration, Evidence, features
from engine.training.held_out import SourceFile

# Of standardised features, against the sum of the losses: holds weights back where right fills are few.
_RIDGE = 0.3
# Cross-validated on 460 fills of the bundled checkpoint, the others add nothing to these, and all together do harm.
FITTED = ("causal_sum", "causal_min", "suffix_mean")
_NEWTON_STEPS = 50
_DIGITS = 5


def halves(files: Iterable[SourceFile]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the packages to fit on and the packages to report on, some of each language in both.

    Packages go to the half with fewer files, the largest first, so the same files always give the same halves. Fits
    are on the half of more packages, since packages differ more than files; of equal ones on the larger half.
    """
    sizes: dict[str, Counter[str]] = {}
    for file in files:
        sizes.setdefault(file.language, Counter())[file.package] += 1
    fitted, reported = set[str](), set[str]()
    for counts in sizes.values():
        one, other = list[str](), list[str]()
        for package in sorted(counts, key=lambda package: (-counts[package], package)):
            is_behind = sum(counts[name] for name in one) <= sum(counts[name] for name in other)
            (one if is_behind else other).append(package)
        fitted.update(one if len(one) >= len(other) else other)
        reported.update(one if len(one) < len(other) else other)
    return frozenset(fitted), frozenset(reported)


def fit(evidence: Sequence[Evidence], outcomes: Sequence[bool], names: tuple[str, ...] = FITTED) -> Calibration:
    """Return the logistic regression of the outcomes on standardised features, its weights held by a small ridge.

    Raises: ValueError where nothing can be learnt: all outcomes are the same.
    """
    if len(set(outcomes)) < 2:
        raise ValueError("every fill has the same outcome, so there is nothing to fit; ask for more --holes")
    values = np.array([features(each, names) for each in evidence], dtype=float)
    means, spread = np.nanmean(values, 0), np.nanstd(values, 0)
    scales = np.where(spread > 1e-9, spread, 1.0)
    # Where there is no evidence a feature counts as being at its mean.
    design = np.column_stack((np.nan_to_num((values - means) / scales), np.ones(len(values))))
    target = np.array(outcomes, dtype=float)
    ridge = np.append(np.full(len(names), _RIDGE), 1e-9)  # The bias is free.
    weights = np.zeros(len(names) + 1)
    weights[-1] = np.log(target.mean() / (1 - target.mean()))
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (chance - target) + ridge * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(names, _plain(means), _plain(scales), _plain(weights[:-1]), round(float(weights[-1]), _DIGITS))


def store(calibration: Calibration, folder: Path) -> None:
    """Write the coefficients into a checkpoint's configuration, whole or not at all; the rest of it stays as it is.

    Raises: OSError, ValueError where there is none that can be read.
    """
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(config, dict) or not isinstance(config.get("infill"), dict):
        raise ValueError(f"{path} has no `infill` section; a checkpoint without one has no confidence")
    config["infill"]["confidence"] = calibration.declaration()
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, path)


def _plain(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in values)
