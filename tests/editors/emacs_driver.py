"""Drives one real Emacs with lsp-mode in a terminal as its user does: keys go in, buffer and screen are looked at.

It knows nothing of the language server; every wait is for a condition and has an end.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from terminal import WAIT_SECONDS, Terminal, poll

_DEFAULT_EDITORS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infill-lsp/editors"
_EDITORS = Path(os.environ.get("INFILL_EDITORS") or _DEFAULT_EDITORS)
_HARNESS = Path(__file__).parent / "emacs/harness.el"
_numbers = count(1)


def emacs_binary() -> str:
    """The Emacs to test with. A missing one is a failure, never a skip."""
    binary = _EDITORS / "emacs/emacs"
    if not binary.exists():
        raise AssertionError(f"no Emacs at {binary}: run tests/editors/install_emacs.sh, or `make test`")
    return str(binary)


class Emacs:
    """An Emacs that loaded a configuration, with one file after the other open."""

    def __init__(self, folder: Path, configuration: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self.file = folder
        init, sockets = folder / "init.el", folder / "sockets"
        init.write_text(";; -*- lexical-binding: t; -*-\n" + configuration)
        sockets.mkdir(mode=0o700)
        packages = str(_EDITORS / "emacs/usr/share/emacs/site-lisp/elpa-src")
        own = {"INFILL_LISP": packages, "INFILL_SOCKETS": str(sockets), "HOME": str(folder)}
        (folder / ".emacs.d").mkdir()
        command = [emacs_binary(), "-nw", "-Q", "--load", str(_HARNESS), "--load", str(init)]
        self.terminal = Terminal(command, folder, {**environment, **own})
        self._socket = sockets / "infill"
        poll(self._socket.exists, lambda: self.terminal.complaint("the server's socket"))
        self.wait_for("(not (null (featurep 'lsp-inline-completion)))")

    def open(self, content: str, line: int = 0, column: int = 0, name: str | None = None) -> None:
        """Open a file of given content in place of the last one, put point there, and wait for the server."""
        self.file = self._folder / (name or f"source{next(_numbers)}.py")
        self.file.write_bytes(content.encode())
        self.eval(f"(infill-test-open {_quoted(str(self.file))} {line} {column})")
        self.wait_for("(infill-test-attached)")

    def close(self) -> None:
        """End it without saving."""
        self.terminal.close()

    def press(self, *keys: str) -> None:
        """Send keys and text as typed by a user."""
        self.terminal.press(*keys)

    def eval(self, expression: str) -> Any:
        """Evaluate an expression in the buffer that the user sees, and return its value."""
        seen = f"(with-current-buffer (window-buffer (selected-window)) {expression})"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_SECONDS)
            connection.connect(str(self._socket))
            connection.sendall(f"-eval {_sent(f'(infill-test-answer {seen})')} \n".encode())
            reply = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        # A long answer comes in pieces; of each "&n" at its end is a line break that is not part of it.
        parts = [line.partition(" ")[::2] for line in reply.splitlines() if not line.startswith("-emacs-pid")]
        assert {kind for kind, _ in parts} <= {"-print", "-print-nonl"}, f"{expression}: {reply}"
        return json.loads(base64.b64decode("".join(value for _, value in parts).replace("&n", "").strip('"')))

    def wait_for(self, condition: str) -> Any:
        """Poll an expression until it is true, and return its value."""
        return poll(lambda: self.eval(condition), lambda: self._story(condition))

    def ghost(self, text: str) -> None:
        """Wait for ghost text of a given text."""
        poll(lambda: self.eval("(infill-test-ghost)") == text, lambda: self._story(f"the ghost text {text!r}"))

    def ghost_gone(self) -> None:
        """Wait until no ghost text is shown."""
        self.wait_for("(null (infill-test-ghost))")

    def text(self) -> str:
        """The buffer's text."""
        return str(self.eval("(buffer-substring-no-properties (point-min) (point-max))"))

    def wait_for_text(self, text: str) -> None:
        """Wait until the buffer holds exactly this text, whose line breaks do not matter."""
        wanted = text.replace("\r", "")
        poll(lambda: self.text() == wanted, lambda: self._story(f"the text {wanted!r}"))

    def save(self) -> bytes:
        """Write the file and return its bytes."""
        self.eval("(progn (save-buffer) t)")
        return self.file.read_bytes()

    def _story(self, wanted: str) -> str:
        log = self.eval('(with-current-buffer "*Messages*" (buffer-substring-no-properties (point-min) (point-max)))')
        return f"{self.terminal.complaint(wanted)}\nghost: {self.eval('(infill-test-ghost)')}\nmessages:\n{log}"


def _quoted(text: str) -> str:
    """Write a text as Lisp does."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sent(text: str) -> str:
    """Quote an argument as emacsclient does."""
    return text.replace("&", "&&").replace(" ", "&_").replace("\n", "&n")
