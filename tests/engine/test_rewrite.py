"""Rewriting: what is not let go of comes back as it was, byte for byte, at every noise."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import rewrite
from engine.api import Draft, FillRequest, FillResult, FurtherHole, RequestError, finish
from engine.fake import ScriptedFiller
from engine.local import LocalFiller, load
from engine.rewrite import Unit
from tests.engine.tiny import save_tiny_checkpoint

_CODE = "def area(width, height):\n    if width < 0:\n        raise ValueError(width)\n    return width * height\n"
_REQUEST = FillRequest("import math\n\n\n", "\nprint(area(2, 3))\n", original=_CODE, max_denoising_steps=4)


@pytest.fixture(scope="module")
def bundled() -> LocalFiller:
    return load("bundled", device="cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    """Return a checkpoint that knows slack: random weights, one token a byte, a canvas of 12 tokens."""
    declared = {"noise": "mask", "mask_token_id": 3, "slack_token_id": 4, "self_conditioning": False}
    folder = tmp_path_factory.mktemp("tiny")
    return load(str(save_tiny_checkpoint(folder, max_prefix_tokens=64, hole_widths=[4, 8], **declared)), device="cpu")


@pytest.fixture(scope="module")
def without_slack(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    folder = tmp_path_factory.mktemp("uniform")
    return load(
        str(save_tiny_checkpoint(folder, noise="uniform", max_prefix_tokens=64, hole_widths=[4, 8])), device="cpu"
    )


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def check_locked(request: FillRequest, result: FillResult) -> None:
    """Assert that every candidate holds the locked spans of the original, all of them and in their order."""
    assert request.original is not None
    assert result.candidates
    is_locked = [False] * len(request.original)
    for start, end in request.locked:
        is_locked[start:end] = [True] * (end - start)
    parts = re.split(
        "\0+", "".join(letter if held else "\0" for letter, held in zip(request.original, is_locked, strict=True))
    )
    begins, ends = is_locked[:1] == [True], is_locked[-1:] == [True]
    pattern = ".*".join(re.escape(part) for part in parts)
    for candidate in result.candidates:
        assert re.fullmatch(pattern, candidate.text, re.DOTALL), (begins, ends)


texts = st.text(st.sampled_from("ab =(\n\r\t é😀\ud83d\ude00日"), max_size=40)


@st.composite
def locked_texts(draw: st.DrawFn, min_size: int = 0) -> tuple[str, tuple[tuple[int, int], ...]]:
    text = draw(texts.filter(lambda text: len(text) >= min_size))
    place = st.integers(0, len(text))
    spans = st.tuples(place, place).map(lambda span: (min(span), max(span)))
    return text, tuple(draw(st.lists(spans, max_size=3)))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(locked_texts())
def test_units_are_the_code_and_know_what_is_locked(
    bundled: LocalFiller, code: tuple[str, tuple[tuple[int, int], ...]]
):
    text, locked = code
    units = rewrite.units_of(text, locked, bundled._seamstress.tokens)
    assert rewrite.text_of(units) == text
    place = 0
    for unit in units:
        held = {any(start <= index < end for start, end in locked) for index in range(place, place + len(unit.text))}
        assert held == {unit.locked}
        place += len(unit.text)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(locked_texts(), st.integers(1, 12), st.integers(0, 40))
def test_pieces_are_the_code_and_fit(
    tiny: LocalFiller, code: tuple[str, tuple[tuple[int, int], ...]], max_tokens: int, count: int
):
    text, locked = code
    units = rewrite.units_of(text, locked, tiny._seamstress.tokens)
    pieces = rewrite.pieces_of(units, max_tokens)
    assert [unit for piece in pieces for unit in piece] == units
    for piece in pieces:
        assert rewrite.num_tokens(piece) <= max_tokens or len(piece) == 1
        gone = rewrite.let_go(piece, [0.0] * len(piece), count)
        assert not any(piece[index].locked for index in gone)
        if gone:
            row = rewrite.row_of(piece, gone, max_tokens + 4, knows_slack=True)
            assert row.num_tokens <= max(max_tokens + 4, rewrite.num_tokens(piece))
            kept = "".join(unit.text for index, unit in enumerate(piece) if index not in gone)
            assert rewrite.written(piece, gone, [""] * (1 + len(row.further))) == kept


def test_the_most_doubtful_go_first_and_a_seed_blurs_which():
    units = [Unit((index,), str(index), index == 3) for index in range(6)]
    doubts = [0.1, 5.0, 0.2, 9.0, 4.0, 0.3]
    assert rewrite.let_go(units, doubts, 2) == {1, 4}
    assert rewrite.let_go(units, doubts, 9) == {0, 1, 2, 4, 5}
    chosen = {rewrite.let_go(units, doubts, 3, torch.Generator().manual_seed(seed)) for seed in range(20)}
    assert len(chosen) > 1
    again = rewrite.let_go(units, doubts, 3, torch.Generator().manual_seed(7))
    assert again == rewrite.let_go(units, doubts, 3, torch.Generator().manual_seed(7))


def test_a_run_of_tokens_may_grow_where_slack_is_known():
    units = [Unit((index, index), "ab", False) for index in range(5)]
    gone = frozenset({1, 2, 4})
    exact = rewrite.row_of(units, gone, 20, knows_slack=False)
    assert (exact.lead_ids, exact.width, exact.further[0].between_ids, exact.further[0].width) == ((0, 0), 4, (3, 3), 2)
    slack = rewrite.row_of(units, gone, 20, knows_slack=True)
    assert (slack.width, slack.further[0].width) == (6, 3)
    assert rewrite.row_of(units, gone, 11, knows_slack=True).num_tokens <= 11


@settings(max_examples=60, deadline=None, derandomize=True)
@given(locked_texts(), texts, st.sampled_from(["x = ", "self.na", "", "\n"]))
def test_without_noise_the_text_comes_back_and_no_pass_is_run(
    tiny: LocalFiller, code: tuple[str, tuple[tuple[int, int], ...]], suffix: str, prefix: str
):
    text, locked = code
    drafts, result = run(tiny, FillRequest(prefix, suffix, original=text, noise=0.0, locked=locked))
    assert [candidate.text for candidate in result.candidates] == [text]
    assert (drafts, result.passes) == ([], 0)


@pytest.mark.parametrize("kind", ["tiny", "without_slack"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(locked_texts(min_size=1), st.floats(0, 1), st.integers(0, 9))
def test_locked_spans_are_identical_at_every_noise(
    kind: str,
    tiny: LocalFiller,
    without_slack: LocalFiller,
    code: tuple[str, tuple[tuple[int, int], ...]],
    noise: float,
    seed: int,
):
    text, locked = code
    filler = tiny if kind == "tiny" else without_slack
    request = FillRequest(
        "x = a", "b", original=text, noise=noise, locked=locked, seed=seed, num_candidates=2, max_denoising_steps=2
    )
    check_locked(request, finish(filler.fill(request)))


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_what_stays_of_code_is_untouched(bundled: LocalFiller, noise: float):
    first = _CODE.index("ValueError(width)")
    request = replace(_REQUEST, noise=noise, locked=((0, 24), (first, first + 17)), num_candidates=3, multiline=True)
    drafts, result = run(bundled, request)
    check_locked(request, result)
    assert result.passes == len(drafts) > 0
    assert [draft.step for draft in drafts] == list(range(1, len(drafts) + 1))
    assert all(draft.text.startswith(_CODE[:24]) for draft in drafts), "a draft shows all of the code"


def test_more_noise_changes_more(bundled: LocalFiller):
    few, all_of_it = (finish(bundled.fill(replace(_REQUEST, noise=noise))).candidates[0].text for noise in (0.05, 1.0))
    kept = [sum(line in text for line in _CODE.splitlines()) for text in (few, all_of_it)]
    assert kept[0] > kept[1]


def test_what_a_canvas_does_not_hold_is_rewritten_piece_by_piece(bundled: LocalFiller):
    many = "".join(_CODE.replace("area", f"area_{index}") for index in range(3))
    last = many.index("area_2")
    request = replace(_REQUEST, original=many, noise=0.2, num_candidates=3, locked=((last, last + 6),))
    drafts, result = run(bundled, request)
    check_locked(request, result)
    assert len(result.candidates) == 1, "of several pieces there is one answer"
    assert drafts[0].text.endswith(many[last:]), "what is not yet rewritten stands as it is"
    assert not drafts[-1].text.startswith(many[:last]), "what was rewritten before stands as it was rewritten"


def test_at_the_deadline_the_rest_stays_as_it_is(bundled: LocalFiller):
    many = _CODE * 4
    drafts, result = run(bundled, replace(_REQUEST, original=many, noise=0.5, deadline_ms=0))
    assert len(drafts) <= 1
    assert result.candidates[0].text.endswith(_CODE * 2)


def test_windows_line_ends_stay_windows_line_ends(bundled: LocalFiller):
    code = _CODE.replace("\n", "\r\n")
    for candidate in finish(bundled.fill(replace(_REQUEST, original=code, noise=0.7, num_candidates=3))).candidates:
        assert "\n" not in candidate.text.replace("\r\n", "")


def test_half_a_name_that_was_typed_stays_at_the_beginning(bundled: LocalFiller):
    request = FillRequest("def total(items):\n    retur", "\n", original="n sum(items)", noise=1.0, num_candidates=3)
    result = finish(bundled.fill(request))
    assert result.candidates
    assert all(candidate.text.startswith("n") for candidate in result.candidates), "only `return` begins like that"


def test_what_is_locked_stays_beside_half_a_name_that_was_typed(bundled: LocalFiller):
    request = FillRequest(
        "def total(self):\n    self.na", "\n", original="me = value", num_candidates=3, locked=((5, 10),)
    )
    check_locked(request, finish(bundled.fill(request)))


def test_a_line_stays_a_line(bundled: LocalFiller):
    result = finish(bundled.fill(FillRequest("x = ", "\n", original="first + second", noise=1.0, num_candidates=4)))
    assert all("\n" not in candidate.text for candidate in result.candidates)


def test_the_same_request_is_rewritten_the_same(bundled: LocalFiller):
    request = replace(_REQUEST, noise=0.4, num_candidates=3)
    assert finish(bundled.fill(request)).candidates == finish(bundled.fill(request)).candidates


def test_rewriting_ends_when_the_generator_is_closed(bundled: LocalFiller):
    fill = bundled.fill(replace(_REQUEST, noise=1.0, max_denoising_steps=16))
    next(fill)
    fill.close()
    with pytest.raises(StopIteration):
        next(fill)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"noise": 1.5}, "between 0 and 1"),
        ({"locked": ((3, 2),)}, "locked span"),
        ({"locked": ((0, 10_000),)}, "locked span"),
        ({"further_holes": (FurtherHole("\n"),)}, "one hole"),
        ({"exact_hole_tokens": 3}, "one hole"),
    ],
)
def test_a_rewriting_that_contradicts_itself_is_refused(
    tiny: LocalFiller, changed: dict[str, object], complaint: str
) -> None:
    with pytest.raises(RequestError, match=complaint):
        finish(tiny.fill(replace(_REQUEST, **changed)))


def test_the_scripted_engine_gives_back_the_original_without_noise():
    result = finish(ScriptedFiller("pass").fill(replace(_REQUEST, noise=0.0)))
    assert [candidate.text for candidate in result.candidates] == [_CODE]


def test_a_checkpoint_says_that_it_rewrites(tiny: LocalFiller, tmp_path: Path):
    assert tiny.info.capabilities.rewriting
    assert tiny.info.capabilities.several_holes
