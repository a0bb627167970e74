"""Confidence: features of a candidate, what a checkpoint declares, and the engine that says what it declares."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.api import CheckpointError, FillRequest, FillResult, FurtherHole, finish
from engine.candidates import score_of
from engine.confidence import FEATURES, Calibration, Evidence, calibration, features
from engine.local import LocalFiller, load
from engine.profile import read
from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint

_EVIDENCE = Evidence(
    causal=(-1.0, -3.0),
    suffix=(-0.5, -1.5),
    denoised=(-0.25, -0.75),
    entropy=(0.5, 1.5),
    margin=0.5,
)
_PROFILE = {
    "noise": "mask",
    "mask_token_id": MASK,
    "slack_token_id": SLACK,
    "max_prefix_tokens": 32,
    "hole_widths": [4, 8],
}
_DECLARED = {
    "names": ["causal_mean", "margin"],
    "means": [-1.0, 0.0],
    "scales": [1, 0.5],
    "weights": [1, 2],
    "bias": -1,
}
_REQUEST = FillRequest("a = f(", ")\nb = 2\n", max_hole_tokens=8, num_candidates=2)


def test_features_say_what_their_names_say():
    found = dict(zip(FEATURES, features(_EVIDENCE, FEATURES), strict=True))
    assert found["causal_sum"] == -math.log1p(4)
    assert found["causal_min"] == -math.log1p(3)
    assert found["causal_mean"] == -math.log1p(2)
    assert found["suffix_mean"] == -1
    assert found["denoised_sum"] == -math.log1p(1)
    assert found["entropy_mean"] == 1
    assert (found["margin"], found["log_tokens"]) == (0.5, math.log(2))
    assert features(_EVIDENCE, ("margin", "suffix_mean")) == (0.5, -1)


def test_features_are_finite_whatever_happened():
    impossible = (-math.inf, -math.inf)
    for margin in (None, math.inf, -math.inf, math.nan):
        worst = Evidence(impossible, (), impossible, (0.0, 0.0), margin)
        assert all(value is not None and math.isfinite(value) for value in features(worst, FEATURES))


def test_a_probability_is_the_logistic_of_the_standardised_features():
    found = calibration(_DECLARED).probability(_EVIDENCE)
    assert found == pytest.approx(1 / (1 + math.exp(-(-1 + 1 * (-math.log(3) + 1) + 2 * 0.5 / 0.5))))
    surer = replace(_EVIDENCE, causal=(-1.0, -1.0))
    assert calibration(_DECLARED).probability(surer) > found
    for bias in (-2000.0, 2000.0):
        assert 0 <= Calibration((), (), (), (), bias).probability(_EVIDENCE) <= 1


def test_what_there_is_no_evidence_of_counts_as_the_mean():
    both = Calibration(("denoised_sum", "entropy_mean"), (-3.0, 0.5), (1.0, 1.0), (1.5, 2.0), -3.0)
    warm = replace(_EVIDENCE, denoised=None, entropy=None)
    assert features(warm, both.names) == (None, None)
    assert both.probability(warm) == Calibration((), (), (), (), -3.0).probability(warm)
    assert both.probability(warm) != both.probability(_EVIDENCE)


def test_what_is_declared_is_what_was_fitted():
    fitted = Calibration(("margin",), (0.25,), (2.0,), (1.5,), -3.0)
    assert calibration(json.loads(json.dumps(fitted.declaration()))) == fitted


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"names": ["causal_mean", "mood"]}, "mood"),
        ({"means": [0.0]}, "differ in number"),
        ({"scales": [1.0, 0.0]}, "not above 0"),
        ({"weights": [1.0, math.nan]}, "not finite"),
        ({"weights": None}, "NoneType"),
        ({"bias": "much"}, "much"),
    ],
)
def test_a_confidence_that_makes_no_sense_is_a_checkpoint_error_in_one_line(wrong: dict[str, Any], word: str):
    with pytest.raises(CheckpointError, match=word) as error:
        read({**_PROFILE, "confidence": {**_DECLARED, **wrong}}, 12)
    assert "\n" not in str(error.value)


def test_a_confidence_that_lacks_a_part_is_a_checkpoint_error():
    with pytest.raises(CheckpointError, match="scales"):
        read({**_PROFILE, "confidence": {key: _DECLARED[key] for key in ("names", "means", "weights", "bias")}}, 12)


def _loaded(folder: Path, **declared: Any) -> LocalFiller:
    return load(str(save_tiny_checkpoint(folder, **_PROFILE, **declared)), device="cpu")


def _filled(filler: LocalFiller, request: FillRequest = _REQUEST) -> FillResult:
    result = finish(filler.fill(request))
    assert result.candidates
    return result


def test_a_checkpoint_that_declares_none_gives_none(tmp_path: Path):
    assert {candidate.confidence for candidate in _filled(_loaded(tmp_path)).candidates} == {None}


def test_the_engine_gives_the_probability_of_its_own_evidence(tmp_path: Path):
    filler, heard = _loaded(tmp_path, confidence=_DECLARED), list[Evidence]()
    declared = filler.judge

    def listening(evidence: Evidence) -> float | None:
        heard.append(evidence)
        return declared(evidence)

    filler.judge = listening
    candidates = _filled(filler).candidates
    assert [candidate.confidence for candidate in candidates] == [
        calibration(_DECLARED).probability(evidence) for evidence in heard[: len(candidates)]
    ]
    assert len(candidates) == 2
    for candidate, evidence in zip(candidates, heard[: len(candidates)], strict=True):
        counts = map(len, (evidence.causal, evidence.denoised, evidence.entropy))
        assert set(counts) == {candidate.num_tokens}
        assert candidate.score == pytest.approx(score_of(evidence.causal, evidence.suffix))
        assert max(evidence.denoised) <= 0 <= min(evidence.entropy)
    first, second, *_ = heard
    assert first.margin == candidates[0].score - candidates[1].score
    assert second.margin == -first.margin


def test_in_a_language_that_it_never_learnt_a_checkpoint_is_sure_of_nothing(tmp_path: Path):
    filler = _loaded(tmp_path, confidence=_DECLARED, languages=["python"])
    for language, is_sure in (("python", True), ("", True), ("rust", False)):
        candidates = _filled(filler, replace(_REQUEST, language=language)).candidates
        assert all((candidate.confidence > 0) == is_sure for candidate in candidates), language


def test_a_fill_that_begins_warm_is_judged_too(tmp_path: Path):
    filler = _loaded(tmp_path, confidence=_DECLARED)
    typed = _filled(filler).candidates[0].text[:1]
    (first, *_) = _filled(filler, replace(_REQUEST, prefix=_REQUEST.prefix + typed, warm_start=True)).candidates
    assert first.confidence is not None


def test_of_several_holes_nothing_was_measured_and_nothing_is_said(tmp_path: Path):
    request = replace(_REQUEST, suffix=")\n", max_hole_tokens=4, further_holes=(FurtherHole(", b", max_hole_tokens=4),))
    result = finish(_loaded(tmp_path, confidence=_DECLARED).fill(request))
    assert {candidate.confidence for candidate in result.candidates} <= {None}
