"""The real server over stdio: how it starts, its settings, and what it says about itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from tests.engine.hosting import hosts_in
from tests.infill_lsp.raw_client import PATIENCE_S, ROOT, RawClient, edited, environment
from tests.infill_lsp.sample import (
    URI,
    check_silent,
    opened,
)


def test_it_announces_what_it_does(client: RawClient) -> None:
    capabilities = client.initialize(encodings=["utf-8", "utf-16"])
    assert capabilities["positionEncoding"] == "utf-8"
    assert capabilities["textDocumentSync"]["openClose"] is True
    assert capabilities["textDocumentSync"]["change"] == 2
    assert capabilities["inlineCompletionProvider"] == {"workDoneProgress": False}
    assert capabilities["codeActionProvider"] == {
        "codeActionKinds": ["quickfix", "refactor.rewrite"],
        "resolveProvider": True,
    }
    commands = ["infill.accepted", "infill-lsp.whyNoSuggestion", "infill-lsp.rewrite"]
    assert capabilities["executeCommandProvider"] == {"commands": commands}


def test_a_client_that_names_no_encoding_gets_utf16(client: RawClient) -> None:
    assert client.initialize()["positionEncoding"] == "utf-16"


def test_drafts_are_sent_to_who_wants_them(client: RawClient) -> None:
    client.initialize(options={"drafts": True})
    sample = opened(client, "xé = $0\n")
    asked = sample.ask_ghost()
    answer = client.answer(asked)
    drafts = [m["params"] for m in client.seen if m.get("method") == "infill/draft"]
    assert [draft["step"] for draft in drafts] == [1, 2, 3, 4]
    last = drafts[-1]
    assert last["text"] == answer["result"]["items"][0]["insertText"] == "1 + 2"
    assert last["tokens"] == [{"text": text, "state": "accepted"} for text in ("1", " +", " 2")]
    assert last["range"] == sample.range
    assert (last["uri"], last["version"]) == (URI, 1)
    assert last["passes_ms"] > 0


def test_nobody_else_gets_drafts(shared: RawClient) -> None:
    assert opened(shared, "x = $0\n").ghost()
    assert not [m for m in shared.seen if m.get("method") == "infill/draft"]


def test_the_last_ten_silences_are_told_newest_first(shared: RawClient) -> None:
    for number in range(12):
        assert opened(shared, "x = 1$0\n", uri=f"file:///project/{number}.py").ghost() == []
    silences = shared.result("infill/whyNoSuggestion")["silences"]
    assert [silence["uri"] for silence in silences] == [f"file:///project/{number}.py" for number in range(11, 1, -1)]
    ages = [silence["age_ms"] for silence in silences]
    assert ages == sorted(ages)


def test_the_same_silence_again_is_no_new_one(shared: RawClient) -> None:
    opened(shared, "x = 1$0\n", uri="file:///project/first.py").ghost()
    again = opened(shared, "x = 1$0\n", uri="file:///project/again.py")
    for _ in range(12):
        again.ghost()
    silences = shared.result("infill/whyNoSuggestion")["silences"]
    assert [each["num_times"] for each in silences[:2]] == [12, 1]
    assert silences[1]["uri"] == "file:///project/first.py"


def test_the_user_may_read_why_there_was_no_suggestion(client: RawClient) -> None:
    client.initialize()
    command = {"command": "infill-lsp.whyNoSuggestion"}
    assert client.result("workspace/executeCommand", command) == {"silences": []}
    assert client.notification("window/showMessage")["message"] == "Nothing was kept back."
    opened(client, "x = 1$0\n", uri="file:///project/a%20b.py").ghost()
    opened(client, "# $0\n").ghost()
    told = client.result("workspace/executeCommand", command)
    title, *lines = client.notification("window/showMessage")["message"].split("\n")
    assert title == "Why there was no suggestion, newest first:"
    pattern = r"\d\d:\d\d:\d\d, \d+ s ago: "
    assert [re.sub(pattern, "", line) for line in lines] == [
        "sample.py: the caret is in a comment",
        "a b.py: the line is complete",
    ]
    asked_at = datetime.fromisoformat(told["silences"][0]["at"])
    assert asked_at.tzinfo is not None
    assert lines[0].startswith(asked_at.strftime("%H:%M:%S"))


def test_the_engine_gets_ready_with_the_first_document_that_it_may_be_asked_about(client: RawClient) -> None:
    client.initialize()
    opened(client, "x = $0\n", uri="file:///project/notes.txt", language="plaintext")
    opened(client, "x = $0\n", uri="file:///project/.env")
    client.settle()
    client.notify("workspace/didChangeConfiguration", {"settings": {"enabled": False}})
    opened(client, "x = $0\n")
    client.settle()
    client.notify("workspace/didChangeConfiguration", {"settings": {"enabled": True}})
    for number in range(3):
        opened(client, "x = $0\n", uri=f"file:///project/{number}.py")
    client.settle()
    assert client.end() == 0
    assert client.errors.count(b"the engine was warmed") == 1


def test_accepting_is_acknowledged(shared: RawClient) -> None:
    assert shared.result("workspace/executeCommand", {"command": "infill.accepted"}) is None
    assert shared.result("workspace/executeCommand", {"command": "infill.accepted", "arguments": [1, {}]}) is None


def test_settings_come_with_initialize_and_with_every_change(client: RawClient) -> None:
    client.initialize(options={"settings": {"enabled": False}})
    sample = opened(client, "x = $0\n")
    check_silent(client, sample, "enabled")
    client.notify("workspace/didChangeConfiguration", {"settings": {"infill-lsp": {"enabled": True}}})
    assert sample.ghost()
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    assert sample.ghost()
    client.notify("workspace/didChangeConfiguration", {"settings": {"enabled": False}})
    check_silent(client, sample, "enabled")


def test_settings_that_cannot_be_used_are_shown_once(client: RawClient) -> None:
    client.initialize(options={"settings": {"colour": 1, "deadline_ms": "soon"}})
    message = client.notification("window/showMessage")["message"]
    assert "colour" in message
    assert "deadline_ms" in message
    client.notify("workspace/didChangeConfiguration", {"settings": {"colour": 1, "deadline_ms": "soon"}})
    client.settle()
    assert not [m for m in client.seen if m.get("method") == "window/showMessage"]


def test_settings_are_asked_for_where_the_client_answers(client: RawClient, tmp_path: Path) -> None:
    abilities = {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
    client.initialize(capabilities={"workspace": abilities}, root=tmp_path)
    registration = client.wait_for(lambda m: m.get("method") == "client/registerCapability")
    (wanted,) = registration["params"]["registrations"]
    assert wanted["method"] == "workspace/didChangeConfiguration"
    assert wanted["registerOptions"] == {"section": "infill-lsp"}
    client.send({"jsonrpc": "2.0", "id": registration["id"], "result": None})
    answer_settings(client, tmp_path, {"enabled": False})
    sample = opened(client, "x = $0\n")
    check_silent(client, sample, "enabled")
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    answer_settings(client, tmp_path, {"enabled": True})
    assert sample.ghost()
    client.notify("workspace/didChangeConfiguration", {"settings": {"enabled": False}})
    answer_settings(client, tmp_path, None)
    check_silent(client, sample, "enabled")


def test_a_client_that_never_answers_about_its_settings_is_served(client: RawClient) -> None:
    client.initialize(capabilities={"workspace": {"configuration": True}})
    assert opened(client, "x = $0\n").ghost()


def answer_settings(client: RawClient, root: Path, settings: object) -> None:
    question = client.wait_for(lambda m: m.get("method") == "workspace/configuration")
    assert question["params"] == {"items": [{"scopeUri": root.as_uri(), "section": "infill-lsp"}]}
    client.send({"jsonrpc": "2.0", "id": question["id"], "result": [settings]})


def test_a_project_file_is_read_and_may_not_choose_the_model(client: RawClient, tmp_path: Path) -> None:
    (tmp_path / "infill.toml").write_text('model = "/tmp/evil"\nexclude = ["sample.py"]\n')
    client.initialize(root=tmp_path)
    assert "model" in client.notification("window/showMessage")["message"]
    check_silent(client, opened(client, "x = $0\n"), "sample.py")


def test_another_model_means_another_engine(client: RawClient) -> None:
    client.initialize()
    sample = opened(client, "x = $0\n")
    assert sample.ghost()
    client.notify("workspace/didChangeConfiguration", {"settings": {"model": "/somewhere/else"}})
    assert sample.ghost()
    client.settle()
    assert client.end() == 0
    assert client.errors.count(b"a stray line") == client.errors.count(b"the engine was closed") == 2


def test_starting_loads_no_engine_and_costs_little(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _COUNTING]
    with RawClient(command, environment(tmp_path)) as client:
        client.initialize()
        modules = client.result("test/modules")
    assert "infill_lsp.server" in modules
    assert {"torch", "transformers", "numpy", "httpx", "starlette", "typer", "rich", "websockets"}.isdisjoint(modules)


def test_answering_initialize_costs_at_most_twice_what_loading_pygls_costs_and_100_megabytes(tmp_path: Path) -> None:
    """Computing time beside computing time, the best of five each: a slow or busy machine slows both alike."""
    ours, libraries, peaks = [], [], []
    for _ in range(5):
        with RawClient([sys.executable, "-m", "infill_lsp"], environment(tmp_path)) as client:
            client.answer(client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}}))
            peaks.append(peak_kilobytes(client.process.pid))
            client.process.kill()
            ours.append(computing_seconds(client.process))
        libraries.append(computing_seconds(subprocess.Popen([sys.executable, "-c", "import pygls.lsp.server"])))
    assert min(ours) < 2 * min(libraries)
    assert max(peaks) < 100_000


def computing_seconds(process: subprocess.Popen[bytes]) -> float:
    """Wait for the process to end and say how long it computed."""
    usage = os.wait4(process.pid, 0)[2]
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def peak_kilobytes(process_id: int) -> int:
    """The peak of the program alone: what `wait4` tells counts what the test runner held when it forked."""
    status = Path(f"/proc/{process_id}/status")
    lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


_COUNTING = """
import sys
from infill_lsp import server
class Server(server.Server):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        @self.feature("test/modules")
        def modules(params):
            return sorted(sys.modules)
server.Server = Server
sys.exit(server.serve_stdio())
"""


def test_a_request_that_nothing_can_be_remembered_for_is_answered(tmp_path: Path) -> None:
    with RawClient([sys.executable, "-c", _FORGETFUL], environment(tmp_path)) as client:
        client.initialize()
        assert client.result("infill/whyNoSuggestion") == {"silences": []}
        check_silent(client, opened(client, "x = $0\n"), "not open")
    assert b"nothing could be remembered" in client.errors


_FORGETFUL = """
import sys
from infill_lsp import handlers, server
def remember(session, params):
    raise ZeroDivisionError
handlers.remember = remember
sys.exit(server.serve_stdio())
"""


def test_the_real_host_serves_the_model_that_the_environment_names(private_folders: Path) -> None:
    variables = {**os.environ, "INFILL_MODEL": "fake:40 + 2"}
    with RawClient([sys.executable, "-m", "infill_lsp", "--stdio"], variables) as client:
        client.initialize()
        sample = opened(client, "x = $0\n")
        assert [edited(sample.text, item, "utf-16") for item in sample.ghost()] == ["x = 40 + 2\n"]
        client.result("shutdown")
        client.notify("exit")
        assert client.process.wait(PATIENCE_S) == 0


def test_a_host_that_is_killed_in_the_middle_of_a_fill_is_replaced(private_folders: Path) -> None:
    (private_folders / "sitecustomize.py").write_text(_HOLD_THE_FIRST_FILL)
    variables = {
        **os.environ,
        "INFILL_MODEL": "fake:40 + 2",
        "PYTHONPATH": os.pathsep.join([str(private_folders), str(ROOT)]),
        "HELD": str(private_folders / "held"),
    }
    with RawClient([sys.executable, "-m", "infill_lsp"], variables) as client:
        client.initialize(options={"drafts": True})
        sample = opened(client, "x = $0\n")
        asked = sample.ask_ghost()
        assert client.notification("infill/draft")["step"] == 1
        (first,) = hosts_in(private_folders)
        os.kill(first, signal.SIGKILL)
        (item,) = client.answer(asked)["result"]["items"]
        assert edited(sample.text, item, "utf-16") == "x = 40 + 2\n"
        assert [m["params"]["step"] for m in client.seen if m.get("method") == "infill/draft"] == [1, 2, 3, 4]
        (second,) = hosts_in(private_folders)
        assert second != first
        sample = opened(client, "total = sum($0)\n", uri="file:///project/other.py")
        assert [edited(sample.text, each, "utf-16") for each in sample.ghost()] == ["total = sum(40 + 2)\n"]
        assert hosts_in(private_folders) == [second]
        assert client.end() == 0


_HOLD_THE_FIRST_FILL = """
import os, threading, engine.fake
start = engine.fake.ScriptedFiller.__init__
def hold(step):
    if step == 2:
        try:
            os.close(os.open(os.environ["HELD"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        threading.Event().wait()
engine.fake.ScriptedFiller.__init__ = lambda self, script: start(self, script, gate=hold)
"""
