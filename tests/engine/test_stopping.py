"""When a row is done: its draft no longer changes, and the mean entropy of what is counted is low."""

from __future__ import annotations

import torch

from engine.stopping import count_unchanged, is_confident


def check_unchanged(drafts: list[str], expect: list[int]) -> None:
    """Assert how long each draft has been the same; drafts are words of one row, a second row changes at each step."""
    unchanged, before = torch.zeros(2, dtype=torch.int64), torch.full((2, len(drafts[0])), -1)
    counts = []
    for step, draft in enumerate(drafts):
        argmax_ids = torch.tensor([[ord(letter) for letter in draft], [step] * len(draft)])
        unchanged, before = count_unchanged(unchanged, before, argmax_ids), argmax_ids
        counts.append(int(unchanged[0]))
        assert int(unchanged[1]) == 0
    assert counts == expect


def test_a_change_anywhere_starts_the_count_again() -> None:
    check_unchanged(["cat", "cat", "cat", "car", "car", "bar"], [0, 1, 2, 0, 1, 0])


def test_coming_back_to_an_older_draft_is_a_change() -> None:
    check_unchanged(["cat", "car", "cat"], [0, 0, 0])


def test_confidence_is_the_mean_over_the_counted_positions() -> None:
    entropy = torch.tensor([[0.2, 0.4, 0.0, 0.0]])
    all_counted, half_counted = torch.ones(1, 4, dtype=torch.bool), torch.tensor([[True, True, False, False]])
    assert is_confident(entropy, all_counted, 0.2).tolist() == [True]
    assert is_confident(entropy, half_counted, 0.2).tolist() == [False]
    assert is_confident(entropy, half_counted, 0.31).tolist() == [True]


def test_a_mean_at_the_threshold_is_not_below_it() -> None:
    assert is_confident(torch.tensor([[0.5, 0.5]]), torch.ones(1, 2, dtype=torch.bool), 0.5).tolist() == [False]


def test_each_row_is_judged_alone() -> None:
    entropy = torch.tensor([[0.1, 0.1], [2.0, 2.0], [2.0, 0.1]])
    counted = torch.tensor([[True, True], [True, True], [False, True]])
    assert is_confident(entropy, counted, 0.5).tolist() == [True, False, True]


def test_a_row_with_nothing_to_count_is_confident() -> None:
    assert is_confident(torch.tensor([[3.0]]), torch.tensor([[False]]), 0.5).tolist() == [True]
