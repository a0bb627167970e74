"""The autoregressive engine from text to text, on tiny random checkpoints: what always holds, whatever they say."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import wire
from engine.api import (
    CheckpointError,
    Draft,
    EngineError,
    EngineInfo,
    FillRequest,
    FillResult,
    FurtherHole,
    RequestError,
    finish,
)
from engine.causal import CausalFiller, load
from engine.causal_prompt import Prompt
from engine.deadline import Deadline
from engine.seam import Seams
from engine.worker import Job, Worker
from tests.engine.tiny_causal import save_tiny_causal

_KINDS = ["qwen", "gemma"]
_REQUEST = FillRequest("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", max_hole_tokens=12)


@pytest.fixture(scope="module")
def fillers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CausalFiller]:
    return {kind: load(save_tiny_causal(tmp_path_factory.mktemp(kind), kind), device="cpu") for kind in _KINDS}


def run(filler: CausalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def some_fill(filler: CausalFiller, request: FillRequest, least: int = 1) -> FillResult:
    """Return a fill with so many candidates, of the first seed that gives them."""
    for seed in range(50):
        result = finish(filler.fill(replace(request, seed=seed)))
        if len(result.candidates) >= least:
            return result
    raise AssertionError("no seed gives candidates")


def check_result(request: FillRequest, drafts: Sequence[Draft], result: FillResult) -> None:
    """Assert what holds of every fill."""
    steps = [draft.step for draft in drafts]
    assert steps == list(range(1, len(steps) + 1))
    assert result.passes == len(steps) <= max(request.max_hole_tokens, request.exact_hole_tokens or 0)
    texts = [candidate.text for candidate in result.candidates]
    assert len({"".join(text.split()) for text in texts}) == len(texts) <= request.num_candidates
    assert (result.reason is None) == bool(texts)
    for candidate in result.candidates:
        assert candidate.text.strip()
        assert candidate.score <= 0
        assert candidate.confidence is None
        assert candidate.num_tokens <= max(request.max_hole_tokens, request.exact_hole_tokens or 0)
        assert "<|" not in candidate.text
        if not request.multiline:
            assert "\n" not in candidate.text
            assert "\r" not in candidate.text
    scores = [candidate.score for candidate in result.candidates]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("kind", _KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prefix=st.sampled_from(["", "\n", "x = ", "self.na", "f(", "def f():\n    ", "é\ud83d", "<|fim_suffix|>", "a\r\n"]),
    suffix=st.sampled_from(
        ["", "\n", ")\n", "me = 3\n", "\r\n\r\n", "\n    return a + b\n", "\U0001f600", "<|endoftext|>"]
    ),
    multiline=st.booleans(),
    num_candidates=st.integers(1, 5),
    max_hole_tokens=st.integers(1, 12),
    seed=st.integers(0, 100),
)
def test_any_surroundings_are_filled(fillers: dict[str, CausalFiller], kind: str, prefix: str, suffix: str, **given):
    request = FillRequest(prefix, suffix, **given)
    check_result(request, *run(fillers[kind], request))


@pytest.mark.parametrize("kind", _KINDS)
def test_long_surroundings_are_filled(fillers: dict[str, CausalFiller], kind: str):
    filler = fillers[kind]
    request = replace(_REQUEST, prefix="x = 1\n" * 2000 + "y = ", suffix="\nz = 2" * 2000)
    check_result(request, *run(filler, request))
    seams_room = filler.info.capabilities
    assert seams_room.max_prefix_tokens <= 256, "half of what the model can read"


@pytest.mark.parametrize("kind", _KINDS)
def test_seeds_repeat_and_differ(fillers: dict[str, CausalFiller], kind: str):
    def texts(seed: int) -> list[str]:
        result = finish(fillers[kind].fill(replace(_REQUEST, num_candidates=4, multiline=True, seed=seed)))
        return [candidate.text for candidate in result.candidates]

    assert texts(5) == texts(5)
    assert len({tuple(texts(seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize("kind", _KINDS)
def test_the_result_is_the_same_cold_and_warm(fillers: dict[str, CausalFiller], kind: str):
    request = replace(_REQUEST, prefix="import os\n" * 30 + _REQUEST.prefix, num_candidates=3, multiline=True)
    filler = fillers[kind]
    filler.forget_prefixes()
    cold, warm = finish(filler.fill(request)), finish(filler.fill(request))
    assert [one.text for one in warm.candidates] == [one.text for one in cold.candidates]
    before = filler.prefixes.num_hits
    finish(filler.fill(replace(request, prefix=request.prefix + "a")))
    assert filler.prefixes.num_hits == before + 1, "a keystroke later the beginning is not read again"


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("multiline", [False, True])
def test_a_fill_of_known_length_has_that_length(fillers: dict[str, CausalFiller], kind: str, multiline: bool):
    filler = fillers[kind]
    for length in (1, 2, 7):
        request = replace(_REQUEST, exact_hole_tokens=length, num_candidates=4, multiline=multiline)
        drafts, result = run(filler, request)
        check_result(request, drafts, result)
        assert [len(draft.tokens) for draft in drafts] == list(range(1, length + 1))
        assert {candidate.num_tokens for candidate in result.candidates} <= {length}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_token_that_was_begun_is_ended(fillers: dict[str, CausalFiller], kind: str):
    request = replace(_REQUEST, prefix="def add(a, b): retur", num_candidates=4)
    typed, first_ids = fillers[kind]._seamstress.heal(request.prefix)
    assert len(first_ids) > 1
    drafts, result = run(fillers[kind], request)
    assert all(draft.tokens[0].text.startswith(typed) for draft in drafts)
    begun = {text[len(typed) :][:1] for text in (fillers[kind]._seamstress.token_texts[index] for index in first_ids)}
    assert {one.text[:1] for one in result.candidates} <= begun or "" in begun


def test_what_was_typed_of_a_token_is_not_said_again(qwen: CausalFiller):
    told(qwen, " return a")
    request = FillRequest("def add(a, b): re", "\n", max_hole_tokens=12)
    assert qwen._seamstress.heal(request.prefix)[0] == " re"
    assert [one.text for one in finish(qwen.fill(request)).candidates] == ["turn a"]


class Stopwatch(Deadline):
    """A deadline that passes with a given token, however fast the machine."""

    tokens = 3

    def __init__(self, deadline_ms: int | None) -> None:
        super().__init__(None)
        self._asked, self._has_deadline = 0, deadline_ms is not None

    def leaves_no_pass(self) -> bool:
        self._asked += 1
        return self._has_deadline and self._asked > self.tokens


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("multiline", [False, True])
def test_a_deadline_returns_the_best_so_far(
    fillers: dict[str, CausalFiller], kind: str, multiline: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("engine.causal.Deadline", Stopwatch)
    request = replace(_REQUEST, deadline_ms=50, num_candidates=3, multiline=multiline)
    for seed in range(5):
        drafts, result = run(fillers[kind], replace(request, seed=seed))
        check_result(request, drafts, result)
        assert len(drafts) <= 3
        assert all(candidate.num_tokens <= 3 for candidate in result.candidates)
    assert some_fill(fillers[kind], request).candidates


@pytest.mark.parametrize("kind", _KINDS)
def test_a_deadline_that_has_passed_leaves_one_token(fillers: dict[str, CausalFiller], kind: str):
    drafts, result = run(fillers[kind], replace(_REQUEST, deadline_ms=0))
    assert len(drafts) == result.passes == 1


def cancel_at(at: int, jobs: queue.SimpleQueue[Job[FillResult]], seen: list[int], draft: Draft) -> None:
    seen.append(draft.step)
    if draft.step == at:
        jobs.get(timeout=60).cancel()


@pytest.mark.parametrize("kind", _KINDS)
def test_a_cancel_takes_effect_within_a_token(fillers: dict[str, CausalFiller], kind: str):
    filler = fillers[kind]
    request = replace(_REQUEST, exact_hole_tokens=12, num_candidates=2)
    expected = finish(filler.fill(request)).candidates
    worker = Worker(lambda: filler)
    try:
        for at in range(1, 8):
            jobs: queue.SimpleQueue[Job[FillResult]] = queue.SimpleQueue()
            seen: list[int] = []
            job = worker.fill(request, partial(cancel_at, at, jobs, seen))
            jobs.put(job)
            error = job.future.exception(60)
            assert isinstance(error, EngineError)
            assert "cancelled" in str(error)
            assert seen == list(range(1, at + 1)), "no token was written after that"
        assert worker.fill(request, lambda draft: None).future.result(60).candidates == expected
    finally:
        worker.close()


@pytest.mark.parametrize("kind", _KINDS)
def test_closing_the_generator_ends_the_fill(fillers: dict[str, CausalFiller], kind: str):
    fill = fillers[kind].fill(replace(_REQUEST, exact_hole_tokens=12))
    next(fill)
    fill.close()
    with pytest.raises(StopIteration):
        next(fill)


def told(filler: CausalFiller, text: str) -> None:
    """Make the model say a text and then that the fill has ended, whatever it was asked."""
    ids = [*filler._seamstress.ids_of(text), min(filler._end_ids)]
    head = filler._adapter._model.lm_head

    def say(module: object, inputs: tuple, logits):
        spoken = logits.new_full(logits.shape, -20.0)
        spoken[..., ids[min(say.num_told, len(ids) - 1)]] = 20.0
        say.num_told += 1
        return spoken

    say.num_told = 0  # type: ignore[attr-defined]
    filler.spoken = head.register_forward_hook(say)  # type: ignore[attr-defined]


@pytest.fixture
def qwen(tmp_path: Path) -> CausalFiller:
    return load(save_tiny_causal(tmp_path, "qwen"), device="cpu")


@pytest.mark.parametrize("text", ["a + b", "a", " a +  b"])
def test_a_fill_ends_where_the_model_says_so(qwen: CausalFiller, text: str):
    told(qwen, text)
    drafts, result = run(qwen, replace(_REQUEST, prefix="x +="))
    assert [candidate.text for candidate in result.candidates] == [text]
    assert drafts[-1].text == text
    assert all(token.state == "accepted" for token in drafts[-1].tokens)


def test_a_line_ends_with_its_break_and_keeps_what_stands_before_it_in_a_token(qwen: CausalFiller):
    told(qwen, "add(a)\nprint")
    result = finish(qwen.fill(replace(_REQUEST, prefix="x +=")))
    assert [candidate.text for candidate in result.candidates] == ["add(a)"]


def test_several_lines_go_on_behind_a_break(qwen: CausalFiller):
    told(qwen, "add(a)\nprint(b)")
    request = replace(_REQUEST, prefix="x +=", multiline=True, max_hole_tokens=40)
    assert [candidate.text for candidate in finish(qwen.fill(request)).candidates] == ["add(a)\nprint(b)"]


def test_a_fill_that_ends_at_once_is_none_and_says_why(qwen: CausalFiller):
    told(qwen, "")
    result = finish(qwen.fill(replace(_REQUEST, prefix="x +=")))
    assert result.candidates == ()
    assert result.reason == "the model has nothing to add here"


def test_inside_a_word_a_fill_ends_with_the_rest_of_it(qwen: CausalFiller):
    told(qwen, "return name")
    request = FillRequest("    re", "me\n", max_hole_tokens=12)
    assert [candidate.text for candidate in finish(qwen.fill(request)).candidates] == ["turn na"]


def test_what_the_model_reads_is_the_convention(qwen: CausalFiller, monkeypatch: pytest.MonkeyPatch):
    seen: list[list[int]] = []
    prefill = qwen._adapter.prefill
    monkeypatch.setattr(qwen._adapter, "prefill", lambda ids, stable: seen.append(ids) or prefill(ids, stable))
    finish(qwen.fill(FillRequest("x = f(", ")\n<|fim_middle|>\n")))
    tokenizer = qwen._seamstress._tokenizer
    assert tokenizer.decode(seen[0], skip_special_tokens=False) == (
        "<|fim_prefix|>x = f(<|fim_suffix|>)\n<|fim_middle|>\n<|fim_middle|>"
    )
    assert seen[0].count(tokenizer.token_to_id("<|fim_middle|>")) == 1, "source code holds no marks"


def test_without_marks_a_text_begins_as_its_tokenizer_says(fillers: dict[str, CausalFiller], monkeypatch):
    filler, seen = fillers["gemma"], []
    prefill = filler._adapter.prefill
    monkeypatch.setattr(filler._adapter, "prefill", lambda ids, stable: seen.append(ids) or prefill(ids, stable))
    for prefix in ("x +=", ""):
        finish(filler.fill(FillRequest(prefix, ")\n")))
    assert [filler._seamstress._tokenizer.decode(ids, skip_special_tokens=False) for ids in seen] == [
        "<bos>x +=",
        "<bos>",
    ]


def test_without_marks_a_fill_is_cut_where_the_suffix_follows(tmp_path: Path):
    filler = load(save_tiny_causal(tmp_path, "gemma"), device="cpu")
    request = FillRequest("x +=", ")\nreturn a + b + a + b\n", max_hole_tokens=12)
    seams = filler._seamstress.cut(request, 50, 50)
    written = filler._seamstress.ids_of(" a + b")
    ids = [*written, *seams.suffix_ids]

    # A model that knows one text by heart.
    def by_heart(module, arguments, options, output):
        before = options["past_key_values"].get_seq_length() - options["input_ids"].shape[1] - by_heart.num_prompt
        logits = output.logits
        logits.fill_(-8.0)
        rows = options["input_ids"].tolist()
        for row, row_ids in enumerate(rows):
            for place in range(logits.shape[1]):
                at = before + len(row_ids) - logits.shape[1] + place + 1
                if 0 <= at < len(ids):
                    logits[row, place, ids[at]] = 8.0
        return output

    by_heart.num_prompt = 1 + len(seams.prefix_ids)
    filler._adapter._model.register_forward_hook(by_heart, with_kwargs=True)
    drafts, result = run(filler, request)
    assert result.candidates[0].text == " a + b"
    assert all(token.state == "noise" for token in drafts[-1].tokens), "where it ends is not known while it is written"
    several = finish(filler.fill(replace(request, multiline=True, max_hole_tokens=60)))
    assert several.candidates[0].text == " a + b"
    assert several.passes == len(written) + 10, "once it has said the suffix it stops"


def test_a_critic_puts_what_it_doubts_last(qwen: CausalFiller):
    request = replace(_REQUEST, num_candidates=4, language="python", multiline=True)
    plain = some_fill(qwen, replace(request, exact_hole_tokens=5), least=3)
    texts = [one.text for one in plain.candidates]
    worst = texts[-1]
    qwen._critic = lambda asked, fill: () if fill == worst else ((0, len(fill)),)
    for seed in range(50):
        asked = replace(request, exact_hole_tokens=5, seed=seed)
        judged = [one.text for one in finish(qwen.fill(asked)).candidates]
        if judged == [worst, *texts[:-1]]:
            break
    else:
        raise AssertionError("what it doubts does not come last")
    unlooked = finish(qwen.fill(replace(asked, max_syntax_rounds=0)))
    assert [one.text for one in unlooked.candidates] == texts


def test_one_fill_that_a_critic_doubts_is_not_the_only_one_tried(qwen: CausalFiller):
    asked: list[str] = []
    qwen._critic = lambda request, fill: asked.append(fill) or ((0, len(fill)),)
    result = finish(qwen.fill(replace(_REQUEST, language="python", exact_hole_tokens=4)))
    assert len(set(asked)) > 1
    assert len(result.candidates) == 1


def test_another_prompt_can_take_the_place_of_code_alone(tmp_path: Path):
    folder = save_tiny_causal(tmp_path, "gemma")
    seen: list[Seams] = []

    def prompter(request: FillRequest, seams: Seams) -> Prompt:
        seen.append(seams)
        return Prompt([2, 260, *seams.prefix_ids], 2, shows_suffix=True, end_ids=frozenset({1}))

    filler = load(folder, device="cpu", prompter=prompter)
    check_result(_REQUEST, *run(filler, _REQUEST))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"further_holes": (FurtherHole("x"),)}, "one hole at a time"),
        ({"original": "a"}, "cannot rewrite"),
        ({"instruction": "shorter"}, "takes no instructions"),
        ({"num_candidates": 0}, "at least 1"),
        ({"exact_hole_tokens": 0}, "at least 1"),
        ({"exact_hole_tokens": 5000}, "does not fit"),
    ],
)
def test_what_cannot_be_done_is_refused(fillers: dict[str, CausalFiller], changed: dict, says: str):
    with pytest.raises(RequestError, match=says):
        finish(fillers["qwen"].fill(replace(_REQUEST, **changed)))


def test_capabilities_say_that_there_is_no_canvas(fillers: dict[str, CausalFiller]):
    info = fillers["gemma"].info
    assert wire.decode(EngineInfo, wire.encode(info)) == info
    assert info.capabilities.noise == "none"
    assert not info.capabilities.known_positions
    assert not info.capabilities.several_holes
    assert not info.capabilities.rewriting


def test_a_declared_convention_is_used_and_a_wrong_one_refused(tmp_path: Path):
    plain = load(save_tiny_causal(tmp_path / "none", "qwen", fill_in_the_middle="none"), device="cpu")
    drafts, _ = run(plain, replace(_REQUEST, exact_hole_tokens=2))
    assert {token.state for token in drafts[-1].tokens} == {"noise"}
    with pytest.raises(CheckpointError, match="lacks a mark"):
        load(save_tiny_causal(tmp_path / "wrong", "qwen", fill_in_the_middle="codestral"), device="cpu")
    with pytest.raises(CheckpointError, match="`infill` section"):
        load(save_tiny_causal(tmp_path / "bad", "qwen", max_prefix_tokens="many"), device="cpu")


def test_a_declared_confidence_is_told(tmp_path: Path):
    declared = {"names": ["causal_sum"], "means": [0.0], "scales": [1.0], "weights": [1.0], "bias": 0.0}
    folder = save_tiny_causal(tmp_path, "qwen", confidence=declared, languages=["python"])
    filler = load(folder, device="cpu")
    request = replace(_REQUEST, language="python", exact_hole_tokens=3)
    assert all(0 < (one.confidence or 0) < 1 for one in some_fill(filler, request).candidates)
    assert all(one.confidence == 0 for one in some_fill(filler, replace(request, language="haskell")).candidates)
