"""A small language client: starts a server as a child process, sends requests, hands notifications on.

It knows JSON-RPC framing and the handshake of the Language Server Protocol, and no message's meaning besides.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

Notified = Callable[[str, Any], None]

_END_SECONDS = 5.0


class ServerGone(Exception):
    """The server ended, or answered nothing in time; the text says which."""


class AnswerError(Exception):
    """The server answered a request with an error; the text is the server's."""


class LspClient:
    """One language server on the other end of two pipes. Not for use from several threads."""

    def __init__(
        self, command: Sequence[str], notified: Notified, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start the server. `notified` is called with every notification's method and params, during `request`."""
        self._notified = notified
        self._request_ids = itertools.count(1)
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        # A file and not a pipe: nobody reads it while the server lives, and a full pipe would stop the server.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the client
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=None if environment is None else dict(os.environ) | dict(environment),
        )
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._input = self._server.stdin
        self._reader = threading.Thread(target=self._read, args=(self._server.stdout,), daemon=True)
        self._reader.start()

    @property
    def process_id(self) -> int:
        """The server's process."""
        return self._server.pid

    def request(self, method: str, params: Any, *, within_s: float) -> Any:
        """Send a request and return its result. Raises ServerGone, AnswerError."""
        request_id = next(self._request_ids)
        self._send({"id": request_id, "method": method, "params": params})
        deadline = time.monotonic() + within_s
        while True:
            message = self._next_message(method, deadline)
            if "method" in message:
                self._take(message)
            elif message.get("id") == request_id:
                if "error" in message:
                    raise AnswerError(str(message["error"].get("message", "unknown error")))
                return message.get("result")

    def notify(self, method: str, params: Any) -> None:
        """Send a notification. Raises ServerGone."""
        self._send({"method": method, "params": params})

    def close(self) -> None:
        """Shut the server down, by force when it does not end by itself. Never raises."""
        try:
            self.request("shutdown", None, within_s=_END_SECONDS)
            self.notify("exit", None)
            self._input.close()
            self._server.wait(_END_SECONDS)
        except (ServerGone, AnswerError, OSError, subprocess.TimeoutExpired):
            self._server.kill()
            self._server.wait()
        finally:
            # What was not sent any more is lost with the server: closing tries once more to send it.
            with contextlib.suppress(OSError):
                self._input.close()
            self._reader.join(_END_SECONDS)
            self._log.close()

    def _next_message(self, method: str, deadline: float) -> dict[str, Any]:
        try:
            message = self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise ServerGone(f"the language server did not answer {method} in time") from None
        if message is None:
            self._messages.put(None)
            raise self._gone()
        return message

    def _take(self, message: dict[str, Any]) -> None:
        """Hand a notification on, or answer a request of the server: it may ask for settings and get none."""
        if "id" not in message:
            self._notified(message["method"], message.get("params"))
            return
        items = message["params"]["items"] if message["method"] == "workspace/configuration" else None
        self._send({"id": message["id"], "result": None if items is None else [None] * len(items)})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        try:
            self._input.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            self._input.flush()
        except OSError:
            raise self._gone() from None

    def _gone(self) -> ServerGone:
        """Tell that the server ended, with the last thing it wrote to its log."""
        self._server.kill()
        self._server.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").split("\n")
        last_words = next((line.strip() for line in reversed(lines) if line.strip()), "it gave no reason")
        return ServerGone(f"the language server ended unexpectedly: {last_words}")

    def _read(self, output: BinaryIO) -> None:
        """Queue every message until the server's output ends, then None."""
        try:
            with output:
                while (length := _content_length(output)) is not None:
                    self._messages.put(json.loads(output.read(length)))
        except ValueError:
            pass  # What comes after a broken message cannot be told apart any more: the same as the end.
        finally:
            self._messages.put(None)


def _content_length(output: BinaryIO) -> int | None:
    """Read one message's headers; None at the end of the output."""
    length = None
    while line := output.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return length
