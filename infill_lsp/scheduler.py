"""Who may run: at most one request a key is at work and one waits; a newer one takes the place of both.

A request that was superseded is told so at once, while its work winds down; the newer one starts only after that.
It knows neither documents nor engines, and tells time only through the `sleep` it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from infill_lsp.errors import Superseded

_Result = TypeVar("_Result")


class Scheduler:
    """Latest wins, key by key. Belongs to one event loop."""

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._lanes: dict[str, _Lane] = {}

    @property
    def num_lanes(self) -> int:
        """How many keys have work that runs, waits or winds down."""
        return len(self._lanes)

    async def run(self, key: str, work: Callable[[], Awaitable[_Result]], *, delay_s: float = 0.0) -> _Result:
        """Run `work` as the newest of its key, after a pause in which a newer one may still come.

        Cancelling the caller cancels the work. Raises Superseded once a newer one arrives, and what `work` raises.
        """
        self.supersede(key)
        lane = self._lanes.setdefault(key, _Lane())
        flight = _Flight(self._fly(lane, work, delay_s))
        lane.newest = flight
        lane.num_flights += 1
        flight.task.add_done_callback(lambda _: self._landed(key, lane))
        try:
            await asyncio.wait({flight.task, flight.superseded}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            flight.task.cancel()
            raise
        if flight.superseded.done():
            raise Superseded("a newer request took this one's place")
        result: _Result = flight.task.result()
        return result

    def supersede(self, key: str) -> None:
        """End what runs or waits for a key, as a newer one would: what it is about is past."""
        if (lane := self._lanes.get(key)) is not None and lane.newest is not None:
            lane.newest.supersede()

    async def _fly(self, lane: _Lane, work: Callable[[], Awaitable[_Result]], delay_s: float) -> _Result:
        if delay_s > 0:
            await self._sleep(delay_s)
        async with lane.working:
            return await work()

    def _landed(self, key: str, lane: _Lane) -> None:
        lane.num_flights -= 1
        if not lane.num_flights:
            del self._lanes[key]


class _Flight:
    """One request's work, and the news that it is not wanted any more."""

    def __init__(self, work: Any) -> None:
        self.task = asyncio.ensure_future(work)
        self.task.add_done_callback(_notice)
        self.superseded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def supersede(self) -> None:
        if not self.task.done() and not self.superseded.done():
            self.superseded.set_result(None)
            self.task.cancel()


class _Lane:
    """What is under way for one key. `working` is held by the one that runs, until it has wound down."""

    def __init__(self) -> None:
        self.newest: _Flight | None = None
        self.num_flights = 0
        self.working = asyncio.Lock()


def _notice(task: asyncio.Future[Any]) -> None:
    """Look at a failure, so that one which nobody waits for any more is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
