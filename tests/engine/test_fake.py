"""The scripted engine says what it was told, the same each time, and can be held, cancelled and made to fail."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import Draft, EngineError, FillRequest, FillResult, FurtherHole, RequestError, finish
from engine.fake import Gate, Script, ScriptedEngine, ScriptedFiller

REQUEST = FillRequest(prefix="total = sum(", suffix=")\n", num_candidates=2)


def check_fill(filler: ScriptedFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    """Run one fill to its end. Steps count from 1, what is accepted stays, the last draft is the best candidate."""
    drafts = []
    fill = filler.fill(request)
    try:
        while True:
            drafts.append(next(fill))
    except StopIteration as end:
        result: FillResult = end.value
    assert [draft.step for draft in drafts] == list(range(1, result.passes + 1))
    for before, after in itertools.pairwise(drafts):
        for old, new in zip(before.tokens, after.tokens, strict=True):
            assert old.state == "noise" or new == old
    if result.candidates:
        assert drafts[-1].text == result.candidates[0].text
        assert result.reason is None
    else:
        assert result.reason
    assert len(result.candidates) <= request.num_candidates
    return drafts, result


@given(st.text(), st.integers())
def test_any_text_is_denoised_in_four_drafts(text: str, seed: int) -> None:
    drafts, result = check_fill(ScriptedFiller(text), FillRequest("", "", seed=seed))
    assert len(drafts) == 4
    assert result.candidates[0].text == text


def test_a_draft_shows_noise_where_nothing_is_accepted_yet() -> None:
    drafts, _ = check_fill(ScriptedFiller("price for price in prices"), REQUEST)
    assert "_" in drafts[0].text
    assert drafts[0].text != drafts[-1].text


def test_the_same_request_gives_the_same_drafts() -> None:
    filler = ScriptedFiller("a + b * c")
    assert check_fill(filler, REQUEST) == check_fill(filler, REQUEST)


def test_candidates_come_best_first_and_no_more_than_asked_for() -> None:
    _, result = check_fill(ScriptedFiller(Script(("x", "y", "z"))), REQUEST)
    assert [candidate.text for candidate in result.candidates] == ["x", "y"]
    assert result.candidates[0].score > result.candidates[1].score


def test_a_script_may_depend_on_the_request() -> None:
    filler = ScriptedFiller(lambda request: Script((request.prefix.upper(),)))
    assert check_fill(filler, REQUEST)[1].candidates[0].text == "TOTAL = SUM("


def test_no_candidate_comes_with_a_reason() -> None:
    assert check_fill(ScriptedFiller(Script((), reason="unsure")), REQUEST)[1].reason == "unsure"
    with pytest.raises(ValueError, match="reason"):
        Script(())


async def test_the_engine_reports_drafts_in_order() -> None:
    engine = ScriptedEngine("x + y")
    steps: list[int] = []
    result = await engine.fill(REQUEST, lambda draft: steps.append(draft.step))
    assert steps == [1, 2, 3, 4]
    assert result.candidates[0].text == "x + y"
    assert engine.requests == [REQUEST]


async def test_a_gate_holds_the_fill_between_two_steps() -> None:
    gate = Gate(before=3)
    engine = ScriptedEngine("x + y", gate=gate)
    task = asyncio.create_task(engine.fill(REQUEST))
    await gate.reached.wait()
    assert engine.steps_run == 2
    assert not task.done()
    gate.opened.set()
    assert (await task).passes == 4


async def test_a_cancelled_fill_runs_no_further_step() -> None:
    gate = Gate(before=2)
    engine = ScriptedEngine("x + y", gate=gate)
    task = asyncio.create_task(engine.fill(REQUEST))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.steps_run == 1
    assert engine.num_cancelled == 1


async def test_a_script_can_fail_at_a_step() -> None:
    engine = ScriptedEngine(Script(("x",), fail_at=3, error=EngineError("broken")))
    steps: list[int] = []
    with pytest.raises(EngineError, match="broken"):
        await engine.fill(REQUEST, lambda draft: steps.append(draft.step))
    assert steps == [1, 2]


def test_the_holes_of_a_request_can_be_told_apart() -> None:
    request = FillRequest("one = ", "", further_holes=(FurtherHole("\ntwo = "),))
    filler = ScriptedFiller("f({name}, {holes})")
    *_, draft = filler.fill(request)
    assert draft.text == "f(one, 2)\ntwo = f(two, 2)"
    (candidate,) = finish(filler.fill(request)).candidates
    assert (candidate.text, candidate.further_texts) == ("f(one, 2)", ("f(two, 2)",))
    with pytest.raises(RequestError, match="2 holes do not fit"):
        finish(ScriptedFiller(Script(("x",), most_holes=1)).fill(request))


def test_a_rewriting_replaces_what_is_not_locked() -> None:
    script = Script(("never",), replace=(("a", "b{noise}{instruction}"),))
    request = FillRequest("", "", original="a a a", noise=0.5, locked=((2, 3),), instruction="!")
    assert finish(ScriptedFiller(script).fill(request)).candidates[0].text == "b0.5! a b0.5!"
    untouched = FillRequest("", "", original="a a a", noise=0.0)
    assert finish(ScriptedFiller(script).fill(untouched)).candidates[0].text == "a a a"
