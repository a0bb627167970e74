"""What a canvas asks: which of its positions are noised, what stands there instead, and how much each counts.

Pure arrays in, arrays out; it knows no files and draws with the generator that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from engine.training.tokenizer import MASK, PAD, SPECIAL_TOKENS

_HYBRID_MASK_SHARE = 0.8
_SUFFIX_RATES = (0.15, 0.5)
# Of the canvases: everything noised; a settled start, everything right of it noised; a random share noised.
_SETTLED_START_FROM, _SCATTERED_FROM = 0.3, 0.65


@dataclass(frozen=True, slots=True)
class Task:
    """The form of a canvas; `benchmarks.recipe` compares the choices."""

    noise: Literal["mask", "uniform", "hybrid"] = "mask"  # hybrid: the mask, and in one of five places a random token
    noised_suffixes: float = 0.0  # share of canvases whose suffix is noised in part and asked for as well
    second_holes: float = 0.0  # share of canvases with another hole right of the first, after a few known tokens
    slack_weight: float = 0.1  # of slack right of the end; the end itself counts as much as a token
    fitting_widths: bool = False  # the narrowest width that holds the fill, which gives its length away


def add_noise(
    targets: np.ndarray,
    lengths: np.ndarray,
    widths: np.ndarray,
    task: Task,
    vocab_size: int,
    random: Generator,
    second: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the noised canvases, int64 [N, C], and the weight of each position, float32 [N, C], zero if not asked.

    Slack is never shown: the sampler decides the end of a fill last, when everything left of it is settled.
    Shapes: targets [N, C] int64 clean canvases, lengths and widths [N] of fill and hole in tokens, second [3, N] where
    a second hole begins and its length and width, a width of zero where there is none.
    """
    count, columns = len(targets), np.arange(targets.shape[1])[None]
    length, width = lengths[:, None], widths[:, None]
    form = random.random(count)[:, None]
    settled = (random.random(count) * (lengths + 1)).astype(np.int64)[:, None]
    scattered = random.random(targets.shape) < random.uniform(0.1, 1.0, count)[:, None]
    chosen = (form < _SETTLED_START_FROM) | (columns >= settled)
    chosen = np.where(form < _SCATTERED_FROM, chosen, scattered)
    noised = (columns < width) & ((columns >= length) | chosen)
    # Random tokens do not say where they stand, so every position of the hole is asked for.
    asked = noised if task.noise != "uniform" else columns < width
    weights = np.where((columns > length) & (columns < width), task.slack_weight, 1.0) * asked
    if second is not None:
        right, right_weights = _second_holes(targets.shape, second, task, random)
        noised, weights = noised | right, np.where(right, right_weights, weights)
    if task.noised_suffixes > 0:
        rate = random.uniform(*_SUFFIX_RATES, count) * (random.random(count) < task.noised_suffixes)
        beyond = (columns >= width) & (targets != PAD) & (random.random(targets.shape) < rate[:, None])
        beyond &= ~noised
        noised, weights = noised | beyond, np.where(beyond, 1.0, weights)
    return np.where(noised, _replacements(targets.shape, task, vocab_size, random), targets), weights.astype(np.float32)


def _second_holes(
    shape: tuple[int, ...], second: np.ndarray, task: Task, random: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Noise the second holes, half of them wholly, the others at a random rate: bool and float weights [N, C]."""
    columns = np.arange(shape[1])[None]
    begin, length, width = (values[:, None] for values in second)
    rate = np.where(random.random(shape[0]) < 0.5, 1.0, random.uniform(0.1, 1.0, shape[0]))[:, None]
    inside = (columns >= begin) & (columns < begin + width)
    noised = inside & ((columns >= begin + length) | (random.random(shape) < rate))
    return noised, np.where(columns > begin + length, task.slack_weight, 1.0)


def _replacements(shape: tuple[int, ...], task: Task, vocab_size: int, random: Generator) -> np.ndarray:
    if task.noise == "mask":
        return np.full(shape, MASK, np.int64)
    drawn = random.integers(len(SPECIAL_TOKENS), vocab_size, shape)
    return drawn if task.noise == "uniform" else np.where(random.random(shape) < _HYBRID_MASK_SHARE, MASK, drawn)
