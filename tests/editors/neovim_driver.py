"""Drives one real Neovim as its user does: keys go in, the buffer, the ghost text and the messages are looked at.

It knows nothing of the language server beyond its name in Neovim; every wait is for a condition and has an end.
"""

from __future__ import annotations

import gc
import os
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynvim

_DEFAULT_EDITORS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infill-lsp/editors"
_EDITORS = Path(os.environ.get("INFILL_EDITORS") or _DEFAULT_EDITORS)
_INIT = Path(__file__).with_name("init.lua")
_WAIT_SECONDS = 60.0  # Long enough for a cold start of everything on a busy machine; never waited for in full.
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ghost:
    """Ghost text as Neovim draws it: line and byte column counted from 0, and the lines of the text."""

    line: int
    byte_column: int
    text: str


def neovim_binary() -> str:
    """The Neovim to test with. A missing one is a failure, never a skip."""
    binary = _EDITORS / "nvim/usr/bin/nvim"
    if not binary.exists():
        raise AssertionError(f"no Neovim at {binary}: run tests/editors/install_neovim.sh, or `make test`")
    return str(binary)


class Neovim:
    """A Neovim with one file open and our language server attached to it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        channel = file.with_name("neovim.sock")
        arguments = ["--headless", "--clean", "-n", "-u", str(_INIT), "--listen", str(channel)]
        self._process = subprocess.Popen(
            [neovim_binary(), *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # A prompt that nobody answers would block every call; the end of the process makes them fail instead.
        self._watchdog = threading.Timer(3 * _WAIT_SECONDS, self._process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        _poll(channel.exists, lambda: f"Neovim does not listen at {channel}")
        self._nvim: Any = pynvim.attach("socket", path=str(channel))
        self._nvim.command(f"edit {file}")
        self.wait_for("vim.lsp.get_clients({bufnr = 0, method = 'textDocument/inlineCompletion'})[1] ~= nil")

    def close(self) -> None:
        """Quit without writing, and wait for the process to end."""
        try:
            self._nvim.command("qall!", async_=True)
            self._process.wait(_WAIT_SECONDS)
        finally:
            self._watchdog.cancel()
            self._process.kill()
            self._process.wait()
            self._nvim.close()
            del self._nvim
            # pynvim leaves what it closed to the garbage collector, which complains wherever it happens to run next.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua in Neovim and return what it returns."""
        return self._nvim.exec_lua(code, *arguments)

    def wait_for(self, condition: str) -> Any:
        """Poll a Lua expression until it is true, and return its value."""
        return _poll(
            lambda: self.lua(f"return {condition}"), lambda: f"Neovim never reached: {condition}\n{self._story()}"
        )

    def place_cursor(self, line: int, byte_column: int) -> None:
        """Put the cursor in normal mode, both counted from 0."""
        self.lua("vim.api.nvim_win_set_cursor(0, {...})", line + 1, byte_column)

    def press(self, keys: str) -> None:
        """Send keys as typed by a user, in Neovim's notation."""
        self._nvim.input(keys)

    def type_at(self, line: int, byte_column: int, text: str) -> None:
        """Enter insert mode at a place and type a text."""
        self.place_cursor(line, byte_column)
        length = len(self.lines()[line].encode())
        self.press("A" if byte_column >= length else "i")
        self.press(text.replace("<", "<lt>"))

    def ghost(self) -> Ghost:
        """Wait for ghost text."""
        line, column, text = self.wait_for("require('ghost').shown()")
        return Ghost(line, column, text)

    def ghost_gone(self) -> None:
        """Wait until no ghost text is shown."""
        self.wait_for("require('ghost').shown() == nil")

    def lines(self) -> list[str]:
        """The buffer's lines."""
        return list(self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)"))

    def wait_for_lines(self, *lines: str) -> None:
        """Wait until the buffer holds exactly these lines."""
        _poll(lambda: self.lines() == list(lines), lambda: f"the buffer should hold {list(lines)}\n{self._story()}")

    def save(self) -> bytes:
        """Write the file and return its bytes."""
        self.lua("vim.cmd.stopinsert() vim.cmd('silent write')")
        return self.file.read_bytes()

    def _story(self) -> str:
        messages = self._nvim.command_output("messages")
        silence = self.lua("return require('ghost').silence()")
        log = Path(self.lua("return vim.lsp.log.get_filename()"))
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:]) if log.exists() else "none"
        return f"buffer: {self.lines()}\nmessages: {messages}\nreason for the last silence: {silence}\nlog:\n{tail}"


def _poll(condition: Callable[[], Any], complaint: Callable[[], str]) -> Any:
    """Ask until the answer is true, and return it; complain when the time is up."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(_POLL_SECONDS)
    raise AssertionError(complaint())
