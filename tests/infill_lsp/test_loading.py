"""A model that loads is shown as progress: at the start, and again when a host that was idle is gone."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.engine.hosting import hosts_in
from tests.infill_lsp.raw_client import ROOT, RawClient
from tests.infill_lsp.sample import opened

# A model loads once somebody writes to the pipe; the server takes every engine for one that was idle for long.
_SLOW_TO_LOAD = """
import os, engine.fake, infill_lsp.loading
infill_lsp.loading._STAYS_READY_S = 0.0
start = engine.fake.ScriptedFiller.__init__
def load(self, script):
    open(os.environ["PIPE"]).read()
    start(self, script)
engine.fake.ScriptedFiller.__init__ = load
"""


def begun(client: RawClient) -> str:
    """Let the server begin a bar, and return its token."""
    made = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": made["id"], "result": None})
    token: str = made["params"]["token"]
    value = client.notification("$/progress", token=token)["value"]
    assert (value["kind"], value["title"], value["cancellable"]) == ("begin", "Loading model", False)
    return token


def test_the_bar_stands_as_long_as_the_model_loads(private_folders: Path) -> None:
    (private_folders / "sitecustomize.py").write_text(_SLOW_TO_LOAD)
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
