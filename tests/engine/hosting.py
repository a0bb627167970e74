"""Hosts and clients for tests: folders of their own, hosts that a test can hold, and no process left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from engine import app, host, wire
from engine.api import FillRequest
from engine.client import HostClient
from engine.fake import ScriptedFiller
from engine.worker import Worker

REQUEST = FillRequest("x = ", "\n")
ROOT = Path(host.__file__).parent.parent

# A bound for waits that end soon unless something is broken.
LIMIT_S = 60.0


@contextmanager
def private_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a private folder with a short path; no process that knows it outlives the test."""
    made = Path(tempfile.mkdtemp(prefix="ih-", dir="/tmp"))
    monkeypatch.setenv("XDG_STATE_HOME", str(made))
    try:
        yield made
    finally:
        for process_id in hosts_in(made):
            os.kill(process_id, signal.SIGKILL)
        deadline = time.monotonic() + LIMIT_S
        while hosts_in(made):
            assert time.monotonic() < deadline, "a host outlives the test"
            time.sleep(0.01)
        shutil.rmtree(made)


def hosts_in(folder: Path) -> list[int]:
    """The processes that were started for a socket in this folder."""
    listing = subprocess.run(
        ["ps", "-axww", "-o", "pid=", "-o", "stat=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines() if f"{folder}/" in line]
    return [int(row[0]) for row in rows if not row[1].startswith("Z")]


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that is about to become true."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def client(
    folder: Path, model: str = "fake:1 + 2", *, idle_seconds: float = 60, start: bool = True
) -> AsyncIterator[HostClient]:
    """A client of the socket in this folder."""
    made = HostClient(model, idle_seconds=idle_seconds, socket_path=folder / "s.sock", start=start)
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def serving(folder: Path, filler: ScriptedFiller) -> AsyncIterator[app.Activity]:
    """A host on this event loop, so that a test can hold its fills."""
    worker = Worker(lambda: filler)
    activity = app.Activity(app.create_app(worker, model="fake:here", stop=worker.stop))
    server = uvicorn.Server(uvicorn.Config(activity, uds=str(folder / "s.sock"), lifespan="off", log_config=None))
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield activity
    finally:
        server.should_exit = True
        await task
        assert await asyncio.to_thread(worker.close, LIMIT_S)


@asynccontextmanager
async def raw(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP by hand, for requests that the client never makes."""
    transport = httpx.AsyncHTTPTransport(uds=str(folder / "s.sock"))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=LIMIT_S) as http:
        yield http


async def check_fills(engine: HostClient, text: str) -> None:
    """The engine fills a hole, with drafts in order."""
    steps: list[int] = []
    result = await engine.fill(REQUEST, lambda draft: steps.append(draft.step))
    assert result.candidates[0].text == text
    assert result.reason is None
    assert steps == list(range(1, result.passes + 1))


async def status(engine: HostClient) -> wire.HostStatus:
    """What the running host says of itself."""
    found = await engine.status()
    assert found is not None
    return found


async def is_up(engine: HostClient) -> bool:
    """Whether a host answers."""
    return await engine.status() is not None
