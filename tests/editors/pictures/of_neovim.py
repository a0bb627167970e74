"""The pictures of Neovim: ghost text, and a fill from its first draft to its end."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from neovim_driver import Neovim
from vscode_setting import end_hosts

from pictures.neovim_screen import NeovimScreen, Screen
from pictures.pace import each_draft
from pictures.sample import FILE_NAME, TO_FILL, TO_TYPE, TYPED
from pictures.screen_svg import animated, drawn

_COLUMNS, _LINES = 62, 16
_SLOWER = 4
_END_S = 2.5


def take(folder: Path) -> None:
    """Take them and write them into a folder."""
    with _editor("infill_lsp") as (editor, screen, _):
        line, column = _open(editor, TO_TYPE)
        editor.type_at(line, column, TYPED)
        editor.ghost()
        (folder / "neovim-ghost-text.svg").write_text(drawn(screen.look(), "Ghost text in Neovim"))
    with _editor("tests.editors.pictures.paced_server") as (editor, screen, told):
        editor.place_cursor(*_open(editor, TO_FILL))
        frames: list[tuple[Screen, float]] = [(screen.look(), 1.0)]
        editor.command("Infill fill")
        shown = "return (require('ghost').draft() or { '' })[1]"
        for seen, stood_ms in each_draft(told, lambda: editor.lua(shown), screen.look):
            frames.append((seen, _SLOWER * stood_ms / 1000))
        editor.wait_for("require('ghost').draft() == nil")
        frames.append((screen.look(), _END_S))
        (folder / "neovim-fill.svg").write_text(animated(frames, "A body is filled in Neovim, draft by draft"))


def _open(editor: Neovim, text: str) -> tuple[int, int]:
    """Open a text without its `$0`, and return the line and the column of it."""
    before, _, after = text.partition("$0")
    editor.open(before + after, FILE_NAME)
    editor.wait_for("require('infill').status() == 'infill'")
    return before.count("\n"), len(before.rpartition("\n")[2])


@contextmanager
def _editor(server: str) -> Iterator[tuple[Neovim, NeovimScreen, Path]]:
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        private = {}
        for kind in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "DATA_HOME", "CACHE_HOME"):
            (folder / kind.lower()).mkdir(mode=0o700)
            private[f"XDG_{kind}"] = str(folder / kind.lower())
        told = folder / "pace.json"
        environment = {**private, "INFILL_PACE": str(told), "INFILL_MODEL": "bundled"}
        init = Path(__file__).with_name("init.lua")
        command = (sys.executable, "-m", server)
        with (
            closing(Neovim(folder, command, environment, init=init)) as editor,
            closing(NeovimScreen(editor.channel, _COLUMNS, _LINES)) as screen,
        ):
            yield editor, screen, told
        for each in folder.rglob("neovim*.sock"):
            os.unlink(each)
        end_hosts(folder)
