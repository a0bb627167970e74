"""What a canvas asks under each choice of noise."""

from __future__ import annotations

import numpy as np
import pytest

from engine.training.noise import Task, add_noise
from engine.training.tokenizer import MASK, PAD, SLACK, SPECIAL_TOKENS

_LENGTHS, _WIDTHS = np.array([5, 0, 16] * 40), np.array([16, 32, 16] * 40)


def _targets() -> np.ndarray:
    targets = np.full((120, 64), 50)
    columns = np.arange(64)
    targets[(columns >= _LENGTHS[:, None]) & (columns < _WIDTHS[:, None])] = SLACK
    targets[:, 60:] = PAD
    return targets


def _noised(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    targets = _targets()
    canvases, weights = add_noise(targets, _LENGTHS, _WIDTHS, task, 100, np.random.default_rng(0))
    return targets, canvases, weights


_COLUMNS = np.arange(64)[None]
_IN_HOLE = _WIDTHS[:, None] > _COLUMNS


def test_masks_stand_in_the_hole_alone_and_are_asked_for():
    targets, canvases, weights = _noised(Task())
    assert set(canvases[canvases != targets]) == {MASK}
    assert ((canvases == MASK) == (weights > 0)).all()
    assert not weights[~_IN_HOLE].any()
    assert not (canvases == SLACK).any(), "slack is never shown"


def test_the_end_counts_as_a_token_and_what_follows_it_as_the_task_says():
    _, _, weights = _noised(Task(slack_weight=0.25))
    rows = np.flatnonzero(_LENGTHS < _WIDTHS)
    assert (weights[rows, _LENGTHS[rows]] == 1).all()
    assert (weights[(_LENGTHS[:, None] < _COLUMNS) & _IN_HOLE] == 0.25).all()


def test_random_tokens_are_asked_for_all_over_the_hole():
    targets, canvases, weights = _noised(Task(noise="uniform"))
    assert not (canvases == MASK).any()
    assert ((weights > 0) == _IN_HOLE).all()
    assert canvases[canvases != targets].min() >= len(SPECIAL_TOKENS)


def test_hybrid_noise_is_mostly_the_mask():
    targets, canvases, weights = _noised(Task(noise="hybrid"))
    noised = canvases[weights > 0]
    assert (noised == MASK).mean() == pytest.approx(0.8, abs=0.05)
    assert (canvases[weights == 0] == targets[weights == 0]).all()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_share_of_the_suffixes_is_noised_in_part_and_never_its_padding(share: float):
    targets, canvases, weights = _noised(Task(noised_suffixes=share))
    beyond = (weights > 0) & ~_IN_HOLE
    assert beyond.any(1).mean() == pytest.approx(share, abs=0.12)
    assert 0.1 < beyond[beyond.any(1)][:, 32:60].mean() < 0.55
    assert not (targets[beyond] == PAD).any()
    assert (canvases[beyond] == MASK).all()


def test_a_second_hole_is_noised_and_asked_for_and_shows_no_slack():
    begin, length, width = np.full(120, 36), np.array([3, 0, 8] * 40), np.array([8, 0, 8] * 40)
    targets = _targets()
    columns = np.arange(64)[None]
    inside = (columns >= begin[:, None]) & (columns < (begin + width)[:, None])
    targets[inside & (columns >= (begin + length)[:, None])] = SLACK
    task = Task(second_holes=0.5)
    second = np.stack([begin, length, width])
    canvases, weights = add_noise(targets, _LENGTHS, _WIDTHS, task, 100, np.random.default_rng(0), second)
    assert not (canvases == SLACK).any()
    assert not weights[~_IN_HOLE & ~inside].any()
    assert ((canvases == MASK) == (weights > 0)).all()
    ended = np.flatnonzero((length > 0) & (length < width))
    assert (weights[ended, (begin + length)[ended]] == 1).all()
    wholly = (canvases == MASK)[width > 0][:, 36:44].all(1).mean()
    assert 0.4 < wholly < 0.8
