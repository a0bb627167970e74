"""Latest wins: every request ends once, at most one is at work, and only the newest result is used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.errors import Superseded
from infill_lsp.scheduler import Scheduler

_Any = TypeVar("_Any")


class Work:
    """A piece of work that runs until it is let go, and when it is cancelled winds down until it may stop."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.may_end = asyncio.Event()
        self.may_stop = asyncio.Event()
        self.may_stop.set()
        self._log = log

    async def __call__(self) -> str:
        self._log.append(f"{self.name} starts")
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self._log.append(f"{self.name} winds down")
            await self.may_stop.wait()
            raise
        finally:
            self._log.append(f"{self.name} ends")
        return self.name


class Sleeper:
    """A sleep whose time passes when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._over.wait()

    def pass_time(self) -> None:
        self._over.set()


async def soon(awaited: Awaitable[_Any]) -> _Any:
    """Wait for what a broken scheduler might never bring."""
    return await asyncio.wait_for(awaited, 10)


async def settle() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_work_that_nothing_disturbs_returns_its_result() -> None:
    scheduler = Scheduler()
    work = Work("a", [])
    work.may_end.set()
    assert await scheduler.run("key", work) == "a"
    await settle()
    assert scheduler.num_lanes == 0


async def test_a_newer_request_supersedes_at_once_and_starts_after_the_older_has_wound_down() -> None:
    scheduler, log = Scheduler(), list[str]()
    older, newer = Work("older", log), Work("newer", log)
    first = asyncio.ensure_future(scheduler.run("key", older))
    await settle()
    older.may_stop.clear()
    newer.may_end.set()
    second = asyncio.ensure_future(scheduler.run("key", newer))
    with pytest.raises(Superseded):
        await soon(first)
    await settle()
    assert log == ["older starts", "older winds down"], "the answer did not wait for that, and the newer one does"
    older.may_stop.set()
    assert await soon(second) == "newer"
    assert log == ["older starts", "older winds down", "older ends", "newer starts", "newer ends"]


async def test_of_the_waiting_only_the_newest_ever_starts() -> None:
    scheduler, log = Scheduler(), list[str]()
    works = [Work(name, log) for name in "abcd"]
    works[0].may_stop.clear()
    works[-1].may_end.set()
    running = []
    for work in works:
        running.append(asyncio.ensure_future(scheduler.run("key", work)))
        await settle()
    works[0].may_stop.set()
    results = await soon(asyncio.gather(*running, return_exceptions=True))
    assert [type(each) for each in results] == [Superseded, Superseded, Superseded, str]
    assert [entry for entry in log if entry.endswith("starts")] == ["a starts", "d starts"]


async def test_keys_do_not_disturb_each_other() -> None:
    scheduler, log = Scheduler(), list[str]()
    one, two = Work("one", log), Work("two", log)
    first = asyncio.ensure_future(scheduler.run("1", one))
    second = asyncio.ensure_future(scheduler.run("2", two))
    await settle()
    assert log == ["one starts", "two starts"]
    one.may_end.set()
    two.may_end.set()
    assert (await soon(first), await soon(second)) == ("one", "two")


async def test_during_the_pause_a_newer_request_keeps_the_older_from_starting() -> None:
    sleeper, log = Sleeper(), list[str]()
    scheduler = Scheduler(sleeper)
    older, newer = Work("older", log), Work("newer", log)
    newer.may_end.set()
    first = asyncio.ensure_future(scheduler.run("key", older, delay_s=0.075))
    await settle()
    second = asyncio.ensure_future(scheduler.run("key", newer, delay_s=0.5))
    await settle()
    assert sleeper.asked == [0.075, 0.5]
    assert log == []
    sleeper.pass_time()
    assert await soon(second) == "newer"
    with pytest.raises(Superseded):
        await soon(first)
    assert log == ["newer starts", "newer ends"]


async def test_what_a_key_is_about_may_be_past_without_a_newer_request() -> None:
    scheduler, log = Scheduler(), list[str]()
    scheduler.supersede("key")
    work = Work("a", log)
    work.may_stop.clear()
    caller = asyncio.ensure_future(scheduler.run("key", work))
    await settle()
    scheduler.supersede("key")
    scheduler.supersede("key")
    with pytest.raises(Superseded):
        await soon(caller)
    assert log == ["a starts", "a winds down"]
    newer = Work("b", log)
    newer.may_end.set()
    next_caller = asyncio.ensure_future(scheduler.run("key", newer))
    await settle()
    work.may_stop.set()
    assert await soon(next_caller) == "b"
    await settle()
    assert scheduler.num_lanes == 0


async def test_cancelling_the_caller_stops_the_work_and_leaves_nothing() -> None:
    scheduler, log = Scheduler(), list[str]()
    caller = asyncio.ensure_future(scheduler.run("key", Work("a", log)))
    await settle()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(caller)
    await settle()
    assert log == ["a starts", "a winds down", "a ends"]
    assert scheduler.num_lanes == 0


async def test_what_the_work_raises_reaches_the_caller_and_the_next_one_runs() -> None:
    async def fails() -> str:
        raise OSError("no")

    scheduler = Scheduler()
    with pytest.raises(OSError, match="no"):
        await scheduler.run("key", fails)
    work = Work("a", [])
    work.may_end.set()
    assert await scheduler.run("key", work) == "a"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["ask", "cancel", "end", "turn", "fail"]), max_size=25))
def test_whatever_happens_each_ends_once_one_is_at_work_and_nothing_stays(events: list[str]) -> None:
    asyncio.run(_play(events))


async def _play(events: list[str]) -> None:
    scheduler = Scheduler()
    at_work: list[int] = []
    gates: list[asyncio.Event] = []
    failing: set[int] = set()
    callers: list[asyncio.Task[int]] = []
    ended: list[int] = []

    def work(number: int) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            assert not at_work, "two at work at once"
            at_work.append(number)
            try:
                await gates[number].wait()
                if number in failing:
                    raise OSError
                return number
            finally:
                try:
                    await asyncio.sleep(0)
                finally:
                    at_work.remove(number)

        return run

    for event in events:
        if event == "ask":
            gates.append(asyncio.Event())
            caller = asyncio.create_task(scheduler.run("key", work(len(callers))))
            caller.add_done_callback(partial(_note, ended, len(callers)))
            callers.append(caller)
        elif event == "turn":
            await asyncio.sleep(0)
        elif callers and event == "cancel":
            callers[-1].cancel()
        elif callers:
            if event == "fail":
                failing.add(len(callers) - 1)
            gates[-1].set()
    for gate in gates:
        gate.set()
    results = await soon(asyncio.gather(*callers, return_exceptions=True))
    await settle()
    assert sorted(ended) == list(range(len(callers)))
    for number, result in enumerate(results):
        assert result == number or isinstance(result, (Superseded, OSError, asyncio.CancelledError))
    assert scheduler.num_lanes == 0


def _note(ended: list[int], number: int, _: object) -> None:
    ended.append(number)
