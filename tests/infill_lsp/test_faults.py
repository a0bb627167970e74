"""The faults of pygls 2.1.1, one test a fault and more where it has several faces: the server has none of them.

An upgrade of pygls that brings one back, or moves what our protocol class leans on, shows here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infill_lsp.raw_client import PATIENCE_S, RawClient, environment, let_go, scripted
from tests.infill_lsp.sample import AUTOMATIC, URI, opened

HELD = '# {"hold": true}\nx = $0\n'


def probed(folder: Path) -> RawClient:
    return RawClient([sys.executable, "-m", "tests.infill_lsp.probed_server"], environment(folder))


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    with probed(tmp_path_factory.mktemp("home")) as client:
        client.initialize()
        yield client


@pytest.fixture
def served(_served: RawClient) -> RawClient:
    _served.settle()
    _served.seen.clear()
    return _served


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RawClient]:
    """A server for one test, which may end it."""
    with probed(tmp_path) as client:
        client.initialize()
        yield client


def at(line: int, start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


def check_edit(client: RawClient, text: str, where: dict[str, Any], expected: str, new: str = "") -> None:
    client.open(URI, text)
    client.change(URI, 2, {"range": where, "text": new})
    assert client.result("test/text", {"uri": URI}) == expected


def framed(**message: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def no_pop_up(client: RawClient) -> None:
    client.settle()
    assert not [m for m in client.seen if m.get("method") == "window/showMessage"]


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_01_lines_split_only_where_editors_split_them(served: RawClient, character: str) -> None:
    check_edit(served, f"a{character}b\ncde\n", at(1, 1, 2), f"a{character}b\nce\n")


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("ab", at(0, 1, 9), "a"),
        ("ab\ncd\n", at(0, 1, 3), "a\ncd\n"),
        ("ab\ncd\n", at(0, 1, 99), "a\ncd\n"),
        ("ab\r\ncd\r\n", at(0, 1, 3), "a\r\ncd\r\n"),
        ("\U0001f600b\n", at(0, 0, 2), "b\n"),
        ("ab\n", {"start": {"line": 0, "character": 1}, "end": {"line": 7, "character": 3}}, "a"),
    ],
)
def test_02_a_column_past_the_end_of_a_line_is_its_end(
    served: RawClient, text: str, where: dict[str, Any], expected: str
) -> None:
    check_edit(served, text, where, expected)


def test_03_busy_work_does_not_make_the_server_deaf(own: RawClient) -> None:
    own.result("test/stuck")
    held = [opened(own, HELD, uri=f"file:///project/{number}.py").ask_ghost() for number in range(20)]
    own.settle()
    own.notify("$/cancelRequest", {"id": held[0]})
    assert own.answer(held[0])["error"]["code"] == -32800


def test_04_work_that_is_running_can_be_cancelled(served: RawClient) -> None:
    held = opened(served, HELD).ask_ghost()
    served.notification("infill/status", state="busy")
    served.notify("$/cancelRequest", {"id": held})
    assert served.answer(held)["error"]["code"] == -32800
    served.notification("infill/status", state="normal")


def test_05_a_command_that_is_cancelled_stops_running(served: RawClient) -> None:
    held = served.ask("workspace/executeCommand", {"command": "test.held"})
    served.notification("test/began")
    served.notify("$/cancelRequest", {"id": held})
    assert served.answer(held)["error"]["code"] == -32800
    served.notification("test/ended")
    assert served.error("workspace/executeCommand", {"command": "no such"})["code"] == -32602


def test_06_shutdown_while_a_command_and_requests_run(own: RawClient) -> None:
    held = own.ask("workspace/executeCommand", {"command": "test.held"})
    own.notification("test/began")
    fills = [opened(own, HELD, uri=f"file:///project/{number}.py").ask_ghost() for number in range(3)]
    own.settle()
    assert own.result("shutdown") is None
    for each in (held, *fills):
        assert own.answer(each)["error"]["code"] == -32800
    own.notify("exit")
    assert own.process.wait(PATIENCE_S) == 0


def test_07_exit_does_not_wait_for_threads(own: RawClient) -> None:
    own.result("test/stuck")
    assert own.end() == 0


def test_08_the_exit_status_tells_whether_the_client_said_goodbye(own: RawClient, tmp_path: Path) -> None:
    assert own.end() == 0
    with scripted(tmp_path) as other:
        other.initialize()
        other.notify("exit")
        assert other.process.wait(PATIENCE_S) == 1


def test_09_a_client_that_died_is_noticed_although_its_pipe_stays_open(tmp_path: Path) -> None:
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with scripted(tmp_path, "0.001") as client:
        client.initialize(process_id=editor.pid)
        for _ in range(200):  # It must have been seen alive first.
            client.settle()
        editor.kill()
        editor.communicate()
        assert client.process.wait(PATIENCE_S) == 1


def test_10_nothing_is_kept_for_messages_that_were_dealt_with(served: RawClient) -> None:
    sample = opened(served, "x = $0\n")
    for version in range(2, 200):
        sample.type(version, "1")
        served.notify("workspace/didChangeConfiguration", {"settings": None})
        served.notify("$/nonsense")
        served.ask("no/such")
    for _ in range(20):
        sample.ghost(AUTOMATIC)
    assert served.result("test/kept") == [0, 0, 0]


def test_11_a_late_answer_to_a_question_of_the_server_is_no_error(served: RawClient) -> None:
    served.send({"jsonrpc": "2.0", "id": "infill-1", "result": [{}]})
    served.send({"jsonrpc": "2.0", "id": "infill-1", "error": {"code": 1, "message": "late"}})
    no_pop_up(served)
    assert not [m for m in served.seen if "error" in m]


@pytest.mark.parametrize(
    "params",
    [None, {}, {"textDocument": {"uri": URI}, "position": at(0, 0, 0)["start"], "context": {"triggerKind": 7}}],
)
def test_12_parameters_that_make_no_sense_are_answered(served: RawClient, params: Any) -> None:
    assert served.error("textDocument/inlineCompletion", params)["code"] == -32602
    no_pop_up(served)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b"[1]", -32600), (b"1", -32600), (b'"\xff"', -32700), (b"{}", -32600), (b"[" * 100_000, -32700)],
)
def test_13_what_is_no_message_is_refused(served: RawClient, body: bytes, code: int) -> None:
    served.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    assert served.wait_for(lambda m: "error" in m)["error"]["code"] == code
    no_pop_up(served)


def test_14_what_looks_like_a_message_inside_of_one_is_only_data(served: RawClient) -> None:
    nested = {"jsonrpc": "2.0", "id": 1, "method": "shutdown", "params": {"jsonrpc": "2.0", "result": 1}}
    assert served.result("workspace/executeCommand", {"command": "infill.accepted", "arguments": [nested]}) is None
    served.notify("workspace/didChangeConfiguration", {"settings": {"infill-lsp": {}, "jsonrpc": nested}})
    assert served.result("workspace/executeCommand", {"command": "infill.accepted"}) is None


@pytest.mark.parametrize(
    "header", [b"content-length: %d\r\n\r\n", b"Content-Length:%d\r\n\r\n", b"CONTENT-LENGTH: %d\n\n"]
)
def test_15_headers_of_every_writing_are_read(served: RawClient, header: bytes) -> None:
    body = b'{"jsonrpc": "2.0", "id": "odd", "method": "infill/whyNoSuggestion"}'
    served.send_bytes(header % len(body) + body)
    assert "silences" in served.answer("odd")["result"]


def test_16_a_huge_length_is_refused_and_no_memory_taken_for_it(served: RawClient) -> None:
    served.send_bytes(b"Content-Length: 1000000000000\r\n\r\n")
    assert served.answer(None)["error"]["code"] == -32600
    served.settle()


def test_17_requests_out_of_season_are_refused(tmp_path: Path) -> None:
    with scripted(tmp_path) as client:
        assert client.error("infill/whyNoSuggestion")["code"] == -32002
        client.initialize()
        sample = opened(client, "x = $0\n")
        again = {"processId": None, "rootUri": None, "capabilities": {}}
        assert client.error("initialize", again)["code"] == -32600
        assert sample.ghost(), "the documents are still there"
        client.result("shutdown")
        assert client.error("infill/whyNoSuggestion")["code"] == -32600


@pytest.mark.parametrize("method", ["test/raises", "test/raisesAtOnce", "test/unwritable"])
def test_18_a_fault_is_answered_without_traceback_or_path(served: RawClient, method: str) -> None:
    error = served.error(method)
    assert error["code"] == -32603
    assert set(error) == {"code", "message"}
    assert "Traceback" not in error["message"]
    assert "File " not in error["message"]
    no_pop_up(served)


def test_19_a_document_that_is_not_open_is_nobodys_and_never_read_from_disk(served: RawClient, tmp_path: Path) -> None:
    path = tmp_path / "on_disk.py"
    path.write_text("x = \n")
    served.change(path.as_uri(), 2, {"range": at(0, 0, 0), "text": "y"})
    served.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
    assert served.ghost(path.as_uri(), {"line": 0, "character": 4}) == []
    assert served.actions(path.as_uri(), at(0, 0, 1)) == []
    no_pop_up(served)


def test_20_two_uris_are_two_documents_however_alike_they_read(served: RawClient) -> None:
    uris = ["file:///a%20b.py", "file:///a b.py", "file:///a%2520b.py"]
    for number, uri in enumerate(uris):
        served.open(uri, f"x = {number}\n")
    assert [served.result("test/text", {"uri": uri}) for uri in uris] == ["x = 0\n", "x = 1\n", "x = 2\n"]


def test_21_what_is_printed_does_not_reach_the_client(own: RawClient) -> None:
    assert opened(own, "x = $0\n").ghost()
    assert own.end() == 0
    assert b"and one from a library below Python" in own.errors


def test_22_a_client_that_does_not_read_is_still_listened_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.infill_lsp.probed_server"]
    variables = environment(tmp_path)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables
    ) as server:
        assert server.stdin is not None
        hello = {"processId": None, "rootUri": None, "capabilities": {}}
        server.stdin.write(framed(id=0, method="initialize", params=hello))
        for number in range(1, 3000):
            server.stdin.write(framed(id=number, method="x" * 200))
        server.stdin.write(framed(method="exit"))
        server.stdin.flush()
        assert server.wait(PATIENCE_S) == 1


def test_23_no_source_text_is_logged(own: RawClient, tmp_path: Path) -> None:
    for text in (
        "secret_name = $0\n",
        '# {"bug": true} secret_name\nx = $0\n',
        '# {"error": "request"}\nsecret_name = $0\n',
    ):
        opened(own, text).ghost()
    own.send({"jsonrpc": "2.0", "id": 1, "method": "textDocument/inlineCompletion", "params": {"secret_name": 1}})
    own.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"text": ["secret_name"]}]})
    assert own.end() == 0
    logs = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [log for log in [bytes(own.errors), *logs] if b"secret_name" in log]


@pytest.mark.parametrize("option", ["--tcp", "--ws", "--port=8888", "--host=0.0.0.0"])
def test_24_26_28_there_is_no_network_to_listen_on(option: str, tmp_path: Path) -> None:
    """Several clients on one port, lost answers on a web socket, no authentication: none of it is offered."""
    command = [sys.executable, "-m", "infill_lsp", option]
    ran = subprocess.run(
        command, env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S
    )
    assert ran.returncode not in (0, None)
    assert b"Content-Length" not in ran.stdout


def test_25_a_request_sees_the_document_as_it_was_when_it_arrived(served: RawClient) -> None:
    """In one packet: a request, and the edit that takes away what it is about."""
    action_params = {"textDocument": {"uri": URI}, "range": at(0, 4, 7), "context": {"diagnostics": []}}
    for number in range(20):
        served.open(URI, "x = ...\n", version=1)
        change = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": "x = 1\n"}]}
        served.send_bytes(
            framed(id=f"both {number}", method="textDocument/codeAction", params=action_params)
            + framed(method="textDocument/didChange", params=change)
        )
        actions = served.answer(f"both {number}")["result"]
        assert {action["data"]["version"] for action in actions} == {1}


def test_27_an_id_that_is_in_use_is_refused(served: RawClient) -> None:
    held = opened(served, HELD).ask_ghost()
    served.notification("infill/status", state="busy")
    served.send({"jsonrpc": "2.0", "id": held, "method": "infill/whyNoSuggestion"})
    assert served.answer(held)["error"]["code"] == -32600
    let_go(served)
    assert served.answer(held)["result"]["items"]


def test_27_progress_tokens_never_meet(tmp_path: Path) -> None:
    with scripted(tmp_path) as client:
        client.initialize(capabilities={"window": {"workDoneProgress": True}})
        tokens = []
        for number in range(3):
            action = opened(client, "x = $0...$0\n", uri=f"file:///project/{number}.py").action()
            client.ask("codeAction/resolve", action)
            asked = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
            tokens.append(asked["params"]["token"])
        assert len(set(tokens)) == 3
