"""A language client that sends exactly what a test says, well formed or not, and never waits for ever.

It shares no code with the server: framing, positions and edits are done here a second time.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_UNIT_BYTES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


class RawClient:
    """One server process. Used as a context manager; leaving it ends the server, whatever state it is in."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._input, self._output, self._errors = self.process.stdin, self.process.stdout, self.process.stderr
        self._ids = itertools.count(1)
        self._arrived: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        self.errors = bytearray()
        self.encoding = "utf-16"
        self._readers = [threading.Thread(target=each, daemon=True) for each in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE_S)
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._errors.close()

    def send_bytes(self, data: bytes) -> None:
        self._input.write(data)
        self._input.flush()

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: object = None) -> int:
        """Send a request and return its id."""
        request_id = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return request_id

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message, of those that were not waited for yet, that is the wanted one."""
        for index, earlier in enumerate(self.seen):
            if wanted(earlier):
                return self.seen.pop(index)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                message = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the server did not send it in time; log: {self.errors.decode()}") from None
            assert message is not None, f"the server ended; log: {self.errors.decode()}"
            if wanted(message):
                return message
            self.seen.append(message)

    def answer(self, request_id: int | str | None) -> dict[str, Any]:
        return self.wait_for(lambda m: "method" not in m and m.get("id") == request_id)

    def result(self, method: str, params: object = None) -> Any:
        """Send a request and return its result; an error is a failure."""
        answer = self.answer(self.ask(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, params: object = None) -> dict[str, Any]:
        error: dict[str, Any] = self.answer(self.ask(method, params))["error"]
        return error

    def notification(self, method: str, **fields: object) -> dict[str, Any]:
        """Wait for a notification whose parameters hold these fields, and return the parameters."""
        message = self.wait_for(
            lambda m: m.get("method") == method and all(m["params"].get(key) == fields[key] for key in fields)
        )
        params: dict[str, Any] = message["params"]
        return params

    def settle(self) -> None:
        """Return once the server has dealt with everything that was sent before."""
        self.result("infill/whyNoSuggestion")

    def initialize(
        self,
        *,
        encodings: Sequence[str] | None = None,
        capabilities: Mapping[str, Any] | None = None,
        options: object = None,
        root: Path | None = None,
        process_id: int | None = None,
    ) -> Any:
        """Introduce the client and return the server's capabilities."""
        given: dict[str, Any] = dict(capabilities or {})
        if encodings is not None:
            given["general"] = {"positionEncodings": list(encodings)}
        result = self.result(
            "initialize",
            {
                "processId": process_id,
                "rootUri": None if root is None else root.as_uri(),
                "capabilities": given,
                "initializationOptions": options,
            },
        )
        self.encoding = result["capabilities"]["positionEncoding"]
        self.notify("initialized", {})
        return result["capabilities"]

    def open(self, uri: str, text: str, *, version: int = 1, language: str = "python") -> None:
        document = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, uri: str, version: int, *changes: Mapping[str, Any]) -> None:
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)}
        self.notify("textDocument/didChange", params)

    def ask_ghost(self, uri: str, position: Mapping[str, int], *, kind: int = 1, selected: object = None) -> int:
        context: dict[str, Any] = {"triggerKind": kind}
        if selected is not None:
            context["selectedCompletionInfo"] = selected
        return self.ask(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": uri}, "position": position, "context": context},
        )

    def ghost(self, uri: str, position: Mapping[str, int], *, kind: int = 1, selected: object = None) -> Any:
        """Return the items of a request for ghost text; kind 1 is invoked, 2 automatic."""
        answer = self.answer(self.ask_ghost(uri, position, kind=kind, selected=selected))
        assert list(answer["result"]) == ["items"], answer
        return answer["result"]["items"]

    def actions(self, uri: str, at: Mapping[str, Any], **context: object) -> Any:
        params = {"textDocument": {"uri": uri}, "range": at, "context": {"diagnostics": [], **context}}
        return self.result("textDocument/codeAction", params)

    def end(self) -> int:
        """Shut the server down in an orderly way and return its exit status."""
        self.result("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE_S)

    def hang_up(self) -> int:
        """Close the server's input without a word and return its exit status."""
        self._input.close()
        return self.process.wait(PATIENCE_S)

    def _read(self) -> None:
        """Read messages strictly: anything between them that is not one would raise here and end the waiting."""
        try:
            while header := self._output.readline():
                name, _, length = header.partition(b": ")
                assert name == b"Content-Length", header
                assert self._output.readline() == b"\r\n"
                self._arrived.put(json.loads(self._output.read(int(length))))
        finally:
            self._arrived.put(None)

    def _read_errors(self) -> None:
        while chunk := os.read(self._errors.fileno(), 1 << 16):
            self.errors += chunk


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Make an environment in which no settings of the machine's user count."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("INFILL_", "XDG_"))}
    return {**kept, "XDG_CONFIG_HOME": str(folder), "PYTHONPATH": str(ROOT), "HOME": str(folder), **variables}


def scripted(folder: Path, *arguments: str) -> RawClient:
    """Start the server with the engine that a document's first line directs."""
    command = [sys.executable, "-m", "tests.infill_lsp.scripted_server", *arguments]
    return RawClient(command, environment(folder))


def let_go(client: RawClient) -> None:
    """Let the scripted engine's held fills go on."""
    client.process.send_signal(signal.SIGUSR1)


def position(text: str, offset: int, encoding: str) -> dict[str, int]:
    """Turn an offset into a position by encoding the line, which is not how the server does it."""
    before = _LINE.findall(text[:offset])
    if not before or before[-1].endswith(("\n", "\r")):
        return {"line": len(before), "character": 0}
    return {"line": len(before) - 1, "character": _width(before[-1], encoding)}


def span(text: str, start: int, end: int, encoding: str) -> dict[str, Any]:
    return {"start": position(text, start, encoding), "end": position(text, end, encoding)}


def edited(text: str, edit: Mapping[str, Any], encoding: str) -> str:
    """Apply an edit of the server's, or one of a client's own, to a text."""
    start = _offset(text, edit["range"]["start"], encoding)
    end = _offset(text, edit["range"]["end"], encoding)
    new = edit["newText"] if "newText" in edit else edit["insertText"] if "insertText" in edit else edit["text"]
    assert start <= end
    return text[:start] + str(new) + text[end:]


def _offset(text: str, at: Mapping[str, int], encoding: str) -> int:
    lines = _LINE.findall(text)
    before = sum(len(line) for line in lines[: at["line"]])
    line = lines[at["line"]] if at["line"] < len(lines) else ""
    head = line.encode(_codec(encoding))[: at["character"] * _UNIT_BYTES[encoding]].decode(_codec(encoding))
    assert _width(head, encoding) == at["character"], "the position lies outside the line, or inside a character"
    assert not head.endswith(("\n", "\r")), "the position lies inside or behind a line ending"
    return before + len(head)


def _width(text: str, encoding: str) -> int:
    return len(text.encode(_codec(encoding))) // _UNIT_BYTES[encoding]


def _codec(encoding: str) -> str:
    return encoding if encoding == "utf-8" else f"{encoding}-le"
