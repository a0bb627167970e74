from __future__ import annotations

import asyncio

import pytest

from engine.api import Draft, EngineUnavailable
from engine.fake import Gate, Script, ScriptedEngine
from infill_lsp.fill import Outcome, fill
from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Snapshot
from tests.fixture import marked, snapshot_of


def opened(text: str) -> tuple[Snapshot, Hole]:
    at = marked(text)
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole)
    return snapshot, hole


async def filled(text: str, script: Script | str, num_candidates: int = 4) -> Outcome:
    snapshot, hole = opened(text)
    outcome = await fill(snapshot, hole, ScriptedEngine(script), Settings(), num_candidates=num_candidates)
    assert (outcome.reason is None) == bool(outcome.suggestions)
    assert outcome.hole == hole
    for suggestion in outcome.suggestions:
        assert (suggestion.start, suggestion.end) == (hole.start, hole.end)
    return outcome


async def test_a_fill_comes_back_shaped_with_what_it_cost() -> None:
    outcome = await filled("foo($0)\n", Script(("a, b)\nbar()",), num_drafts=3))
    assert [suggestion.text for suggestion in outcome.suggestions] == ["a, b"]
    assert (outcome.passes, outcome.model) == (3, "fake")
    assert outcome.elapsed_ms >= 0


async def test_candidates_that_say_the_same_are_shown_once_and_the_bad_ones_not_at_all() -> None:
    outcome = await filled("foo($0)\n", Script(("a, b", "a,b", "a b", "", "c")), num_candidates=5)
    assert [suggestion.text for suggestion in outcome.suggestions] == ["a, b", "c"]
    assert outcome.suggestions[0].score >= outcome.suggestions[1].score


async def test_the_reason_is_that_of_the_first_candidate_that_was_dropped() -> None:
    outcome = await filled("foo($0)\n", Script(("a b", "# why")))
    assert outcome.suggestions == ()
    assert outcome.reason == "the fill adds a parse error"


async def test_a_suggestion_says_how_sure_the_engine_is_and_none_counts_as_sure() -> None:
    snapshot, hole = opened("foo($0)\n")
    engine = ScriptedEngine(Script(("a", "b", "c"), confidences=(0.5, 0.1)))
    outcome = await fill(snapshot, hole, engine, Settings(), num_candidates=3, min_confidence=0.5)
    assert [(each.text, each.confidence) for each in outcome.suggestions] == [("a", 0.5), ("c", None)]


async def test_the_reason_is_the_engines_if_it_found_nothing() -> None:
    outcome = await filled("foo($0)\n", Script((), reason="the model is unsure"))
    assert outcome.reason == "the model is unsure"


async def test_alternatives_stand_in_for_what_may_not_be_shown() -> None:
    outcome = await filled("foo($0)\n", Script(("a b", "c", "d")), num_candidates=1)
    assert [suggestion.text for suggestion in outcome.suggestions] == ["c"]


async def test_the_engine_gets_the_settings_budgets() -> None:
    snapshot, hole = opened("aaa = 1\nfoo($0)\nbbb = 2\n")
    engine = ScriptedEngine("c")
    settings = Settings(max_prefix_chars=5, max_suffix_chars=3, deadline_ms=123, num_candidates=3)
    await fill(snapshot, hole, engine, settings, num_candidates=2)
    (request,) = engine.requests
    assert (request.prefix, request.suffix) == ("foo(", ")\n")
    assert (request.deadline_ms, request.num_candidates) == (123, 3)


async def test_drafts_are_passed_on_as_they_come() -> None:
    snapshot, hole = opened("foo($0)\n")
    drafts: list[Draft] = []
    await fill(snapshot, hole, ScriptedEngine(Script(("a",), num_drafts=3)), Settings(), on_draft=drafts.append)
    assert [draft.step for draft in drafts] == [1, 2, 3]


async def test_an_engine_error_passes_through() -> None:
    with pytest.raises(EngineUnavailable, match="start it"):
        await filled("foo($0)\n", Script(("a",), fail_at=1, error=EngineUnavailable("start it")))


async def test_cancelling_the_fill_cancels_the_engine() -> None:
    snapshot, hole = opened("foo($0)\n")
    gate = Gate(before=2)
    engine = ScriptedEngine("a", gate=gate)
    task = asyncio.create_task(fill(snapshot, hole, engine, Settings()))
    await gate.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.num_cancelled == 1
