"""Recording and replaying, with a recorder that notes what is asked of it: the order of calls, failures, bounds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch

from engine.graphs import Programs, Recorded, Recording, recorder_for


class Notes:
    """Notes calls; like a graph, it runs nothing while it records."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.generators: Sequence[torch.Generator] = ()
        self._failure = failure

    def warm_up(self, function: Callable[[], None]) -> None:
        self.calls.append("warm-up")
        function()

    def record(self, function: Callable[[], None], generators: Sequence[torch.Generator]) -> Recording:
        self.calls.append("record")
        self.generators = generators
        if self._failure:
            raise self._failure

        def replay() -> None:
            self.calls.append("replay")
            function()

        return Recording(replay, 100)


def test_every_call_does_the_work_once() -> None:
    done: list[int] = []
    notes, generator = Notes(), torch.Generator()
    run = Recorded(lambda: done.append(len(done)), notes, (generator,))
    assert run.num_bytes == 0
    for count in range(1, 5):
        run()
        assert len(done) == count
    assert notes.calls == ["warm-up", "record", "replay", "replay", "replay"]
    assert notes.generators == (generator,)
    assert run.num_bytes == 100


def test_without_a_recorder_every_call_just_runs() -> None:
    done: list[int] = []
    run = Recorded(lambda: done.append(1), recorder_for(torch.device("cpu")))
    run()
    run()
    assert done == [1, 1]
    assert run.num_bytes == 0


def test_what_cannot_be_recorded_runs_all_the_same_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    notes = Notes(RuntimeError("operation not permitted when stream is capturing\nand more lines of it"))
    run = Recorded(lambda: done.append(1), notes)
    with caplog.at_level(logging.WARNING):
        for count in range(1, 5):
            run()
            assert len(done) == count
    assert notes.calls == ["warm-up", "record"]
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert "not permitted" in caplog.text


def test_an_error_of_the_function_itself_is_raised() -> None:
    def fail() -> None:
        raise ValueError("wrong shape")

    with pytest.raises(ValueError, match="wrong shape"):
        Recorded(fail, Notes())()


@dataclass
class Sized:
    num_bytes: int


def test_the_programs_used_last_stay() -> None:
    programs = Programs(max_programs=2, max_bytes=1000)
    built: list[str] = []

    def get(key: str, num_bytes: int = 1) -> Sized:
        def build() -> Sized:
            built.append(key)
            return Sized(num_bytes)

        return programs.get(key, build)

    first = get("a")
    get("b")
    assert get("a") is first
    get("c")  # b was not used for longest.
    assert get("a") is first
    get("b")
    assert built == ["a", "b", "c", "b"]
    assert len(programs) == 2
    programs.clear()
    assert len(programs) == programs.num_bytes == 0


def test_bytes_are_bounded_and_the_last_program_stays_in_any_case() -> None:
    programs = Programs(max_programs=10, max_bytes=1000)
    for key, size in (("a", 400), ("b", 400), ("c", 400)):
        programs.get(key, lambda size=size: Sized(size))  # type: ignore[misc]
    assert len(programs) == 2
    assert programs.num_bytes == 800
    programs.get("d", lambda: Sized(5000))
    assert len(programs) == 1
    assert programs.num_bytes == 5000


def test_a_smaller_bound_drops_what_is_over_it() -> None:
    programs = Programs(max_programs=10, max_bytes=1000)
    for key in ("a", "b"):
        programs.get(key, lambda: Sized(400))
    programs.limit(500)
    assert programs.num_bytes == 400
    programs.limit(0)
    assert programs.num_bytes == 400, "the last one stays"
