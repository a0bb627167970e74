"""One program in a terminal, as its user has it: keys go in, the screen is looked at.

It knows no editor and no language server; every wait is for a condition and has an end.
"""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte

_COLUMNS, _LINES = 120, 30
WAIT_SECONDS = 60.0  # Long enough for a cold start of everything on a busy machine; never waited for in full.
_POLL_SECONDS = 0.02
_NAMES = {"<Enter>": "\r", "<Esc>": "\x1b[27u", "<Tab>": "\t", "<C-n>": "\x0e"}


class _Screen(pyte.Screen):
    """A screen that answers what programs ask a terminal, and passes over questions that it does not know."""

    reply: Callable[[str], object]

    def write_process_input(self, data: str) -> None:
        self.reply(data)

    def report_device_status(self, mode: int = 0, **asked: Any) -> None:
        if not asked:
            super().report_device_status(mode)


class Terminal:
    """A program and its screen. `close` ends the program, whatever state it is in."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            os.chdir(folder)
            os.execve(command[0], command, {**os.environ, **environment, "TERM": "xterm-256color"})
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        self._screen = _Screen(_COLUMNS, _LINES)
        self._screen.reply = lambda data: os.write(self._terminal, data.encode())
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def press(self, *keys: str) -> None:
        """Send keys and text as typed by a user."""
        os.write(self._terminal, "".join(_NAMES.get(key, key) for key in keys).encode())

    def lines(self) -> list[str]:
        """What is on the screen, without blanks at the lines' ends."""
        with self._lock:
            return [line.rstrip() for line in self._screen.display]

    def shows(self, *texts: str) -> list[str]:
        """Wait until all these texts are on the screen, each within a line, and return the screen."""
        poll(lambda: all(any(text in line for line in self.lines()) for text in texts), lambda: self.complaint(texts))
        return self.lines()

    def hides(self, text: str) -> None:
        """Wait until this text is not on the screen."""
        poll(lambda: not any(text in line for line in self.lines()), lambda: self.complaint(text))

    def complaint(self, wanted: object) -> str:
        """Say what was waited for and what is there."""
        return f"waited for {wanted!r}; on the screen:\n" + "\n".join(filter(None, self.lines()))

    def close(self) -> None:
        """Kill the program and wait for its end."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        self._reader.join(WAIT_SECONDS)
        os.close(self._terminal)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:
                return  # The program has ended.
            if not data:
                return
            with self._lock:
                self._stream.feed(data)


def poll(condition: Callable[[], Any], complaint: Callable[[], str]) -> Any:
    """Ask until the answer is true, and return it; complain when the time is up."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(_POLL_SECONDS)
    raise AssertionError(complaint())
