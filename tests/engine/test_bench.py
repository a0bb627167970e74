"""What the bench computes: figures and bars from known numbers, holes of real code, left to right by a reference."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import CheckpointError, FillRequest, finish
from engine.bench import figures, holes, plot, quality
from engine.bench.left_to_right import decode, next_logits
from engine.bench.quality import DEFAULT, MANY, TOLD, WITHOUT_CRITIC, Filled
from engine.bench.subject import load_subject
from engine.local import load
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.quantize.precision import Precision
from engine.models.quantize.weight import QuantWeight
from infill_lsp.cli.bench_editor import PythonEditor
from tests.engine.tiny import save_tiny_checkpoint, tiny_model
from tests.engine.tiny_causal import save_tiny_causal
from tests.engine.tiny_prompted import save_prompted_checkpoint

_SHARES = st.integers(0, 8).map(lambda eighths: eighths / 8)


def filled(text: str, passes: int = 4, rejection: str | None = None, group: holes.Group = "single_line") -> Filled:
    return Filled(group, "gold", text, rejection, passes, prefill_ms=10.0, total_ms=10.0 + 5 * passes)


@pytest.mark.parametrize(
    ("name", "values", "held"),
    [
        ("speedup_vs_generate", [8.0, 8.0], True),
        ("speedup_vs_generate", [7.9, 7.9], False),
        ("passes_single_line", [5.0, 5.0], True),
        ("passes_single_line", [5.1, 5.1], False),
        ("edit_similarity_change", [-0.1, 0.05, -0.02, 0.0], True),
        ("edit_similarity_change", [-0.1, -0.05, -0.02, -0.1], False),
        ("fill_ms_p50", [1.0], None),
    ],
)
def test_a_bar_is_held_or_missed(name: str, values: list[float], held: bool | None):
    assert figures.mean(name, values).is_held is held


def test_a_figure_without_holes_has_no_value_and_says_why():
    found = figures.as_json([figures.median("diverging_ratio", [], "nobody typed")])
    assert found["diverging_ratio"] is None
    assert found["missing"] == {"diverging_ratio": "nobody typed"}
    assert found["bars"]["diverging_ratio"]["held"] is None


@given(st.lists(st.tuples(_SHARES, _SHARES), min_size=1, max_size=20))
def test_a_ratio_lies_in_its_interval(pairs: list[tuple[float, float]]):
    found = figures.ratio("length_unknown_over_known", pairs, "nothing to divide by")
    total = sum(other for _, other in pairs)
    assert (found.estimate is None) == (total == 0)
    if found.estimate:
        assert found.estimate.value == pytest.approx(sum(one for one, _ in pairs) / total)
        assert found.estimate.low <= found.estimate.high


def test_what_is_saved_is_the_share_that_is_gone():
    pairs = [(False, True)] * 2 + [(True, True)] * 4 + [(False, False)] * 10
    found = figures.saved("gate_rejections_saved", pairs, "nothing rejected")
    assert found.estimate
    assert found.estimate.value == pytest.approx(1 / 3)
    assert found.estimate.low < 1 / 3 < found.estimate.high
    assert figures.saved("gate_rejections_saved", [(False, False)], "nothing rejected").missing == "nothing rejected"


def test_fills_are_compared_hole_by_hole():
    reject = "the fill adds a parse error"
    fills = {
        DEFAULT: [filled("gold"), filled("", 2, "none"), filled("gone", 9, group="multi_line")],
        TOLD: [filled("gold"), filled("gold"), filled("gold", group="multi_line")],
        MANY: [filled("gold", 6), filled("gold", 9), filled("gone", 30, group="multi_line")],
        WITHOUT_CRITIC: [filled("gold"), filled("", 2, "none"), filled("g(", 9, reject, "multi_line")],
    }
    found = figures.as_json(quality.compared(fills))
    assert found["passes_single_line"] == 3
    assert found["passes_multi_line"] == 9
    assert found["edit_similarity_change"] == found["exact_match_change"] == pytest.approx(-1 / 3, abs=1e-4)
    assert found["length_unknown_over_known"] == 0.5
    assert found["gate_rejections_saved"] == 0.5
    assert found["exact_match_single_line"] == 0.5
    assert found["ms_per_pass"] == 5
    assert found["fill_ms_p50"] == 25
    assert quality.rejections(fills) == {DEFAULT: {"none": 1}, WITHOUT_CRITIC: {"none": 1, reject: 1}}


def test_score_is_drawn_against_passes_fewest_first(tmp_path: Path):
    asked = quality.ways(load(str(save_tiny_checkpoint(tmp_path))), plotted=True)
    fills = {name: [filled("gold", 7), filled("g", 9)] for name in asked}
    fills[MANY] = [filled("gold", 30), filled("gold", 40)]
    points = quality.by_passes(fills, "single_line")
    assert [passes for passes, _ in points] == [8] * (len(quality.PLOTTED_PASSES) - 1) + [35]
    assert [estimate.value for _, estimate in points[-2:]] == [0.7, 1]
    plot.draw([plot.Line("single-line", "fill", "o-", points)], tmp_path / "score.svg")
    assert "<!-- single-line -->" in (tmp_path / "score.svg").read_text()


def test_every_way_asks_for_what_its_name_says(tmp_path: Path):
    filler = load(str(save_tiny_checkpoint(tmp_path)))
    request = FillRequest("f(", ")")
    asked = {name: way(request, "abc") for name, way in quality.ways(filler, plotted=True).items()}
    assert asked[DEFAULT] == request
    assert asked[TOLD] == replace(request, exact_hole_tokens=3)
    assert asked[MANY] == replace(request, max_denoising_steps=48)
    assert asked[WITHOUT_CRITIC] == replace(request, max_syntax_rounds=0)
    limits = {each.max_denoising_steps for each in asked.values()}
    assert limits == {None, *quality.PLOTTED_PASSES}


@pytest.mark.parametrize("group", holes.GROUPS)
def test_holes_are_what_an_editor_asks_for_in_held_out_code(group: holes.Group):
    ask = PythonEditor().request
    drawn = holes.draw(ask, lambda _: True, group, 12, seed=3)
    assert drawn == holes.draw(ask, lambda _: True, group, 12, seed=3)
    assert len({case.package for case in drawn}) >= 3
    for case in drawn:
        assert case.request.multiline == ("\n" in case.gold) == (group == "multi_line")
        assert case.request.suffix.startswith(case.text[case.offset :][:20])
        whole = case.text[: case.offset] + case.gold + case.text[case.offset :]
        compile(whole, case.package, "exec", dont_inherit=True)


def test_only_holes_that_fit_are_drawn():
    ask = PythonEditor().request
    drawn = holes.draw(ask, lambda case: len(case.gold) <= 12, "single_line", 5, seed=3)
    assert len(drawn) == 5
    assert all(len(case.gold) <= 12 for case in drawn)


def test_a_pair_of_holes_has_fixed_code_between_them():
    for pair in holes.draw_pairs(PythonEditor().request, 5, seed=3):
        assert pair.request.suffix.startswith(pair.between)
        assert pair.between.strip()
        assert not pair.request.multiline


def test_left_to_right_writes_the_likeliest_token_after_all_before_it():
    adapter = DiffusionGemma(tiny_model(seed=3, branch_scale=3.0))
    prefix_ids, written = [2, 40, 41, 42], []
    for _ in range(8):  # Without a cache: everything is read again for every token.
        adapter.forget_prefixes()
        written.append(int(next_logits(adapter, adapter.prefill([*prefix_ids, *written])).argmax()))
    assert decode(adapter, prefix_ids, 8) == written
    assert len(set(written)) > 1


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_large_checkpoint_is_in_memory_once_at_the_precision_that_is_set(
    precision: Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_prompted_checkpoint(tmp_path / "checkpoint")
    subject = load_subject(str(folder), precision, None, small_bytes=0)
    rivals = subject.rivals
    assert subject.plan.startswith(f"{precision}: ")
    assert rivals.generate._model is rivals.adapter.published
    assert rivals.adapter.prefixes is subject.filler.prefixes
    has_quantised = any(isinstance(module, QuantWeight) for module in rivals.adapter.published.modules())
    assert has_quantised == (precision == "int8")
    assert subject.profile.form == "prompted", "the profile is the one that fills are made by"
    request = FillRequest("x = ", "\n", max_hole_tokens=4, max_denoising_steps=2)
    assert finish(subject.filler.fill(request)).passes
    took_ms, passes = rivals.generate.run(request)
    assert took_ms > 0 < passes
    ids = rivals.prefix_ids(request)
    assert len(decode(rivals.adapter, ids, 3)) == 3


def test_a_small_checkpoint_is_compared_with_the_published_classes(tmp_path: Path):
    folder = save_tiny_checkpoint(tmp_path, noise="uniform", max_prefix_tokens=64, hole_widths=[4, 8])
    subject = load_subject(str(folder), "auto", None)
    assert subject.plan == ""
    assert subject.rivals.generate._model is not subject.rivals.adapter.published


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_small_checkpoint_that_is_quantised_is_compared_with_the_same_weights(
    precision: Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save_tiny_checkpoint(tmp_path, noise="uniform", max_prefix_tokens=64, hole_widths=[4, 8])
    subject = load_subject(str(folder), precision, None)
    assert subject.plan == ""
    rivals = subject.rivals
    assert rivals.generate._model is rivals.adapter.published
    assert any(isinstance(module, QuantWeight) for module in rivals.adapter.published.modules())
    request = FillRequest("x = ", "\n", max_hole_tokens=4, max_denoising_steps=2)
    assert finish(subject.filler.fill(request)).passes
    assert rivals.generate.run(request)[1] > 0


def test_a_checkpoint_that_does_not_denoise_is_refused_before_it_is_loaded(tmp_path: Path):
    folder = save_tiny_causal(tmp_path, "qwen")
    with pytest.raises(CheckpointError, match="only a DiffusionGemma checkpoint can be measured here"):
        load_subject(str(folder), "auto", None)


def test_typing_what_is_shown_leaves_the_rest_and_what_is_not_shown_cannot_be_typed():
    editor, text = PythonEditor(), "total = \nprint(total)\n"
    request = editor.request(text, 8)
    assert request is not None
    assert (request.prefix, request.suffix) == ("total = ", "\nprint(total)\n")
    assert editor.rejection(text, 8, "sum(range(3))") is None
    assert editor.rejection(text, 8, "sum(range(3") is not None
    keystroke = editor.typed_through(text, 8, "sum(range(3))")
    assert keystroke is not None
    assert keystroke()
    assert editor.typed_through(text, 8, "sum(range(3") is None
    assert math.isfinite(request.max_hole_tokens)
