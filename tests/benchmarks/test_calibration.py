"""The calibration benchmark: its mathematics on made-up fills, and the way from files to coefficients and plot."""

from __future__ import annotations

import io
import json
import math
import random
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks import calibration, calibration_fit, calibration_report, calibration_show
from benchmarks.calibration_report import Judged
from benchmarks.infill import Bench
from engine.confidence import Evidence
from engine.training.data.source import HELD_OUT_FILE, write_sources
from engine.training.held_out import SourceFile
from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint


def _evidence(causal: float, margin: float = 0.0) -> Evidence:
    return Evidence((causal,), (causal,), (causal,), (1.0,), margin)


def _made(count: int, seed: int = 1) -> tuple[list[Evidence], list[bool]]:
    """Fills whose chance of being right is the logistic of 2 + causal, whatever the margin is."""
    generator = random.Random(seed)
    evidence = [_evidence(-6 * generator.random(), generator.uniform(-1, 1)) for _ in range(count)]
    return evidence, [generator.random() < 1 / (1 + math.exp(-2 - each.causal[0])) for each in evidence]


def _judged(confidences: list[float], right: list[bool]) -> list[Judged]:
    return [
        Judged(sure, is_right, is_right, True, float(is_right))
        for sure, is_right in zip(confidences, right, strict=True)
    ]


def test_the_fit_finds_the_chances_that_the_fills_were_made_with():
    evidence, right = _made(4000)
    found = calibration_fit.fit(evidence, right, ("suffix_mean", "margin"))
    slope = found.weights[0] / found.scales[0]
    assert slope == pytest.approx(1, abs=0.1)
    assert abs(found.weights[1]) < 0.12
    for causal in (-5.0, -2.0, -0.1):
        assert found.probability(_evidence(causal)) == pytest.approx(1 / (1 + math.exp(-2 - causal)), abs=0.04)


def test_where_every_fill_has_the_same_outcome_there_is_nothing_to_fit():
    with pytest.raises(ValueError, match="more --holes"):
        calibration_fit.fit([_evidence(-1), _evidence(-2)], [False, False])


def test_a_confidence_that_keeps_its_word_scores_better_than_the_constant_and_one_that_does_not_worse():
    evidence, right = _made(2000, seed=2)
    promised = [1 / (1 + math.exp(-2 - each.causal[0])) for each in evidence]
    honest = calibration_report.quality("honest", _judged(promised, right))
    assert honest.brier_gain.low > 0
    assert honest.calibration_error.value < 0.05
    assert honest.roc_area.low > 0.7
    boastful = calibration_report.quality("boastful", _judged([0.95] * 2000, right))
    assert boastful.brier_gain.high < 0
    assert boastful.calibration_error.value == pytest.approx(0.95 - boastful.base_rate.value)
    assert boastful.roc_area.value == 0.5


def test_scores_of_a_few_fills_are_those_of_the_textbook():
    sure, right = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert calibration_report.roc_area(sure, right) == 0.75
    assert calibration_report.brier(sure, right) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert calibration_report.calibration_error(sure, right) == pytest.approx((0.1 + 0.4 + 0.65 + 0.2) / 4)


def test_bins_hold_equally_many_fills_and_grow_surer():
    found = calibration_report.bins(
        _judged([index / 100 for index in range(100)], [index > 49 for index in range(100)])
    )
    assert [each.fills for each in found] == [10] * 10
    assert [each.promised for each in found] == sorted(each.promised for each in found)
    assert [each.kept.value for each in found] == [0.0] * 5 + [1.0] * 5


def test_thresholds_say_what_remains_shown():
    fills = [Judged(index / 10, index > 4, index > 7, index % 2 == 0, index / 10) for index in range(10)]
    found = calibration_report.thresholds(fills)
    assert [round(each.share, 1) for each in found] == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    half = found[5]
    assert (half.threshold, half.fills, half.right.value, half.exact_match.value) == (0.5, 5, 1.0, 0.4)
    assert half.share_of_clean == pytest.approx(2 / 5)
    assert half.parse_clean.value == pytest.approx(2 / 5)
    assert half.edit_similarity.value == pytest.approx(0.7)


def test_no_package_is_in_both_halves_and_every_language_in_each():
    counts = {"large": 9, "middle": 4, "small": 3, "tiny": 1}
    files = [
        SourceFile(name, f"{place}.py", "", held_out=True) for name, count in counts.items() for place in range(count)
    ]
    files += [SourceFile(name, "a.go", "", held_out=True, language="go") for name in ("one", "other")]
    fitted, reported = calibration_fit.halves(reversed(files))
    assert fitted == {"middle", "small", "tiny", "one"}
    assert reported == {"large", "other"}


_PROFILE = {
    "noise": "mask",
    "mask_token_id": MASK,
    "slack_token_id": SLACK,
    "max_prefix_tokens": 32,
    "hole_widths": [4, 8],
}
_TEXT = "def f(x):\n    a = 1\n    b = 2\n\n\nlong_name = f(another_long_name, 1)\nif a:\n    b\n    c\n"


@pytest.fixture(scope="module")
def files() -> list[SourceFile]:
    return [
        SourceFile(package, f"{place}.py", _TEXT + "\n" * place, held_out=True)
        for package, count in (("one", 3), ("other", 2))
        for place in range(count)
    ]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_tiny_checkpoint(tmp_path / "checkpoint", **_PROFILE)


def test_from_fills_to_coefficients_that_the_checkpoint_then_speaks_by(
    files: list[SourceFile], checkpoint: Path, tmp_path: Path
):
    bench = Bench(str(checkpoint), 2)
    filled = calibration.fills_of(bench, files, 3, 3, Console(file=io.StringIO()))
    assert {each.group for each in filled} == {"single-line", "multi-line"}
    assert {each.confidence for each in filled} == {None}
    # A checkpoint that knows nothing is never right: here its likeliest half is.
    middle = statistics.median(sum(each.evidence.causal) for each in filled)
    right = [
        replace(each, is_exact=(sum(each.evidence.causal) > middle), similarity=0.7 * (place % 2))
        for place, each in enumerate(filled)
    ]
    found = calibration.reports(right, right, 3)
    assert [each.quality.target for each in found] == [calibration.EXACT, calibration.CLOSE]
    assert found[0].quality.roc_area.value > 0.9
    assert found[0].calibration is not None

    before = json.loads((checkpoint / "config.json").read_text())
    calibration_fit.store(found[0].calibration, checkpoint)
    after = json.loads((checkpoint / "config.json").read_text())
    assert after["infill"].pop("confidence")
    assert after == before
    spoken = calibration.fills_of(Bench(str(checkpoint), 2), files, 3, 3, Console(file=io.StringIO()))
    assert [each.confidence for each in spoken] == [found[0].calibration.probability(each.evidence) for each in filled]

    for name in ("one.svg", "other.svg"):
        calibration_show.plot([each.quality for each in found], tmp_path / name)
    drawn = (tmp_path / "one.svg").read_text()
    assert all(f"<!-- {target} -->" in drawn for target in (calibration.EXACT, calibration.CLOSE))
    assert drawn == (tmp_path / "other.svg").read_text()


def test_the_command_reports_what_the_checkpoint_says_of_packages_that_no_fit_saw(
    files: list[SourceFile], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_sources(files, tmp_path / HELD_OUT_FILE)
    silent = save_tiny_checkpoint(tmp_path / "silent", **_PROFILE)
    common = ["--work", str(tmp_path), "--holes", "2", "--model"]
    assert calibration.main([*common, str(silent)]) == 1
    assert "no confidence yet; fit it with --fit" in capsys.readouterr().err
    declared = {"names": ["causal_mean"], "means": [0], "scales": [1], "weights": [1], "bias": 0}
    sure = save_tiny_checkpoint(tmp_path / "sure", **_PROFILE, confidence=declared)
    assert calibration.main([*common, str(sure)]) == 0
    shown = capsys.readouterr()
    assert "reported on other" in shown.err
    for wanted in ("target exact match", "Brier", "area under ROC", "threshold", "of the clean %"):
        assert wanted in shown.out
    assert "…" not in shown.out
