"""The benchmark of the server: a short round of it, and what its rounds come to."""

from __future__ import annotations

import sys
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import server
from benchmarks.server_times import REQUEST_BAR_MS, Times, percentile, row

_TEXT = "def f(first, second, third):\n    call(first)\n    return g(second)\n\n\n" * 40
_NUM_KEYS = len("\n    value = compute(first, second[0])")
_NUM_TYPED_THROUGH = len("first.second(third")
_COSTS = st.lists(st.floats(0.1, 50.0), min_size=4, max_size=4)


def times(costs: list[float]) -> Times:
    return Times(costs, costs, costs, costs, len(costs))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="computing times are read from /proc")
def test_every_kind_of_request_is_measured() -> None:
    rows = {
        str(row["kind"]): row
        for row in server.measured(_TEXT, "python", num_rounds=1, idle_s=0.0, settle_s=0.0, num_begun=1)
    }
    assert [*rows] == [*server.KINDS, "memory", "idle"]
    assert [rows[kind]["requests"] for kind in server.KINDS] == [3 * (_NUM_KEYS + 1), 3 * _NUM_TYPED_THROUGH, 3, 3]
    assert rows["typed through"]["served"] == rows["typed through"]["requests"]
    assert rows["invoked"]["served"] == 3
    for kind in server.KINDS:
        assert all(isinstance(value, float) for name, value in rows[kind].items() if name.endswith("_ms"))
    assert rows["memory"]["peak_mb"]


@given(rounds=st.lists(_COSTS, min_size=1, max_size=5))
def test_percentiles_are_over_all_requests_of_all_rounds(rounds: list[list[float]]) -> None:
    told = row("typed", [times(costs) for costs in rounds])
    worst = max(map(max, rounds))
    assert told["requests"] == 4 * len(rounds)
    assert told["cpu_p99_ms"] == told["request_wall_p99_ms"] == round(worst, 2)
    assert told["within_bar"] == (worst <= REQUEST_BAR_MS)
    assert told["keystroke_cpu_p99_ms"] == round(max(map(median, zip(*rounds, strict=True))), 2)


def test_rounds_of_different_requests_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        row("typed", [times([1.0]), times([1.0, 2.0])])


@given(values=st.lists(st.floats(0, 100), min_size=1, max_size=300), percent=st.integers(0, 100))
def test_no_more_values_lie_below_a_percentile_than_it_says(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value < found for value in values) * 100 <= percent * len(values)
