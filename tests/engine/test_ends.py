"""Where a row that was written on and on ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.ends import likeliest_ends, possible_ends

_BREAK, _CLOSE, _NAME, _OTHER = 0, 1, 2, 3


@pytest.mark.parametrize(
    ("ids", "whole_lines", "ends"),
    [
        ([_NAME, _OTHER, _NAME], False, [1, 2, 3]),
        ([_NAME, _BREAK, _NAME, _BREAK], True, [1, 3, 4]),
        ([_NAME, _OTHER], True, [2]),
        ([], False, []),
    ],
)
def test_a_line_ends_anywhere_and_several_lines_end_with_a_line(ids: list[int], whole_lines: bool, ends: list[int]):
    assert possible_ends(ids, {_BREAK}, whole_lines) == ends


def _expecting(rows: list[dict[int, float]]) -> torch.Tensor:
    """Return log-probabilities [W + 1, 4]: after each token, what is expected and how surely."""
    probs = torch.full((len(rows), 4), 0.01)
    for place, row in enumerate(rows):
        for token, probability in row.items():
            probs[place, token] = probability
    return (probs / probs.sum(-1, keepdim=True)).log()


def test_the_end_is_where_the_suffix_is_expected():
    ids = torch.tensor([_NAME, _OTHER, _NAME])
    log_probs = _expecting([{_NAME: 0.9}, {_OTHER: 0.9}, {_CLOSE: 0.9}, {_OTHER: 0.9}])
    assert likeliest_ends(log_probs, ids, _CLOSE, [1, 2, 3], 2)[0] == 2


def test_without_a_suffix_the_row_is_likeliest_where_it_stops_being_so():
    ids = torch.tensor([_NAME, _OTHER, _NAME])
    log_probs = _expecting([{_NAME: 0.9}, {_OTHER: 0.9}, {_CLOSE: 0.9}, {_CLOSE: 0.9}])
    assert likeliest_ends(log_probs, ids, None, [1, 2, 3], 3)[-1] == 3


@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 2**16), st.booleans())
def test_the_ends_are_some_of_the_possible_ones_each_once(width: int, count: int, seed: int, multiline: bool):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 4, (width,), generator=generator)
    log_probs = torch.randn(width + 1, 4, generator=generator).log_softmax(-1)
    ends = possible_ends(ids.tolist(), {_BREAK}, multiline)
    best = likeliest_ends(log_probs, ids, _CLOSE, ends, count)
    assert len(best) == min(count, len(ends)) == len(set(best))
    assert set(best) <= set(ends)
