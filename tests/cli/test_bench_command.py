"""`infill-lsp bench` as a user runs it: on a tiny random checkpoint, and with what cannot be measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run_cli import Ran, check_mistake, run_cli
from tests.engine.tiny import save_untrained_checkpoint

_FIGURES = (
    "speedup_vs_generate",
    "speedup_vs_left_to_right",
    "passes_single_line",
    "passes_multi_line",
    "length_unknown_over_known",
    "gate_rejections_saved",
    "typed_through_ratio",
    "diverging_ratio",
    "four_candidates_ratio",
    "two_holes_ratio",
    "fill_ms_p50",
    "fill_ms_p95",
    "ms_per_pass",
    "prefill_ms",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained checkpoint with words for tokens, so that holes of real code fit its canvas."""
    code = (Path(__file__).parents[2] / "engine").glob("*.py")
    texts = [path.read_text() for path in code]
    return save_untrained_checkpoint(tmp_path_factory.mktemp("untrained"), texts, 1024)


@pytest.fixture(scope="module")
def ran(checkpoint: Path) -> Ran:
    return run_cli("bench", "--quick", "--holes", "1", "--json", "--threads", "1", "--model", checkpoint)


def test_json_is_one_object_with_every_figure_and_how_sure_it_is(ran: Ran):
    status, stdout = ran.status, ran.stdout
    assert status == 0, ran.stderr
    assert stdout.count("\n") == 1
    found = json.loads(stdout)
    assert {*_FIGURES, "machine", "versions", "commit", "model", "threads", "holes", "counts"} <= set(found)
    for name in _FIGURES:
        assert (found[name] is None) == (name in found["missing"]), name
        if found[name] is not None:
            low, high = found["intervals"][name]
            assert low <= found[name] <= high
            assert found["counts"][name] >= 1
    assert found["threads"] == 1
    assert (found["precision"], found["plan"]) == ("auto", None)
    assert found["holes"] == {"single_line": 1, "multi_line": 1}
    assert found["drawn_from"].keys() <= {"networkx", "click", "attrs", "anyio", "h11"}


def test_what_needs_no_luck_is_measured_on_any_checkpoint(ran: Ran):
    assert not {
        "speedup_vs_generate",
        "passes_single_line",
        "passes_multi_line",
        "diverging_ratio",
        "four_candidates_ratio",
        "two_holes_ratio",
        "fill_ms_p50",
        "ms_per_pass",
        "prefill_ms",
    } & set(json.loads(ran.stdout)["missing"])


def test_a_scripted_engine_is_not_measured():
    check_mistake("bench", "--model", "fake:x", says="--model bundled can")


@pytest.mark.parametrize("name", ["plot.jpeg", "plot", "absent/plot.svg"])
def test_a_plot_that_cannot_be_written_is_said_at_once(name: str, tmp_path: Path):
    check_mistake("bench", "--plot", tmp_path / name, says="plot")


def test_a_broken_checkpoint_is_one_line(tmp_path: Path):
    ran = run_cli("bench", "--model", tmp_path)
    assert (ran.status, ran.stdout) == (3, "")
    assert "no config.json there" in ran.stderr
