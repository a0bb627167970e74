"""The server in this process, where a test can see what it keeps and what time it asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from infill_lsp.scheduler import Scheduler
from infill_lsp.server import Server
from infill_lsp.transport.hardened import Protocol
from tests.infill_lsp.raw_client import span
from tests.infill_lsp.sample import (
    AUTOMATIC,
    INVOKED,
    URI,
)
from tests.infill_lsp.scripted_server import make_engine


async def test_a_thousand_notifications_and_requests_leave_nothing_behind() -> None:
    sent: list[bytes] = []
    protocol = _conversation(sent)
    document = {"uri": URI, "languageId": "python", "version": 1, "text": "x = 1\n"}
    _receive(protocol, method="textDocument/didOpen", params={"textDocument": document})
    for number in range(1000):
        changes = {
            "textDocument": {"uri": URI, "version": number + 2},
            "contentChanges": [{"range": span("", 0, 0, "utf-8"), "text": "#"}],
        }
        _receive(protocol, method="textDocument/didChange", params=changes)
        _receive(protocol, method="workspace/didChangeConfiguration", params={"settings": None})
        _receive(protocol, method="$/nonsense")
        _receive(protocol, method="infill/whyNoSuggestion", id=number)
    for _ in range(100):
        await _turn()
    assert protocol.num_in_flight == 0
    assert sum(b'"silences"' in data for data in sent) == 1000


async def test_a_late_answer_of_the_client_is_ignored() -> None:
    sent: list[bytes] = []
    protocol = _conversation(sent, answers_settings=True)
    asking = protocol._server.session.editor.settings([None])  # type: ignore[attr-defined]
    task = asyncio.ensure_future(asking)
    await _turn()
    task.cancel()
    await asyncio.wait({task})
    assert protocol.num_in_flight == 0
    _receive(protocol, id="infill-1", result=[{"enabled": False}])
    assert protocol.num_in_flight == 0
    assert not [data for data in sent if b"error" in data]


async def test_who_types_waits_for_a_pause_and_who_asks_does_not() -> None:
    slept: list[float] = []
    time_passes = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await time_passes.wait()

    sent: list[bytes] = []
    protocol = _conversation(sent)
    protocol._server.session.scheduler = Scheduler(sleep)  # type: ignore[attr-defined]
    document = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
    _receive(protocol, method="textDocument/didOpen", params={"textDocument": document})
    for kind in (INVOKED, AUTOMATIC):
        params = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}
        protocol._server.session.shown.clear()  # type: ignore[attr-defined]
        asked = {"method": "textDocument/inlineCompletion", "params": {**params, "context": {"triggerKind": kind}}}
        _receive(protocol, id=kind, **asked)
        await _until(lambda kind=kind: slept == [0.075] if kind == AUTOMATIC else _num_lists(sent) == 1)
    assert slept == [0.075]
    assert _num_lists(sent) == 1
    time_passes.set()
    await _until(lambda: _num_lists(sent) == 2)
    assert all(b'"1 + 2"' in data for data in sent if b'"items"' in data)


async def test_accepted_suggestions_are_counted() -> None:
    protocol = _conversation([])
    for number in range(3):
        _receive(protocol, id=number, method="workspace/executeCommand", params={"command": "infill.accepted"})
    await _until(lambda: protocol.num_in_flight == 0)
    assert protocol._server.session.num_accepted == 3  # type: ignore[attr-defined]


def _conversation(sent: list[bytes], *, answers_settings: bool = False) -> Protocol:
    """Make a server in this process, introduced to a client."""
    protocol = Server(make_engine).protocol
    protocol.send_with(sent.append)
    introduction = {
        "processId": None,
        "rootUri": None,
        "capabilities": {"workspace": {"configuration": answers_settings}},
    }
    _receive(protocol, id="first", method="initialize", params=introduction)
    return protocol


def _receive(protocol: Protocol, **message: object) -> None:
    protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())


def _num_lists(sent: list[bytes]) -> int:
    return sum(b'"items"' in data for data in sent)


async def _turn() -> None:
    await asyncio.sleep(0)


async def _until(happened: Callable[[], bool]) -> None:
    """Wait for what threads have a part in."""
    async with asyncio.timeout(30):
        while not happened():
            await _turn()
