"""The small language client, against servers that misbehave; the demo's tests show it with the real one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infill_lsp.cli.lsp_client import AnswerError, LspClient, ServerGone

_SERVER = """
import json, sys

def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return json.loads(sys.stdin.buffer.read(length))

def write(message, header="Content-Length"):
    body = json.dumps(message).encode()
    sys.stdout.buffer.write(header.encode() + b": %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.buffer.flush()

request = read()
answer = {"jsonrpc": "2.0", "id": request["id"]}
"""


@contextmanager
def client_of(program: str) -> Iterator[tuple[LspClient, list[tuple[str, Any]]]]:
    """Start a server that has read the first request, and collect its notifications."""
    notified: list[tuple[str, Any]] = []
    client = LspClient(
        [sys.executable, "-c", _SERVER + program], lambda method, params: notified.append((method, params))
    )
    try:
        yield client, notified
    finally:
        client.close()


def test_a_result_with_notifications_before_it() -> None:
    program = (
        "write({'method': 'news', 'params': [1]}); write(answer | {'result': request['params']}, 'content-length')"
    )
    with client_of(program) as (client, notified):
        assert client.request("echo", {"text": "é🙂"}, within_s=60) == {"text": "é🙂"}
        assert notified == [("news", [1])]


def test_a_request_of_the_server_is_answered() -> None:
    program = """
write({'id': 'a', 'method': 'workspace/configuration', 'params': {'items': [{}, {}]}})
settings = read()
write({'id': 'b', 'method': 'window/workDoneProgress/create', 'params': {}})
write(answer | {'result': [settings['id'], settings['result'], read()['result']]})
"""
    with client_of(program) as (client, _):
        assert client.request("ask", None, within_s=60) == ["a", [None, None], None]


def test_an_error_is_raised_with_its_message() -> None:
    program = "write(answer | {'error': {'code': -1, 'message': 'not today'}})"
    with client_of(program) as (client, _), pytest.raises(AnswerError, match="not today"):
        client.request("ask", None, within_s=60)


@pytest.mark.parametrize(
    "program", ["sys.exit('out of order')", "print('no header', file=sys.stderr); print('x: y\\n')"]
)
def test_a_server_that_ends_is_told_with_its_last_words(program: str) -> None:
    with (
        client_of(program) as (client, _),
        pytest.raises(ServerGone, match=r"ended unexpectedly: (out of order|no header)"),
    ):
        client.request("ask", None, within_s=60)


def test_a_server_that_hangs_is_given_up() -> None:
    with client_of("read()") as (client, _), pytest.raises(ServerGone, match="did not answer ask in time"):
        client.request("ask", None, within_s=0.0)
