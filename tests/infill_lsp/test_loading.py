"""A model that loads is shown as progress: at the start, and again when a host that was idle is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

import infill_lsp.loading
from engine.wire import HostStatus
from infill_lsp.loading import LoadingBar
from infill_lsp.protocol import Editor
from tests.engine.hosting import hosts_in
from tests.infill_lsp.raw_client import ROOT, RawClient
from tests.infill_lsp.sample import opened

# A model loads once somebody writes to the pipe.
_SLOW_TO_LOAD = """
import os, engine.fake
start = engine.fake.ScriptedFiller.__init__
def load(self, script):
    open(os.environ["PIPE"]).read()
    start(self, script)
engine.fake.ScriptedFiller.__init__ = load
"""


# The server takes every engine for one that was idle for long.
_IDLE = """
import infill_lsp.loading
infill_lsp.loading._STAYS_READY_S = 0.0
"""


def begun(client: RawClient) -> str:
    """Let the server begin a bar, and return its token."""
    made = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": made["id"], "result": None})
    token: str = made["params"]["token"]
    value = client.notification("$/progress", token=token)["value"]
    assert (value["kind"], value["title"], value["cancellable"]) == ("begin", "Loading model", False)
    return token


@pytest.mark.parametrize("was_idle", [True, False])
def test_the_bar_stands_as_long_as_the_model_loads(private_folders: Path, *, was_idle: bool) -> None:
    (private_folders / "sitecustomize.py").write_text(_SLOW_TO_LOAD + (_IDLE if was_idle else ""))
    pipe = private_folders / "pipe"
    os.mkfifo(pipe)
    variables = {
        **os.environ,
        "INFILL_MODEL": "fake:40 + 2",
        "PYTHONPATH": os.pathsep.join([str(private_folders), str(ROOT)]),
        "PIPE": str(pipe),
    }
    with RawClient([sys.executable, "-m", "infill_lsp"], variables) as client:
        client.initialize(capabilities={"window": {"workDoneProgress": True}})
        sample = opened(client, "x = $0\n")
        token = begun(client)
        pipe.write_text("go on")
        assert client.notification("$/progress", token=token)["value"]["kind"] == "end"
        assert sample.ghost()
        (host,) = hosts_in(private_folders)
        os.kill(host, signal.SIGKILL)
        asked = sample.ask_ghost()
        token = begun(client)
        pipe.write_text("go on")
        assert client.notification("$/progress", token=token)["value"]["kind"] == "end"
        assert client.answer(asked)["result"]["items"]
        assert client.end() == 0


def test_a_client_without_progress_is_sent_none(private_folders: Path) -> None:
    variables = {**os.environ, "INFILL_MODEL": "fake:40 + 2"}
    with RawClient([sys.executable, "-m", "infill_lsp"], variables) as client:
        client.initialize()
        assert opened(client, "x = $0\n").ghost()
        client.settle()
        assert not [m for m in client.seen if "rogress" in m.get("method", "")]


class Bars:
    """A client that counts the bars it is shown, and an engine that is asked how it is."""

    def __init__(self, state: str | None) -> None:
        self.state, self.num_shown, self.num_asked = state, 0, 0
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def progress(self, title: str) -> AsyncIterator[None]:
        self.num_shown += 1
        yield

    async def status(self) -> HostStatus | None:
        self.num_asked += 1
        self.asked.set()
        return None if self.state is None else HostStatus(1, "", "", cast("Any", self.state), None)

    async def info(self) -> None:
        """Load."""


@pytest.mark.parametrize(
    ("state", "num_shown"), [(None, 1), ("unloaded", 1), ("loading", 1), ("busy", 0), ("ready", 0)]
)
def test_a_fill_that_takes_long_shows_whether_the_engine_loads(
    state: str | None, num_shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infill_lsp.loading, "_IS_LONG_S", 0.0)
    both = Bars(state)
    bar = LoadingBar(cast("Editor", both))

    async def fills() -> None:
        bar.ready()
        bar.look(cast("Any", both))
        bar.ready()  # The fill is done.
        for _ in range(9):
            await asyncio.sleep(0)
        assert both.num_asked == 0
        bar.look(cast("Any", both))
        await both.asked.wait()
        assert bar._task is not None
        await bar._task

    asyncio.run(fills())
    assert (both.num_asked, both.num_shown) == (1, num_shown)
