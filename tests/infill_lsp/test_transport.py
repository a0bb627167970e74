"""Bytes in and out: framing that is put up with, messages that are refused, and how the server ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.transport.stdio import MessageReader, Oversized, watch_client
from tests.infill_lsp.raw_client import PATIENCE_S, RawClient, let_go, scripted

URI = "file:///project/sample.py"
AT_START = {"line": 0, "character": 0}


@pytest.fixture
def ready(client: RawClient) -> RawClient:
    client.initialize()
    return client


def read_all(data: bytes, *, chunk: int = 7, max_bytes: int = 100) -> list[bytes | Oversized]:
    """Read messages from data that arrives in pieces of a size."""
    rest = [data[start : start + chunk] for start in range(0, len(data), chunk)]
    reader = MessageReader(lambda _: rest.pop(0) if rest else b"", max_bytes)
    messages = []
    while (message := reader.next()) is not None:
        messages.append(message)
    return messages


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: 2\r\n\r\n{}",
        b"content-length: 2\r\n\r\n{}",
        b"CONTENT-LENGTH:2\r\n\r\n{}",
        b"Content-Length :  2  \r\n\r\n{}",
        b"Content-Length: 2\n\n{}",
        b"Content-Type: x; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nContent-Type: x\r\n\r\n{}",
        b"\r\n\r\nContent-Length: 2\r\n\r\n{}",
        b"OOPS a stray line\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\n\r\n{}and no more",
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_headers_of_every_writing_are_read(data: bytes, chunk: int) -> None:
    assert read_all(data, chunk=chunk) == [b"{}"]


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 50))
def test_bodies_come_out_as_they_went_in_however_they_are_cut(bodies: list[bytes], chunk: int) -> None:
    data = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    assert read_all(data, chunk=chunk) == bodies


def test_a_message_that_is_too_long_is_skipped_and_the_next_one_read() -> None:
    body = b"\nContent-Length: 1\n\n" + b"x" * 81
    data = b"Content-Length: 101\r\n\r\n" + body + b"Content-Length: 2\r\n\r\n{}"
    assert len(body) == 101
    assert read_all(data) == [Oversized(101), b"{}"]
    assert read_all(data, max_bytes=101) == [body, b"{}"]


def test_a_length_that_nobody_sends_is_not_waited_for() -> None:
    data = b"Content-Length: 1000000000000\r\n\r\n{}Content-Length: 2\r\n\r\n{}"
    assert read_all(data) == [Oversized(10**12), b"{}"]


def test_a_body_that_is_cut_off_is_the_end() -> None:
    assert read_all(b"Content-Length: 5\r\n\r\n{}") == []


def test_an_endless_header_is_not_kept() -> None:
    assert read_all(b"x" * 1_000_000 + b"\nContent-Length: 2\r\n\r\n{}", chunk=1 << 16) == [b"{}"]


def test_a_lower_case_header_is_served(shared: RawClient) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "infill/whyNoSuggestion"}).encode()
    shared.send_bytes(b"content-length:%d\n\n%b" % (len(body), body))
    assert shared.answer("a")["result"] == {"silences": []}


def test_a_huge_content_length_is_refused_and_the_next_message_served(shared: RawClient) -> None:
    shared.send_bytes(b"Content-Length: 1000000000000\r\n\r\n")
    assert shared.answer(None)["error"]["code"] == -32600
    shared.settle()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b'"\xff"', -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"17", -32600),
        (b'{"id": 1, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0"}', -32600),
        (b'{"jsonrpc": "2.0", "method": 3, "id": 1}', -32600),
    ],
)
def test_what_is_no_message_is_refused_and_the_next_one_served(shared: RawClient, body: bytes, code: int) -> None:
    shared.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    message = shared.wait_for(lambda m: "error" in m)
    assert message["error"]["code"] == code
    shared.settle()
    assert not [m for m in shared.seen if m.get("method") == "window/showMessage"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/inlineCompletion", None),
        ("textDocument/inlineCompletion", {"textDocument": {"uri": URI}, "position": AT_START}),
        (
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": URI}, "position": AT_START, "context": {"triggerKind": 7}},
        ),
        (
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": URI},
                "position": {"line": -1, "character": 0},
                "context": {"triggerKind": 1},
            },
        ),
        ("textDocument/codeAction", {"textDocument": {"uri": URI}}),
        ("codeAction/resolve", {"title": "Fill hole"}),
        ("codeAction/resolve", {"title": "Fill hole", "data": {"uri": URI, "version": 1, "range": {}}}),
        ("codeAction/resolve", {"title": "Fill hole", "data": [1, 2]}),
        (
            "codeAction/resolve",
            {
                "title": "Fill hole",
                "data": {"uri": URI, "version": 1, "range": {"start": {"line": "a", "character": 0}, "end": AT_START}},
            },
        ),
        ("workspace/executeCommand", {"command": "rm"}),
        ("workspace/executeCommand", {"arguments": []}),
    ],
)
def test_parameters_that_make_no_sense_are_answered(shared: RawClient, method: str, params: Any) -> None:
    error = shared.error(method, params)
    assert error["code"] == -32602, error
    assert set(error) == {"code", "message"}
    shared.settle()


def test_an_unknown_request_is_answered_and_an_unknown_notification_ignored(shared: RawClient) -> None:
    assert shared.error("$/nonsense", {"a": [1]})["code"] == -32601
    shared.notify("$/nonsense", {"jsonrpc": "nested"})
    shared.notify("textDocument/didChange", {"no": "sense"})
    shared.notify("$/cancelRequest", {"id": 999})
    shared.send({"jsonrpc": "2.0", "id": "never asked", "result": None})
    shared.settle()
    assert not [m for m in shared.seen if "method" not in m]


def test_a_custom_request_may_come_without_params(shared: RawClient) -> None:
    shared.send({"jsonrpc": "2.0", "id": 50, "method": "infill/whyNoSuggestion"})
    assert shared.answer(50)["result"] == {"silences": []}


def test_nothing_is_served_before_initialize(client: RawClient) -> None:
    assert client.error("textDocument/codeAction", {})["code"] == -32002
    assert client.error("infill/whyNoSuggestion")["code"] == -32002
    assert client.error("shutdown")["code"] == -32002
    client.open(URI, "x = 1\n")
    client.initialize()
    client.settle()
    assert client.actions(URI, {"start": AT_START, "end": AT_START}) == []


def test_a_second_initialize_is_refused_and_loses_nothing(ready: RawClient) -> None:
    ready.open(URI, "x = \n")
    assert ready.error("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["code"] == -32600
    assert ready.ghost(URI, {"line": 0, "character": 4})[0]["insertText"] == "1 + 2"


def test_an_id_that_is_in_use_is_refused(ready: RawClient) -> None:
    ready.open(URI, '# {"hold": true}\nx = \n')
    first = ready.ask_ghost(URI, {"line": 1, "character": 4})
    ready.send({"jsonrpc": "2.0", "id": first, "method": "infill/whyNoSuggestion"})
    assert ready.answer(first)["error"]["code"] == -32600
    ready.notification("infill/status", state="busy")
    ready.settle()
    let_go(ready)
    assert ready.answer(first)["result"]["items"]


def test_after_shutdown_requests_are_refused_and_exit_is_clean(ready: RawClient) -> None:
    ready.open(URI, '# {"hold": true}\nx = \n')
    held = ready.ask_ghost(URI, {"line": 1, "character": 4})
    ready.notification("infill/status", state="busy")
    ready.result("shutdown")
    assert ready.answer(held)["error"]["code"] == -32800
    assert ready.error("infill/whyNoSuggestion")["code"] == -32600
    ready.notify("exit")
    assert ready.process.wait(PATIENCE_S) == 0
    assert b"the engine was closed" in ready.errors


def test_exit_without_shutdown_is_status_1(ready: RawClient) -> None:
    ready.notify("exit")
    assert ready.process.wait(PATIENCE_S) == 1


def test_exit_before_initialize_is_status_1(client: RawClient) -> None:
    client.notify("exit")
    assert client.process.wait(PATIENCE_S) == 1


def test_a_client_that_hangs_up_is_status_1_even_in_the_middle_of_a_message(ready: RawClient) -> None:
    ready.send_bytes(b"Content-Length: 500\r\n\r\n{")
    assert ready.hang_up() == 1


def test_sigterm_is_told_from_a_failure(ready: RawClient) -> None:
    ready.process.terminate()
    assert ready.process.wait(PATIENCE_S) == 128 + signal.SIGTERM


def test_a_client_that_died_is_noticed_although_the_pipe_is_open() -> None:
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    num_looks = 0

    def process_id() -> int:
        nonlocal num_looks
        num_looks += 1
        if num_looks == 3:
            client.kill()
            client.communicate()
        return client.pid

    reasons: list[str] = []
    asyncio.run(asyncio.wait_for(watch_client(process_id, 0.001, reasons.append), PATIENCE_S))
    assert (num_looks, reasons) == (3, ["the client's process is gone"])


def test_a_client_whose_process_was_never_seen_does_not_end_the_server(tmp_path: Path) -> None:
    """As from another container, where the id means a process of its own."""
    unseen = subprocess.Popen([sys.executable, "-c", ""])
    unseen.wait()
    with scripted(tmp_path, "0.001") as client:
        client.initialize(process_id=unseen.pid)
        for _ in range(50):
            client.settle()
        assert client.end() == 0


def test_a_client_that_lives_does_not_end_the_server(tmp_path: Path) -> None:
    with scripted(tmp_path, "0.01") as client:
        client.initialize(process_id=os.getpid())
        for _ in range(50):
            client.settle()


def test_standard_output_carries_nothing_but_messages(ready: RawClient) -> None:
    ready.open(URI, "x = \n")
    assert ready.ghost(URI, {"line": 0, "character": 4})
    assert ready.end() == 0
    for line in (b"a stray line", b"another one", b"and one from a library"):
        assert line in ready.errors


def test_a_client_that_does_not_read_is_still_listened_to(ready: RawClient) -> None:
    """The answers are far more than a pipe holds, and the last message still ends the server."""
    command = [sys.executable, "-c", _DEAF_CLIENT, sys.executable]
    assert subprocess.run(command, timeout=PATIENCE_S, env=os.environ).returncode == 1


_DEAF_CLIENT = """
import json, subprocess, sys
def framed(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body)
server = subprocess.Popen([sys.argv[1], "-m", "infill_lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
server.stdin.write(framed(id=0, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}}))
for number in range(1, 3000):
    server.stdin.write(framed(id=number, method="infill/" + "x" * 200))
server.stdin.write(framed(method="exit"))
server.stdin.flush()
sys.exit(server.wait())
"""
