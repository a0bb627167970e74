"""What is written to the client, in order, without ever waiting for it.

A short message goes out at once where the system says that there is room for it. Any other one, and all that come while
one is under way, are written by a thread of its own. It knows no message's meaning.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable

_MAX_UNSENT_BYTES = 256 << 20


class Outbox:
    """Write messages in order. `lost` is called, from any thread, when the client is gone."""

    def __init__(self, file: int, lost: Callable[[str], None]) -> None:
        self._file = file
        self._lost = lost
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unsent_bytes = 0
        self._counting = threading.Lock()
        self._has_room = _room_of(file)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Send a message soon; returns at once."""
        with self._counting:
            # A thread would have to be woken for each: that costs several times what the writing does.
            num_sent = self._sent_at_once(data) if not self._unsent_bytes else 0
            if num_sent == len(data):
                return
            self._unsent_bytes += len(data) - num_sent
            overflow = self._unsent_bytes > _MAX_UNSENT_BYTES
            if not overflow:
                self._messages.put(data[num_sent:])
        if overflow:
            self._lost("the client does not read what it is sent")

    def finish(self, within_s: float) -> None:
        """Send what is waiting and stop, or give up when that takes too long."""
        self._messages.put(None)
        self._thread.join(within_s)

    def _sent_at_once(self, data: bytes) -> int:
        """Write what can be written without waiting, and say how many bytes that was."""
        try:
            return os.write(self._file, data) if self._has_room(len(data)) else 0
        except BlockingIOError:
            return 0
        except OSError:
            self._lost("the client closed its end")
            return len(data)

    def _run(self) -> None:
        while (message := self._messages.get()) is not None:
            rest = memoryview(message)
            try:
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError:
                return self._lost("the client closed its end")
            with self._counting:
                self._unsent_bytes -= len(message)
        return None


def _room_of(file: int) -> Callable[[int], bool]:
    """Give what tells whether so many bytes can be written without waiting; nobody can tell on Windows."""
    if not hasattr(select, "poll"):
        return lambda num_bytes: False
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    # A pipe that is ready takes so much without a wait, and a socket takes more.
    return lambda num_bytes: num_bytes <= select.PIPE_BUF and bool(poll.poll(0))
