"""A fill comes to its end in time, and answers with the best it has."""

from __future__ import annotations

import pytest

from engine.api import FillRequest, finish
from engine.candidates import Fill
from engine.deadline import Deadline, latest_sound
from engine.local import LocalFiller, load
from engine.seam import Seams

_REQUEST = FillRequest("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", language="python")


@pytest.fixture(scope="module")
def filler() -> LocalFiller:
    return load("bundled", device="cpu", critic=lambda request, fill: ())


def check_passes(deadline_ms: int | None, seconds: list[float], expect: list[bool]) -> None:
    """Assert after which passes, that end at these seconds, there is no time for another."""
    times = iter([0.0, *seconds])
    deadline = Deadline(deadline_ms, clock=lambda: next(times))
    assert [deadline.leaves_no_pass() for _ in seconds] == expect


def test_a_pass_that_would_end_too_late_is_not_begun() -> None:
    check_passes(100, [0.03, 0.06, 0.09], [False, False, True])
    check_passes(100, [0.06, 0.07, 0.08, 0.09], [True, False, False, False])
    check_passes(0, [0.01], [True])
    check_passes(None, [5.0, 90.0], [False, False])


def test_the_latest_sound_draft_is_taken() -> None:
    texts = {1: "a", 2: "b)", 3: "c"}
    drafts = [[Fill([[3]])], [Fill([[2]]), Fill([[1]])]]
    seams = Seams([], [], "", ())

    def found(sound: set[str]) -> list[Fill] | None:
        return latest_sound(drafts, seams, lambda ids: "".join(texts[i] for i in ids), lambda added: added[0] in sound)

    assert found({"a", "c"}) == drafts[0]
    assert found({"a"}) == drafts[1]
    assert found(set()) is None


@pytest.mark.parametrize("deadline_ms", [0, 1, 40, 100])
def test_there_is_an_answer_however_short_the_time(filler: LocalFiller, deadline_ms: int) -> None:
    filler.forget_prefixes()
    result = finish(filler.fill(FillRequest(_REQUEST.prefix, _REQUEST.suffix, deadline_ms=deadline_ms)))
    assert result.passes >= 1
    assert "<" not in "".join(candidate.text for candidate in result.candidates), "no noise is left in it"
    assert result.candidates or result.reason
