"""One VS Code for all tests that want one, and its windows: each takes long to open and is used by many tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from vscode_driver import VSCode
from vscode_setting import directed, end_hosts, packaged_extension, private_environment, scripted_server
from vscode_window import Window


@pytest.fixture(scope="session")
def vscode() -> Iterator[VSCode]:
    """Return a VS Code in folders of its own, with the packaged extension, that finds our server on the PATH."""
    # A Unix socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with closing(VSCode(folder, [packaged_extension()], private_environment(folder))) as editor:
            yield editor
        end_hosts(folder)


@pytest.fixture(scope="session")
def window(vscode: VSCode) -> Window:
    """Return a window whose engine does what the first line of a file tells it."""
    program = scripted_server(vscode.folder)
    settings = {"infill-lsp.path": str(program), "infill-lsp.model": "fake:instructions=yes"}
    window = vscode.open(vscode.project("scripted", settings), program)
    warm_up(window, "'warm'")
    return window


@pytest.fixture(scope="session")
def plain(vscode: VSCode) -> Window:
    """Return a window whose server was found on the PATH."""
    window = vscode.open(vscode.project("plain", {"infill-lsp.model": "fake:1 + 1"}))
    warm_up(window, "1 + 1")
    return window


def warm_up(window: Window, ghost: str) -> None:
    """Wait until a new window suggests something: in its first second VS Code drops what it asked for."""
    window.wait_for_status("ready")
    window.open("warm.py", directed("value = $0\n", ghost))
    window.ask_until(lambda: window.ghost() == ghost)
