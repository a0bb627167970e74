"""Drives one real Helix in a terminal as its user does: keys go in, the screen and the saved file are looked at.

It knows nothing of the language server; every wait is for a condition and has an end.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from terminal import Terminal, poll

_DEFAULT_EDITORS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infill-lsp/editors"
_EDITORS = Path(os.environ.get("INFILL_EDITORS") or _DEFAULT_EDITORS)
_GUTTER = 7  # columns with the line's number
_NO_SERVER = "No configured language server supports code actions"
_TITLES = ("Fill ", "Rewrite: ", "Fix here: ", "Write ", "Annotate ")
_numbers = count(1)


def helix_binary() -> str:
    """The Helix to test with. A missing one is a failure, never a skip."""
    binary = _EDITORS / "helix/hx"
    if not binary.exists():
        raise AssertionError(f"no Helix at {binary}: run tests/editors/install_helix.sh, or `make test`")
    return str(binary)


class Helix:
    """A Helix with a `languages.toml`, with one file after the other open."""

    def __init__(self, folder: Path, languages: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self.file = folder
        settings = Path(environment["XDG_CONFIG_HOME"]) / "helix"
        settings.mkdir()
        (settings / "languages.toml").write_text(languages)
        self.terminal = Terminal([helix_binary()], folder, environment)
        self.terminal.shows("[scratch]")

    def open(self, content: str, line: int = 0, column: int = 0) -> None:
        """Open a file of given content in place of the last one, with the cursor at a place, both counted from 0."""
        self.file = self._folder / f"source{next(_numbers)}.py"
        self.file.write_bytes(content.encode())
        self.press("<Esc>")
        self.command("buffer-close-all!")
        self.command(f"open {self.file.name}:{line + 1}:{column + 1}")
        self.terminal.shows(f" {line + 1}:{column + 1}", self.file.name)

    def close(self) -> None:
        """End it without saving."""
        self.terminal.close()

    def press(self, *keys: str) -> None:
        """Send keys and text as typed by a user."""
        self.terminal.press(*keys)

    def command(self, command: str) -> None:
        """Run a command as the user types it after the colon."""
        self.press(":", command, "<Enter>")

    def choose(self, action: str) -> None:
        """Pick one of the code actions that are offered here."""
        screen = poll(lambda: self._menu(action), lambda: self.terminal.complaint(action))
        row = next(row for row, line in enumerate(screen) if action in line)
        column = screen[row].index(action)
        num_above = sum(line[column:].startswith(_TITLES) for line in screen[:row])
        self.press(*["<C-n>"] * num_above, "<Enter>")

    def _menu(self, action: str) -> list[str] | None:
        """Ask for the menu; None while the server has not introduced itself."""
        self.press(" a")
        poll(
            lambda: any(text in line for line in self.terminal.lines() for text in (action, _NO_SERVER)),
            lambda: self.terminal.complaint(action),
        )
        screen = self.terminal.lines()
        if any(action in line for line in screen):
            return screen
        self.press(":", "<Esc>")  # Takes the message off the screen.
        self.terminal.hides(_NO_SERVER)
        return None

    def text(self) -> str:
        """The text on the screen: the numbered lines without their numbers."""
        numbered = [line for line in self.terminal.lines() if line[: _GUTTER - 1].strip().isdigit()]
        return "".join(f"{line[_GUTTER:]}\n" for line in numbered)

    def wait_for_text(self, text: str) -> None:
        """Wait until the screen shows exactly this text, whose line breaks do not matter."""
        wanted = text.replace("\r", "")
        poll(lambda: self.text() == wanted, lambda: self.terminal.complaint(wanted))

    def save(self) -> bytes:
        """Write the file and return its bytes."""
        self.command("write")
        self.terminal.shows("written")
        return self.file.read_bytes()
