"""What real editors send while somebody types, replayed on a clock of its own: traces/README.md says how they do it."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, environment
from tests.infill_lsp.sample import URI

TRACES = Path(__file__).with_name("traces")
DEBOUNCE_MS = 75
FAST_S, SLOW_S = 0.03, 1.0
_SUPERSEDING = {"textDocument/didChange", "textDocument/inlineCompletion"}
RIGHT, WRONG = "return a + b", "q1 = sorted(w)"


@dataclass
class Replay:
    """One trace, played: what was asked, what the engine did, what came back and when."""

    edits_ms: list[int] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)  # by id: the text that the request was about
    cancelled: list[str] = field(default_factory=list)
    answers: list[tuple[int, str, Any]] = field(default_factory=list)
    shown: list[tuple[int, str]] = field(default_factory=list)  # the text as it would be with the first item
    begun_ms: list[int] = field(default_factory=list)


@pytest.fixture(params=["neovim", "vscode"])
def messages(request: pytest.FixtureRequest) -> list[tuple[int, dict[str, Any]]]:
    lines = (TRACES / f"{request.param}.jsonl").read_text().splitlines()
    return [(each["at_ms"], each["message"]) for each in map(json.loads, lines)]


@pytest.fixture
def play(tmp_path: Path, messages: list[tuple[int, dict[str, Any]]]) -> Iterator[Any]:
    def played(fill_s: float, line: str) -> Replay:
        command = [sys.executable, "-m", "tests.infill_lsp.timed_server", str(fill_s), line]
        with RawClient(command, environment(tmp_path)) as client:
            client.initialize()
            return _play(client, messages)

    return played


def _play(client: RawClient, messages: list[tuple[int, dict[str, Any]]]) -> Replay:
    """Send every message at its time; no request is left open by an edit, and by a newer request none but that one.

    Whatever is shown must be for the text as it is then, and for the newest request.
    """
    replay, text = Replay(), ""
    for at_ms, message in [*messages, (messages[-1][0] + 5000, None)]:
        client.result("test/advance", {"to_ms": at_ms})
        _read(client, replay, at_ms, text)
        if message is None:
            break
        if "id" in message:
            message = {**message, "id": f"trace-{message['id']}"}
        if message["method"] == "textDocument/didOpen":
            text = message["params"]["textDocument"]["text"]
        elif message["method"] == "textDocument/didChange":
            replay.edits_ms.append(at_ms)
            for change in message["params"]["contentChanges"]:
                text = edited(text, change, client.encoding)
        elif message["method"] == "$/cancelRequest":
            cancelled = f"trace-{message['params']['id']}"
            replay.cancelled.append(cancelled)
            message = {**message, "params": {"id": cancelled}}
        elif message["method"] == "textDocument/inlineCompletion":
            replay.asked[message["id"]] = text
        client.send(message)
        client.result("test/advance", {"to_ms": at_ms})
        _read(client, replay, at_ms, text)
        unanswered = set(replay.asked) - {name for _, name, _ in replay.answers}
        assert unanswered <= {message.get("id")} if message["method"] in _SUPERSEDING else True, "left open"
    told = client.result("test/engine")
    assert told["most_running"] <= 1, "two fills of one document ran at once"
    replay.begun_ms = told["begun_ms"]
    return replay


def _read(client: RawClient, replay: Replay, at_ms: int, text: str) -> None:
    for message in [m for m in client.seen if str(m.get("id", "")).startswith("trace-")]:
        client.seen.remove(message)
        if message["id"] not in replay.asked:
            continue
        replay.answers.append((at_ms, message["id"], message))
        if items := message.get("result", {}).get("items"):
            assert message["id"] == list(replay.asked)[-1], "an older request is shown"
            assert replay.asked[message["id"]] == text, "the document has moved on"
            replay.shown.append((at_ms, edited(text, items[0], client.encoding)))


def check_always(replay: Replay) -> None:
    """One answer a request; cancelled ones have an error or an empty list; a pause begins at most one fill."""
    answered = [each for _, each, _ in replay.answers]
    assert sorted(answered) == sorted(replay.asked), "each request is answered exactly once"
    assert len(replay.asked) > 7
    for _, each, message in replay.answers:
        if "error" in message:
            assert each in replay.cancelled
            assert message["error"]["code"] == -32800
    bounds = [0, *replay.edits_ms, sys.maxsize]
    for start, end in itertools.pairwise(bounds):
        begun = [at for at in replay.begun_ms if start < at <= end]
        assert len(begun) <= 1, f"several fills between the keys at {start} and {end} ms: {begun}"
        if start and begun:
            assert begun[0] - start >= DEBOUNCE_MS, "a fill was begun before the pause was over"
            assert end - start > DEBOUNCE_MS


@pytest.mark.parametrize("fill_s", [FAST_S, SLOW_S])
@pytest.mark.parametrize("line", [RIGHT, WRONG])
def test_a_trace_leads_to_one_answer_a_request_and_one_fill_a_pause(play: Any, fill_s: float, line: str) -> None:
    check_always(play(fill_s, line))


def test_while_the_user_types_what_was_suggested_the_engine_rests(play: Any) -> None:
    replay = play(FAST_S, RIGHT)
    assert [text for _, text in replay.shown], "nothing was ever shown"
    assert {text for _, text in replay.shown} == {"def add(a, b):\n    return a + b\n"}
    deleting = range(replay.edits_ms[-4], replay.edits_ms[-1])
    assert not [at for at in replay.begun_ms if at in deleting], "a fill was begun while the user deletes"
    assert len(replay.begun_ms) <= 3


def test_a_slow_engine_is_left_alone_while_keys_come_quickly(play: Any) -> None:
    replay = play(SLOW_S, WRONG)
    quick = [(a, b) for a, b in itertools.pairwise(replay.edits_ms[3:]) if b - a <= 160]
    assert len(quick) >= 5
    for start, end in quick:
        assert not [at for at in replay.begun_ms if start < at <= end]


def test_the_file_at_the_end_is_the_file_that_was_typed(play: Any, messages: list[Any]) -> None:
    replay = play(FAST_S, RIGHT)
    assert replay.asked[list(replay.asked)[-1]] == "def add(a, b):\n    return ab\n"
    assert URI in json.dumps(messages[0])
