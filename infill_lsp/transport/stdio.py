"""The stdio loop: bytes from the client to the protocol, bytes of the protocol to the client, and the end of both.

Reading has a thread of its own and writing never waits, so that neither a busy handler nor a client that stops reading
can make the server deaf. Standard output belongs to the protocol alone: whatever else prints goes to standard error.
It knows no message's meaning.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol as Interface

from infill_lsp.transport.outbox import Outbox

_log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 << 20
_MAX_BELIEVED_BYTES = 4 << 30
_MAX_HEADER_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 16
_PARENT_POLL_S = 3.0
_GRACE_S = 2.0

_CONTENT_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,18})\s*$", re.IGNORECASE)


class Conversation(Interface):
    """What the loop needs of a protocol."""

    exited: Callable[[int], None]

    def receive(self, body: bytes) -> None:
        """Deal with one message. Never raises."""

    def refuse_oversized(self, num_bytes: int) -> None:
        """Tell the client that a message was too long to be read."""

    def client_process(self) -> int | None:
        """Return the id of the client's process, when the client told it."""

    def send_with(self, write: Callable[[bytes], None]) -> None:
        """Send whatever is to be sent through `write`."""


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message that was announced with more bytes than are accepted."""

    num_bytes: int


class MessageReader:
    """Cut a stream into messages. Header names in any case, spaces, bare line feeds and junk are put up with."""

    def __init__(self, read: Callable[[int], bytes], max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        """`read` returns at most so many bytes, at least one, and none at the end of the stream."""
        self._read = read
        self._max_bytes = max_bytes
        self._unread = bytearray()
        self._to_skip = 0

    def next(self) -> bytes | Oversized | None:
        """Return the next message's body, or None at the end of the stream."""
        if not self._skipped():
            return None
        length: int | None = None
        while (line := self._line()) is not None:
            if found := _CONTENT_LENGTH.search(line):
                length = int(found[1])
            elif not line.strip() and length is not None:
                break
        if line is None or length is None:
            return None
        if length <= self._max_bytes:
            return self._exactly(length)
        # Nobody sends gigabytes: such a length is a lie, and the next header may follow at once.
        self._to_skip = length if length <= _MAX_BELIEVED_BYTES else 0
        return Oversized(length)

    def _more(self) -> bool:
        chunk = self._read(_CHUNK_BYTES)
        self._unread += chunk
        return bool(chunk)

    def _line(self) -> bytes | None:
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            if searched > _MAX_HEADER_BYTES:
                self._unread.clear()  # No header is this long, so none of it matters.
                searched = 0
            if not self._more():
                return None
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        return line

    def _exactly(self, length: int) -> bytes | None:
        while len(self._unread) < length:
            if not self._more():
                return None
        body = bytes(self._unread[:length])
        del self._unread[:length]
        return body

    def _skipped(self) -> bool:
        while self._to_skip:
            step = min(self._to_skip, len(self._unread))
            del self._unread[:step]
            self._to_skip -= step
            if self._to_skip and not self._more():
                return False
        return True


def run_stdio(
    conversation: Conversation,
    closing: Callable[[], Awaitable[None]],
    *,
    parent_poll_s: float = _PARENT_POLL_S,
    grace_s: float = _GRACE_S,
) -> int:
    """Serve standard input and output until the client exits, closes its end or dies, or a signal comes.

    Returns the exit status: 0 when the client asked for a shutdown and then for the exit, 128 and the signal's number
    when one came, else 1.
    `closing` is awaited at the end. The process has `grace_s` left from then on: a thread that is stuck in foreign code
    must not keep a process alive that no editor knows any more.
    """
    incoming, outgoing = _claim_stdio()
    status = asyncio.run(_serve(conversation, closing, incoming, outgoing, parent_poll_s, grace_s))
    sys.stderr.flush()
    return status


def _claim_stdio() -> tuple[int, int]:
    """Take standard input and output for the protocol: other readers find an end, other writers standard error."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


async def _serve(
    conversation: Conversation,
    closing: Callable[[], Awaitable[None]],
    incoming: int,
    outgoing: int,
    parent_poll_s: float,
    grace_s: float,
) -> int:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[int, str]] = loop.create_future()

    def end(status: int, why: str) -> None:
        if not ended.done():
            ended.set_result((status, why))

    def end_soon(why: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop may be closed by the time a thread notices something.
            loop.call_soon_threadsafe(end, 1, why)

    def read() -> None:
        reader = MessageReader(lambda num_bytes: os.read(incoming, num_bytes))
        with contextlib.suppress(OSError, RuntimeError):
            while (message := reader.next()) is not None:
                if isinstance(message, Oversized):
                    loop.call_soon_threadsafe(conversation.refuse_oversized, message.num_bytes)
                else:
                    loop.call_soon_threadsafe(conversation.receive, message)
        end_soon("the client closed its end")

    outbox = Outbox(outgoing, end_soon)
    conversation.send_with(outbox.write)
    conversation.exited = lambda status: end(status, "the client asked for it")
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no signals of this kind.
            # As a shell calls it: a client can tell a server that was ended from one that failed.
            loop.add_signal_handler(number, end, 128 + number, signal.Signals(number).name)
    watching = asyncio.create_task(watch_client(conversation.client_process, parent_poll_s, lambda why: end(1, why)))
    threading.Thread(target=read, name="reader", daemon=True).start()
    status, why = await ended
    _log.info("the server ends with status %d: %s", status, why)
    _end_at_last(status, grace_s)
    watching.cancel()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(closing(), grace_s / 2)
    await asyncio.to_thread(outbox.finish, grace_s / 2)
    return status


async def watch_client(client_process: Callable[[], int | None], poll_s: float, gone: Callable[[str], None]) -> None:
    """Notice the death of a client that another process keeps the pipe of open.

    A process that was never seen is no death: a client in another container has an id that means nothing here.
    """
    seen: int | None = None
    while sys.platform != "win32":  # There, asking with signal 0 would end the process.
        await asyncio.sleep(poll_s)
        process = client_process()
        if process is not None and _alive(process):
            seen = process
        elif process is not None and process == seen:
            return gone("the client's process is gone")
    return None


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # It belongs to somebody else, so it is there.
    return True


def _end_at_last(status: int, after_s: float) -> None:
    watchdog = threading.Timer(after_s, os._exit, (status,))
    watchdog.daemon = True
    watchdog.start()
