"""What the editor tests share: Neovims with our server attached, with a scripted engine or with an engine host.

The fixtures of VS Code stand in `vscode_fixtures`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from neovim_driver import Neovim
from vscode_fixtures import plain, vscode, window

__all__ = ["Start", "plain", "vscode", "window"]

Start = Callable[..., Neovim]

SERVER = (sys.executable, "-m", "infill_lsp")
SCRIPTED_SERVER = (sys.executable, "-m", "tests.infill_lsp.scripted_server")


@pytest.fixture
def neovim(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return a function that opens a file of given content in a Neovim, with an engine of given model behind it."""
    with ExitStack() as stack:

        def start(content: str, *, model: str) -> Neovim:
            monkeypatch.setenv("INFILL_MODEL", model)
            editor = stack.enter_context(closing(Neovim(private_folders, SERVER)))
            editor.open(content)
            return editor

        yield start


def _scripted(**environment: str) -> Iterator[Neovim]:
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folders = {f"XDG_{kind}": f"{name}/{kind.lower()}" for kind in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME")}
        for folder in folders.values():
            os.mkdir(folder)
        with closing(Neovim(Path(name), SCRIPTED_SERVER, {**folders, **environment})) as editor:
            yield editor


@pytest.fixture(scope="module", params=["builtin", "own"])
def scripted_twice(request: pytest.FixtureRequest) -> Iterator[Neovim]:
    """A Neovim for all tests of a file, once with Neovim's own ghost text and once with ours.

    What the engine answers stands in the first line of each file, see tests/infill_lsp/scripted_server.py.
    """
    yield from _scripted(INFILL_SCREEN=request.param)


@pytest.fixture(scope="module")
def scripted() -> Iterator[Neovim]:
    """The same with Neovim's own ghost text."""
    yield from _scripted(INFILL_SCREEN="builtin")


@pytest.fixture
def instructed() -> Iterator[Neovim]:
    """The same with an engine that takes instructions."""
    yield from _scripted(INFILL_SCREEN="builtin", INFILL_MODEL="fake:instructions=yes")
