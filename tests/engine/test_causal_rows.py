"""Writing left to right, on a model that is a table: what the next token is depends on the one before it alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.causal_rows import CausalRow, Rules, perturbed, write
from engine.constraints import constraints

_NUM_IDS = 12
_END, _BREAK = 10, 11


class Table:
    """A model whose logits are rows of a random table, which checks that rows branch as it is told."""

    def __init__(self, seed: int, scale: float = 2.0) -> None:
        self.logits = torch.randn(_NUM_IDS, _NUM_IDS, generator=torch.Generator().manual_seed(seed)) * scale
        self.rows: list[list[int]] = [[]]

    @property
    def first(self) -> Tensor:
        return self.logits[:1]

    def __call__(self, parents: Sequence[int], ids: Sequence[int]) -> Tensor:
        self.rows = [[*self.rows[parent], token_id] for parent, token_id in zip(parents, ids, strict=True)]
        return self.logits[list(ids)]


def rules(**given: object) -> Rules:
    limits = constraints(_NUM_IDS, torch.device("cpu"), never=given.pop("never", ()))  # type: ignore[arg-type]
    settings: dict[str, object] = {
        "limits": limits,
        "closing_ids": frozenset({_END}),
        "follow_ids": (_END,),
        "max_tokens": 8,
    }
    return Rules(**{**settings, **given})  # type: ignore[arg-type]


def run(table: Table, asked: Rules, num_drawn: int = 0, seed: int = 0) -> list[list[CausalRow]]:
    return list(write(table.first, table, asked, num_drawn, torch.Generator().manual_seed(seed)))


def check_row(table: Table, row: CausalRow, asked: Rules) -> None:
    """Assert that a row says of itself what the table says of it."""
    log_probs = table.logits.log_softmax(-1)
    before = [0, *row.ids]
    for place, token_id in enumerate(row.ids):
        assert row.log_probs[place] == pytest.approx(float(log_probs[before[place], token_id]), abs=1e-5)
    for place, follow in enumerate(row.follows):
        assert follow == pytest.approx(float(log_probs[before[place], list(asked.follow_ids)].logsumexp(-1)), abs=1e-5)
    is_closed = row.closing_id is not None
    assert len(row.follows) == len(row.ids) + is_closed
    if is_closed:
        assert row.closing_log_prob == pytest.approx(float(log_probs[before[-1], row.closing_id]), abs=1e-5)
    assert not asked.closing_ids & set(row.ids)
    assert len(row.ids) <= asked.max_tokens


@pytest.mark.parametrize("seed", range(20))
def test_the_first_row_is_greedy_whatever_is_drawn_beside_it(seed: int):
    table = Table(seed)
    alone = run(table, rules())
    beside = run(Table(seed), rules(), num_drawn=5, seed=seed)
    assert [rows[0] for rows in alone] == [rows[0] for rows in beside][: len(alone)]
    expected: list[int] = []
    while len(expected) < 8:
        expected.append(int(table.logits[expected[-1] if expected else 0].argmax()))
        if expected[-1] == _END:
            break
    row = alone[-1][0]
    assert [*row.ids, *([row.closing_id] if row.closing_id is not None else [])] == expected


@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(0.1, 8))
def test_rows_are_true_distinct_and_end_by_the_rules(seed: int, num_drawn: int, scale: float):
    table = Table(seed, scale)
    asked = rules(closing_ids=frozenset({_END, _BREAK}), max_tokens=5, never=(3,))
    steps = run(table, asked, num_drawn, seed)
    for number, rows in enumerate(steps, 1):
        for row in rows:
            check_row(table, row, asked)
            assert 3 not in row.ids
            assert len(row.ids) + (row.closing_id is not None) <= number
        drawn = [(row.ids, row.closing_id) for row in rows[1:]]
        assert len(set(drawn)) == len(drawn) <= num_drawn
    last = steps[-1]
    assert all(row.is_over for row in last)
    assert all(row.closing_id is not None or len(row.ids) == 5 for row in last)


def test_the_model_is_told_which_rows_go_on_from_which():
    for seed in range(20):
        table = Table(seed)
        for rows in write(table.first, table, rules(), 4, torch.Generator().manual_seed(seed)):
            told = [tuple(row) for row in table.rows]
            alive = [row.ids[:-1] for row in rows if not row.is_over]
            assert set(alive) <= set(told)


def test_seeds_repeat_and_differ():
    def drawn(seed: int) -> list[tuple[int, ...]]:
        return [row.ids for row in run(Table(1), rules(), 4, seed)[-1]]

    assert drawn(3) == drawn(3)
    assert len({tuple(drawn(seed)) for seed in range(8)}) > 1


def test_likely_rows_are_drawn_often_and_unlikely_ones_seldom():
    table = Table(2, scale=3.0)
    tempered = (table.logits[0] / 0.6).softmax(-1)
    counts = torch.zeros(_NUM_IDS)
    for seed in range(600):
        row = run(table, rules(max_tokens=1, closing_ids=frozenset()), 1, seed)[-1][1]
        counts[row.ids[0]] += 1
    assert torch.allclose(counts / 600, tempered, atol=0.07)


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 6))
def test_the_best_way_to_go_on_has_its_rows_rank(seed: int, num_rows: int, num_ways: int):
    generator = torch.Generator().manual_seed(seed)
    totals = torch.randn(num_rows, num_ways, generator=generator) * 5
    totals[:, 1:][torch.rand(num_rows, num_ways - 1, generator=generator) < 0.3] = -math.inf
    ranks = torch.randn(num_rows, generator=generator) * 5
    found = perturbed(totals, ranks, generator)
    assert torch.allclose(found.max(-1).values, ranks)
    assert bool((found[totals == -math.inf] == -math.inf).all())
    assert not bool(found.isnan().any())


def test_a_row_that_says_what_follows_is_over():
    table = Table(0)
    table.logits.zero_()
    for before, after in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]:
        table.logits[before, after] = 9.0
    row = run(table, rules(tail_ids=(3, 4)))[-1][0]
    assert row.ids == (1, 2, 3, 4)
    assert row.is_over
    assert row.closing_id is None
