"""The real server over real stdio with a clock that the client moves, and an engine that takes time on that clock.

`test/advance {"to_ms": T}` lets time pass; it is answered when everything that happens until then has happened.
`test/engine` tells when fills began, and how many ran at once at most.
`python -m tests.infill_lsp.timed_server FILL_SECONDS LINE [CONFIDENCE]`: the engine fills in what is missing of LINE at
the caret, and is so sure of it.
"""

from __future__ import annotations

import asyncio
import heapq
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from engine.api import Draft, FillRequest, FillResult
from engine.fake import Script, ScriptedEngine
from infill_lsp.scheduler import Scheduler
from infill_lsp.server import Server
from infill_lsp.transport.stdio import run_stdio

# More turns of the event loop than any chain of answers takes.
_TURNS = 300


class Clock:
    """Time in seconds, which stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._num_sleeps = 0

    def now(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._num_sleeps += 1
        heapq.heappush(self._sleepers, (self.now_s + seconds, self._num_sleeps, awake))
        await awake

    async def advance(self, to_s: float) -> None:
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= to_s:
            at_s, _, awake = heapq.heappop(self._sleepers)
            self.now_s = max(self.now_s, at_s)
            if not awake.done():
                awake.set_result(None)
                await _settle()
        self.now_s = max(self.now_s, to_s)


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class AtOnce(ThreadPoolExecutor):
    """Does work of threads at once, so that nothing happens beside the clock."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class SlowEngine:
    """An Engine that takes its time, and completes one line."""

    def __init__(self, clock: Clock, fill_s: float, line: str, confidences: tuple[float, ...]) -> None:
        self._clock = clock
        self._confidences = confidences
        self._fill_s = fill_s
        self._line = line
        self.begun_ms: list[int] = []
        self._running = 0
        self.most_running = 0

    async def info(self) -> Any:
        return await ScriptedEngine("").info()

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        self.begun_ms.append(round(self._clock.now() * 1000))
        self._running += 1
        self.most_running = max(self.most_running, self._running)
        typed = request.prefix.rsplit("\n", 1)[-1].lstrip(" ")
        text = self._line[len(typed) :] if self._line.startswith(typed) else self._line
        try:
            await self._clock.sleep(self._fill_s)
            return await ScriptedEngine(Script((text,), confidences=self._confidences)).fill(request, on_draft)
        finally:
            self._running -= 1

    async def aclose(self) -> None:
        pass


def main(fill_s: float, line: str, *confidences: float) -> int:
    """Serve until the client ends."""
    clock = Clock()
    engine = SlowEngine(clock, fill_s, line, confidences)
    server = Server(lambda _: engine)
    server.session.scheduler = Scheduler(clock.sleep)
    server.session._clock = clock.now

    @server.feature("test/advance")
    async def advance(params: Any) -> None:
        asyncio.get_running_loop().set_default_executor(AtOnce(1))
        await clock.advance(params["to_ms"] / 1000)

    @server.feature("test/engine")
    def told(params: Any) -> dict[str, Any]:
        return {"begun_ms": engine.begun_ms, "most_running": engine.most_running}

    return run_stdio(server.protocol, server.session.aclose)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:])))
