"""The engine from text to text, on a tiny random checkpoint: what always holds, whatever the weights say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import CheckpointError, Draft, FillRequest, FillResult, RequestError
from engine.local import LocalFiller, load
from tests.engine.tiny import save_tiny_checkpoint, save_untrained_checkpoint

_REQUEST = FillRequest("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", max_hole_tokens=16)


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    """Return an untrained checkpoint in the layout that training exports, with its kind of tokenizer."""
    texts = ["def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n"] * 40
    return load(str(save_untrained_checkpoint(tmp_path_factory.mktemp("untrained"), texts, 340)), device="cpu")


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


@pytest.mark.parametrize("num_candidates", [1, 4])
def test_drafts_count_up_and_the_result_says_what_it_cost(filler: LocalFiller, num_candidates: int):
    drafts, result = run(filler, replace(_REQUEST, num_candidates=num_candidates))
    steps = [draft.step for draft in drafts]
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    assert result.passes == steps[-1]
    assert 0 < result.prefill_ms < result.total_ms
    assert all(token.state == "accepted" for token in drafts[-1].tokens)


def test_candidates_differ_and_come_best_first(filler: LocalFiller):
    _, result = run(filler, replace(_REQUEST, num_candidates=4))
    texts = [candidate.text for candidate in result.candidates]
    scores = [candidate.score for candidate in result.candidates]
    assert 1 <= len(texts) <= 4
    assert len(set(texts)) == len(texts)
    assert scores == sorted(scores, reverse=True)
    assert all(score <= 0 for score in scores)
    assert (result.reason is None) == bool(texts)


def test_a_fill_on_one_line_holds_no_line_break(filler: LocalFiller):
    for seed in range(5):
        _, result = run(filler, replace(_REQUEST, num_candidates=8, seed=seed))
        assert all("\n" not in candidate.text for candidate in result.candidates)


def test_the_same_request_gives_the_same_result_cold_and_warm(filler: LocalFiller):
    filler.forget_prefixes()
    _, cold = run(filler, replace(_REQUEST, num_candidates=4))
    _, warm = run(filler, replace(_REQUEST, num_candidates=4))
    assert [c.text for c in warm.candidates] == [c.text for c in cold.candidates]


def test_closing_the_generator_ends_the_fill(filler: LocalFiller):
    fill = filler.fill(replace(_REQUEST, max_denoising_steps=16))
    next(fill)
    fill.close()
    assert run(filler, _REQUEST)[1].passes > 0


def test_a_deadline_that_has_passed_leaves_one_step_and_its_answer(filler: LocalFiller):
    drafts, result = run(filler, replace(_REQUEST, deadline_ms=0))
    assert len(drafts) == result.passes == 1
    assert all(drafts[0].text.startswith(f" {candidate.text}") for candidate in result.candidates)


@pytest.mark.parametrize("fill", ["a + b", "b", "add(a, b) + add(b, a)"])
def test_a_fill_of_known_length_has_that_length(filler: LocalFiller, fill: str):
    num_tokens = filler.num_hole_tokens(_REQUEST, fill)
    drafts, result = run(filler, replace(_REQUEST, exact_hole_tokens=num_tokens, num_candidates=4))
    assert {len(draft.tokens) for draft in drafts} == {num_tokens}
    assert {candidate.num_tokens for candidate in result.candidates} <= {num_tokens}


def test_a_known_length_that_no_canvas_holds_is_refused(filler: LocalFiller):
    with pytest.raises(RequestError, match="does not fit a canvas of 64"):
        run(filler, replace(_REQUEST, exact_hole_tokens=64))


@pytest.mark.parametrize("prefix", ["x = ", "self.na", "f("])
def test_the_tokens_of_a_hole_count_what_was_typed_of_the_first(filler: LocalFiller, prefix: str):
    request = FillRequest(prefix, "\n")
    assert filler.num_hole_tokens(request, "me") >= 1
    assert filler.num_hole_tokens(request, "me = other") > filler.num_hole_tokens(request, "me")


@pytest.mark.parametrize("prefix", ["", "\n", "x = '\ud83d'\n", "#" * 10_000, "é" * 3000])
@pytest.mark.parametrize("suffix", ["", "\r\n", "\U0001f600" * 2000])
def test_any_surroundings_are_filled(filler: LocalFiller, prefix: str, suffix: str):
    run(filler, FillRequest(prefix, suffix, max_denoising_steps=3))


def test_nonsense_is_refused(filler: LocalFiller):
    with pytest.raises(RequestError, match="at least 1"):
        run(filler, replace(_REQUEST, num_candidates=0))


def test_a_checkpoint_without_slack_tries_several_widths(tmp_path: Path):
    folder = save_tiny_checkpoint(tmp_path, noise="uniform", max_prefix_tokens=64, hole_widths=[2, 4, 8])
    drafts, result = run(load(str(folder), device="cpu"), replace(_REQUEST, max_denoising_steps=4, num_candidates=3))
    assert len(drafts) == 4
    assert len({candidate.num_tokens for candidate in result.candidates}) == len(result.candidates)


def test_a_folder_without_a_tokenizer_says_so(tiny_checkpoint: Path, tmp_path: Path):
    for file in tiny_checkpoint.iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(CheckpointError, match=r"no usable tokenizer\.json"):
        load(str(tmp_path))


def test_a_missing_folder_says_so(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no such checkpoint folder"):
        load(str(tmp_path / "nowhere"))


def test_a_seam_that_one_token_alone_can_follow_still_gives_candidates(filler: LocalFiller):
    request = replace(_REQUEST, prefix="def add(a, b):\n    retur", num_candidates=8)
    _, result = run(filler, request)
    assert result.passes > 1
    assert result.candidates
    assert all(candidate.text.startswith("n") for candidate in result.candidates), "only `return` begins like that"
