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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pynvim

_DEFAULT_EDITORS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infill-lsp/editors"
EDITORS = Path(os.environ.get("INFILL_EDITORS") or _DEFAULT_EDITORS)
_INIT = Path(__file__).with_name("init.lua")
_LOOKS = Path(__file__).with_name("looks.lua")
_WAIT_SECONDS = 60.0  # Long enough for a cold start of everything on a busy machine; never waited for in full.
_POLL_SECONDS = 0.02
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Ghost:
    """Ghost text as Neovim draws it: line and byte column counted from 0, and the lines of the text."""

    line: int
    byte_column: int
    text: str


def neovim_binary() -> str:
    """The Neovim to test with: 0.12, or the one that INFILL_NVIM names. A missing one is a failure, never a skip."""
    binary = Path(os.environ.get("INFILL_NVIM") or EDITORS / "nvim/usr/bin/nvim")
    if not binary.exists():
        raise AssertionError(
            f"no Neovim at {binary}: tests/editors/install_neovim.sh or install_neovim_0_11.sh installs one"
        )
    return str(binary)


class Neovim:
    """A Neovim with one file after the other open, and our language server attached to it."""

    def __init__(
        self,
        folder: Path,
        server: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        init: Path = _INIT,
    ) -> None:
        self._folder = folder
        self.file = folder
        channel = folder / f"neovim-{next(_numbers)}.sock"
        self.channel = str(channel)
        arguments = ["--headless", "--clean", "-n", "--cmd", f"luafile {_LOOKS}", "-u", str(init)]
        self._process = subprocess.Popen(
            [neovim_binary(), *arguments, "--listen", str(channel)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "INFILL_SERVER": "\n".join(server), **(environment or {})},
        )
        self._watchdog = self._watch()
        poll(channel.exists, lambda: f"Neovim does not listen at {channel}")
        self._nvim: Any = pynvim.attach("socket", path=str(channel))

    def open(self, content: str, name: str | None = None, *, attached: bool = True) -> None:
        """Open a file of given content in place of the last one, and wait for the server."""
        self._watchdog.cancel()
        self._watchdog = self._watch()
        self.press("<C-\\><C-n>")
        self.file = self._folder / (name or f"source{next(_numbers)}.py")
        self.file.write_bytes(content.encode())
        self.lua("_G.said = {}; vim.cmd('silent! %bwipeout!')")
        self._nvim.command(f"edit {self.file}")
        if attached:
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

    def command(self, command: str) -> None:
        """Run a command as the user types it after the colon."""
        self._nvim.command(command)

    def wait_for(self, condition: str) -> Any:
        """Poll a Lua expression until it is true, and return its value."""
        return poll(
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

    def ghost(self, text: str | None = None) -> Ghost:
        """Wait for ghost text, of a given text if one is given."""
        wanted = "" if text is None else f"[3] == {_quoted(text)} and require('ghost').shown()"
        shown = "(require('ghost').shown() or {})" if wanted else "require('ghost').shown()"
        line, column, found = self.wait_for(shown + wanted)
        return Ghost(line, column, found)

    def ghost_gone(self) -> None:
        """Wait until no ghost text is shown."""
        self.wait_for("require('ghost').shown() == nil")

    def silent_because(self, reason: str) -> None:
        """Wait until the server gives this reason for its latest silence."""
        self.wait_for(f"(require('ghost').silences()[1] or ''):find({_quoted(reason)}, 1, true)")

    def told(self, text: str) -> None:
        """Wait until the user is told something that holds this text."""
        self.wait_for(f"table.concat(_G.said, '\\n'):find({_quoted(text)}, 1, true)")

    def lines(self) -> list[str]:
        """The buffer's lines."""
        return list(self.lua("return vim.api.nvim_buf_get_lines(0, 0, -1, true)"))

    def wait_for_lines(self, *lines: str) -> None:
        """Wait until the buffer holds exactly these lines."""
        poll(lambda: self.lines() == list(lines), lambda: f"the buffer should hold {list(lines)}\n{self._story()}")

    def wait_for_text(self, text: str) -> None:
        """Wait until the buffer holds exactly this text, whose line breaks do not matter."""
        self.wait_for_lines(*text.replace("\r", "").removesuffix("\n").split("\n"))

    def save(self) -> bytes:
        """Write the file and return its bytes."""
        self.lua("vim.cmd.stopinsert() vim.cmd('silent write')")
        return self.file.read_bytes()

    def server_process(self) -> int:
        """The process id of the language server."""
        children: list[int] = self.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())")
        return next(each for each in children if b"infill" in Path(f"/proc/{each}/cmdline").read_bytes())

    def _watch(self) -> threading.Timer:
        # A prompt that nobody answers would block every call; the end of the process makes them fail instead.
        timer = threading.Timer(3 * _WAIT_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        return timer

    def _story(self) -> str:
        messages = self._nvim.command_output("messages")
        told = self.lua("return {require('ghost').silences(), _G.said, vim.api.nvim_get_mode()}")
        log = Path(self.lua("return vim.lsp.log.get_filename()"))
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:]) if log.exists() else "none"
        return f"buffer: {self.lines()}\nmessages: {messages}\nsilences, said, mode: {told}\nlog:\n{tail}"


def poll(condition: Callable[[], Any], complaint: Callable[[], str]) -> Any:
    """Ask until the answer is true, and return it; complain when the time is up."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(_POLL_SECONDS)
    raise AssertionError(complaint())


def _quoted(text: str) -> str:
    """Write a text as Lua does."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
