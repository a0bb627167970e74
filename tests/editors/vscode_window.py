"""One window of a real VS Code: keys go into a real browser, and what it draws is looked at.

What cannot be seen is asked inside the extension host, by an extension of the tests' own. It knows nothing of the
language server beyond names of commands; every wait is for a condition and has an end.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from vscode_browser import Page

from tests.fixture import marked

T = TypeVar("T")

WAIT_SECONDS = 60.0  # Long enough for a cold start of everything on a busy machine; never waited for in full.
_POLL_SECONDS = 0.03


def poll(condition: Callable[[], T], complaint: Callable[[], str], within_seconds: float = WAIT_SECONDS) -> T:
    """Ask until the answer is true, and return it; complain when the time is up."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(_POLL_SECONDS)
    raise AssertionError(complaint())


class Window:
    """One window: a folder, the keyboard, the screen, and the extension host behind it."""

    def __init__(self, page: Page, folder: Path, probe: Path, program: Path | None) -> None:
        self.page = page
        self._program = program
        self.folder = folder
        self._probe = probe
        poll(
            probe.exists, lambda: f"the window of {folder.name} has no extension host\n{self.page.text('body')[-2000:]}"
        )

    def host(self, code: str, *given: object) -> Any:
        """Run JavaScript in the extension host, with `vscode` and `given`, and return what it returns."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(WAIT_SECONDS)
            channel.connect(str(self._probe))
            channel.sendall(json.dumps({"code": code, "given": given}).encode() + b"\n")
            answer = json.loads(b"".join(iter(lambda: channel.recv(1 << 16), b"")))
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def command(self, name: str, *arguments: object) -> Any:
        """Run a command and wait for its end."""
        return self.host("return await vscode.commands.executeCommand(given[0], ...given.slice(1))", name, *arguments)

    def begin(self, name: str) -> None:
        """Run a command that waits for the user, or for something else that the test does next."""
        self.host("void vscode.commands.executeCommand(given[0])", name)

    def open(self, name: str, text: str) -> None:
        """Write a file and open it with the caret at `$0`, or with what stands between two of them selected."""
        given = marked(text)
        (self.folder / name).write_bytes(given.text.encode())
        self.host(
            """const file = vscode.Uri.joinPath(vscode.workspace.workspaceFolders[0].uri, given[0]);
            const editor = await vscode.window.showTextDocument(file, { preview: false });
            const [start, end] = given.slice(1).map((offset) => editor.document.positionAt(offset));
            editor.selection = new vscode.Selection(start, end);""",
            name,
            *(len(given.text[:offset].encode("utf-16-le")) // 2 for offset in (given.start, given.end)),
        )
        self.page.click(f'.tab.active[data-resource-name="{Path(name).name}"]')
        self.command("workbench.action.focusActiveEditorGroup")
        self.page.wait_for(".monaco-editor.focused")

    def text(self) -> str:
        """The text of the active editor, exactly."""
        return str(self.host("return vscode.window.activeTextEditor?.document.getText()"))

    def wait_for_text(self, expected: str) -> None:
        """Wait until the active editor holds exactly this."""
        poll(
            lambda: self.text() == expected, lambda: f"expected {expected!r}\nfound    {self.text()!r}\n{self.story()}"
        )

    def saved(self, name: str) -> bytes:
        """Save the active editor and return the file."""
        self.command("workbench.action.files.save")
        return (self.folder / name).read_bytes()

    def undo(self) -> None:
        """Take one step back."""
        self.press("Control+z")

    def undo_until(self, text: str) -> None:
        """Take steps back until the text is this; what was typed and what was accepted are steps of their own."""
        for _ in range(5):
            if (changing := self.text()) == text:
                return
            self.undo()
            poll(lambda: self.text() != changing, lambda: f"nothing is left to undo: {self.text()!r}, not {text!r}")
        raise AssertionError(f"undone to {self.text()!r}, not {text!r}")

    def select(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Select from one place to another, each a line and a character counted from 0."""
        # What the editor answers comes later, and would undo a selection that is made in the meantime.
        self.host(
            """const editor = vscode.window.activeTextEditor, wanted = new vscode.Selection(...given);
            if (editor.selection.isEqual(wanted)) return;
            const answered = new Promise((resolve) => {
              const listener = vscode.window.onDidChangeTextEditorSelection(({ selections: [found] }) => {
                if (found.isEqual(wanted)) resolve(listener.dispose());
              });
            });
            editor.selection = wanted;
            await answered;""",
            *start,
            *end,
        )

    def configure(self, key: str, value: object) -> None:
        """Change a setting of this folder; None takes it away."""
        self.host(
            "await vscode.workspace.getConfiguration().update(given[0], given[1] ?? undefined, false)", key, value
        )

    def server_process(self) -> int:
        """The process that was last started for the window's server."""
        assert self._program is not None
        return int(Path(f"{self._program}.pid").read_text())

    def let_go(self) -> None:
        """Let the scripted engine's held fills go on."""
        os.kill(self.server_process(), signal.SIGUSR1)

    def pick(self, label: str) -> None:
        """Click on an entry of the list that is open."""
        self.page.click(f".quick-input-widget .monaco-list-row:has-text({json.dumps(label)})")

    def answer(self, text: str) -> None:
        """Fill in the input box that opens."""
        self.page.wait_for(".quick-input-widget .monaco-inputbox input:focus")
        self.type(text)
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type as a user does, key by key."""
        self.page.type(text)

    def press(self, *keys: str) -> None:
        """Press keys, by their names in the browser."""
        for key in keys:
            self.page.press(key)

    def ghost(self) -> str:
        """What is drawn as ghost text, its lines joined; empty when there is none."""
        return self.page.ghost()

    def wait_for_ghost(self, expected: str) -> None:
        """Wait until exactly this ghost text is drawn; empty: until none is."""
        poll(
            lambda: self.ghost() == expected,
            lambda: f"expected ghost text {expected!r}, found {self.ghost()!r}\n{self.story()}",
        )

    def ask_until(self, condition: Callable[[], bool]) -> None:
        """Ask for ghost text, and again when that came to nothing, until something holds."""

        def asked() -> bool:
            if not condition() and not re.search("being (filled|loaded)", self.status()):
                self.press("Alt+Backslash")
                with contextlib.suppress(AssertionError):
                    poll(condition, str, within_seconds=2.0)
            return condition()

        poll(asked, self.story)

    def preview(self) -> list[tuple[str, str]]:
        """The pieces of the draft that is drawn, each settled or not."""
        return self.page.preview()

    def messages(self) -> str:
        """The messages that popped up."""
        return self.page.text(".notification-toast")

    def wait_for_screen(self, selector: str, pattern: str) -> None:
        """Wait until a part of the screen says something that matches."""
        poll(
            lambda: re.search(pattern, self.page.text(selector)) is not None,
            lambda: f"expected {pattern!r} in {selector}, found {self.page.text(selector)!r}\n{self.story()}",
        )

    def status(self) -> str:
        """What the status item says to who points at it or hears it."""
        return self.page.attribute("[id='infill-lsp.infill-lsp.infill.status'] a", "aria-label")

    def wait_for_status(self, pattern: str) -> str:
        """Wait until the status item says something that matches."""
        return poll(
            lambda: (found := self.status()) and re.search(pattern, found) and found,
            lambda: f"expected a status like {pattern!r}, found {self.status()!r}\n{self.story()}",
        )

    def story(self) -> str:
        """What a failure is told with."""
        picture = Path(os.environ.get("INFILL_PICTURES", "/tmp")) / "vscode-failure.png"
        self.page.screenshot(picture)
        return f"text: {self.text()!r}\nstatus: {self.status()}\nmessages: {self.messages()!r}\nthe screen: {picture}"
