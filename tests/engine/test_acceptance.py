"""Which positions a step keeps: the lowest entropies within the bound, and what the schedule asks for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.acceptance import accept
from engine.schedule import quota

INF = float("inf")


def check_accept(
    entropy: list[float],
    expect: str,
    *,
    candidates: str | None = None,
    entropy_bound: float = 1.0,
    at_least: int | None = None,
) -> None:
    """Assert which of a row's positions are accepted; `x` marks a position in `expect` and `candidates`."""
    allowed = torch.tensor([[mark == "x" for mark in candidates or "x" * len(entropy)]])
    floor = None if at_least is None else torch.tensor([at_least])
    accepted = accept(torch.tensor([entropy]), allowed, entropy_bound, floor)
    assert "".join("x" if kept else "." for kept in accepted[0].tolist()) == expect
    assert not (accepted & ~allowed).any()
    # A row's neighbours in the batch change nothing.
    beside = torch.tensor([entropy, [0.0] * len(entropy)])
    floors = None if floor is None else floor.repeat(2)
    assert torch.equal(accept(beside, allowed.repeat(2, 1), entropy_bound, floors)[0], accepted[0])


def test_the_surest_positions_are_taken_until_those_before_exceed_the_bound() -> None:
    check_accept([0.5, 0.1, 3.0, 0.6], "xx.x")
    check_accept([0.5, 0.1, 3.0, 0.3], "xxxx")
    check_accept([0.5, 0.1, 3.0, 0.6], ".x..", entropy_bound=0.05)
    check_accept([0.5, 0.1, 3.0, 0.6], "xxxx", entropy_bound=INF)


def test_one_position_is_taken_however_unsure_all_are() -> None:
    check_accept([9.0, 8.0, 9.0], ".x.", entropy_bound=0.1)


def test_the_first_of_equals_is_taken() -> None:
    check_accept([2.0, 2.0, 2.0], "x..")


def test_positions_that_are_no_candidates_are_neither_taken_nor_counted() -> None:
    check_accept([0.0, 0.9, 0.9, 0.9], ".xx.", candidates=".xxx")
    check_accept([0.9, 0.9, 0.9, 0.9], ".xx.", candidates=".xxx")
    check_accept([0.1, 0.1], "..", candidates="..")


def test_a_floor_is_reached_beyond_the_bound_but_not_beyond_the_candidates() -> None:
    check_accept([5.0, 7.0, 6.0], "x.x", at_least=2)
    check_accept([5.0, 7.0, 6.0], "xxx", at_least=3)
    check_accept([5.0, 7.0, 6.0], ".xx", candidates=".xx", at_least=3)
    check_accept([0.1, 0.2, 6.0], "xxx", at_least=1)
    check_accept([5.0, 7.0, 6.0], "x..", at_least=0)


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_acceptance_follows_the_order_of_entropies(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 12))
    entropy = torch.tensor([data.draw(st.lists(st.floats(0, 6, width=32), min_size=length, max_size=length))])
    candidates = torch.tensor([data.draw(st.lists(st.booleans(), min_size=length, max_size=length))])
    bound, floor = data.draw(st.floats(0, 5)), data.draw(st.integers(0, length))
    accepted = accept(entropy, candidates, bound, torch.tensor([floor]))
    left = candidates & ~accepted
    assert int(accepted.sum()) >= min(max(floor, 1), int(candidates.sum()))
    if accepted.any() and left.any():
        assert entropy[accepted].max() <= entropy[left].min()
    if int(accepted.sum()) > max(floor, 1):
        assert float(entropy[accepted].sum() - entropy[accepted].max()) <= bound + 1e-4


@pytest.mark.parametrize("num_open", range(0, 30))
@pytest.mark.parametrize("max_denoising_steps", [1, 2, 7, 16])
def test_the_quota_spreads_the_work_and_leaves_nothing(num_open: int, max_denoising_steps: int) -> None:
    left, taken = num_open, []
    for step in range(1, max_denoising_steps + 1):
        taken.append(int(quota(torch.tensor([left]), step, max_denoising_steps)))
        left -= taken[-1]
    assert left == 0
    assert max(taken) - min(taken) <= 1
