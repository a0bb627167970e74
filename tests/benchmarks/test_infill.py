"""The infill benchmark from files to table and plot, on a tiny random checkpoint; its scores and their intervals."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import infill, infill_holes, infill_report, infill_show
from benchmarks.infill_report import BASE, BASE_TOLD, OURS, OURS_TOLD, Outcome
from engine.training import scores
from engine.training.held_out import SourceFile
from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint


def _outcome(method: str, hole: int, fill: str, gold: str = "gold", *, max_steps: int = 16) -> Outcome:
    return Outcome(
        "python", "single-line", hole, method, max_steps, fill, gold, len(fill), len(gold), bool(fill), 2, 10.0
    )


@pytest.mark.parametrize(("hits", "count", "low", "high"), [(10, 100, 0.0552, 0.1744), (0, 20, 0.0, 0.1611)])
def test_shares_have_wilsons_interval(hits: int, count: int, low: float, high: float):
    found = scores.share([True] * hits + [False] * (count - hits))
    assert (found.value, round(found.low, 4), round(found.high, 4)) == (hits / count, low, high)


def test_means_have_an_interval_as_wide_as_the_normal_one():
    values = [math.sin(index) for index in range(200)]
    found = scores.mean(values, seed=1)
    spread = (sum((value - found.value) ** 2 for value in values) / 200) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * spread / 200**0.5, rel=0.1)
    assert found.low < found.value < found.high
    assert scores.mean(values, seed=1) == found


def test_the_rank_correlation_knows_order_alone():
    assert scores.rank_correlation([(1, 1), (2, 10), (3, 1000)]) == pytest.approx(1)
    assert scores.rank_correlation([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert scores.rank_correlation([(1, 3), (1, 2), (1, 1)]) == 0


def test_an_unanswered_hole_counts_against_every_share():
    row = infill_report.rows([_outcome(OURS, 0, "gold"), _outcome(OURS, 1, ""), _outcome(OURS, 2, "bold")])[0]
    assert row.holes == 3
    assert row.answered.value == row.parse_clean.value == row.length_exact.value == pytest.approx(2 / 3)
    assert row.exact_match.value == pytest.approx(1 / 3)
    assert row.edit_similarity.value == pytest.approx((1 + 0 + 0.75) / 3)
    assert row.mean_tokens == pytest.approx(8 / 3)


def test_differences_pair_the_same_holes_at_full_steps():
    outcomes = [
        _outcome(OURS, 0, "gold"),
        _outcome(OURS, 1, "gold"),
        _outcome(OURS, 0, "", max_steps=1),
        _outcome(BASE, 1, "gold", max_steps=32),
        _outcome(BASE, 0, "", max_steps=32),
        _outcome(BASE, 7, "", max_steps=32),
    ]
    (found,) = infill_report.differences(outcomes, 16)
    assert found.holes == 2
    assert found.exact_match.value == found.edit_similarity.value == 0.5


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    folder = save_tiny_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        noise="mask",
        mask_token_id=MASK,
        slack_token_id=SLACK,
        max_prefix_tokens=32,
        hole_widths=[4, 8],
    )
    text = "def f(x):\n    a = 1\n    b = 2\n\n\nlong_name = f(another_long_name, 1)\nif a:\n    b\n    c\n"
    files = [SourceFile("made", f"{index}.py", text + "\n" * index, held_out=True) for index in range(2)]
    plan = infill.Plan(("python",), holes=3, steps=(1, 16))
    return infill.measure(infill.Bench(str(folder), 1), files, plan, Console(file=io.StringIO()))


def test_every_hole_is_filled_by_every_method(outcomes: list[Outcome]):
    for group in ("single-line", "multi-line", "random span"):
        part = [each for each in outcomes if each.group == group]
        assert {(each.method, each.max_steps) for each in part if each.method in (OURS, OURS_TOLD)} == {
            (method, steps) for method in (OURS, OURS_TOLD) for steps in (1, 16)
        }
        for method in (BASE, BASE_TOLD):
            assert {each.hole for each in part if each.method == method} == {each.hole for each in part}
    ours = [each for each in outcomes if each.method == OURS]
    assert max(each.passes for each in ours if each.max_steps == 1) < max(each.passes for each in ours)


def test_a_told_fill_is_no_longer_than_told_and_one_without_room_is_no_answer(outcomes: list[Outcome]):
    told = [each for each in outcomes if each.method == OURS_TOLD and each.fill]
    assert told
    assert all(len(each.fill) <= each.true_tokens for each in told)
    without_room = [each for each in outcomes if each.method == OURS_TOLD and each.true_tokens >= 12]
    assert without_room
    assert not any(each.fill for each in without_room)


def test_the_table_shows_rows_and_differences(outcomes: list[Outcome]):
    console = Console(file=io.StringIO(), width=infill_show.WIDTH)
    console.print(infill_show.table(infill_report.rows(outcomes), infill_report.differences(outcomes, 16)))
    shown = console.file.getvalue()
    for wanted in (OURS, OURS_TOLD, BASE, BASE_TOLD, "ours − left to right", "random span"):
        assert wanted in shown
    assert "…" not in shown


def test_the_plot_has_a_panel_for_each_group_and_comes_out_the_same(outcomes: list[Outcome], tmp_path: Path):
    rows = infill_report.rows(outcomes)
    for name in ("one.svg", "other.svg"):
        infill_show.plot(rows, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert all(f"<!-- {group} -->" in drawn for group in ("single-line", "multi-line", "random span"))
    assert drawn == (tmp_path / "other.svg").read_text()


def test_an_unknown_language_is_named_with_those_that_are_known():
    with pytest.raises(ValueError, match="'klingon'; choose among python"):
        infill.chosen_languages("go,klingon")
    assert infill.chosen_languages("go,python") == ("go", "python")
    assert infill.chosen_languages(None) == infill_holes.known_languages()
