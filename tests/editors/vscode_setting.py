"""What a VS Code of the tests meets: the packaged extension, servers to find, and folders of no user."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from engine.client import HostClient

_ROOT = Path(__file__).parents[2]
_EXTENSION = _ROOT / "editors/vscode"


def packaged_extension() -> Path:
    """Package the extension as it is now, the way its README tells."""
    run_npm("run", "package")
    return _EXTENSION / "infill-lsp.vsix"


def node_modules() -> None:
    """Install what building the extension needs, unless it is there."""
    installed, wanted = (_EXTENSION / name for name in ("node_modules/.package-lock.json", "package-lock.json"))
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        _npm("ci", "--no-audit", "--no-fund")
        installed.touch()


def run_npm(*arguments: str) -> None:
    """Run a command of the extension's own, as its README tells."""
    node_modules()
    _npm(*arguments)


def node() -> str:
    """Find the program that runs JavaScript."""
    found = shutil.which("node")
    assert found, "there is no node: install Node.js 20 or newer"
    return found


def private_environment(folder: Path) -> Mapping[str, str]:
    """Make an environment in which no settings of the machine's user count, and our server is on the PATH."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("INFILL_", "XDG_", "VSCODE_"))}
    private = {f"XDG_{kind}": str(folder / kind.lower()) for kind in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME")}
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    programs = folder / "bin"
    programs.mkdir()
    program(programs / "infill-lsp", "infill_lsp")
    path = f"{programs}{os.pathsep}{kept['PATH']}"
    # VS Code asks the login shell for the environment of extensions.
    (folder / ".profile").write_text(f"export PATH='{path}'\n")
    return {**kept, **private, "XDG_RUNTIME_DIR": str(runtime), "HOME": str(folder), "PATH": path}


def scripted_server(folder: Path) -> Path:
    """Make a program that is the real server with an engine that does what a file's first line tells it."""
    return program(folder / "scripted-infill", "tests.infill_lsp.scripted_server")


def directed(source: str, *texts: str, **directions: object) -> str:
    """Begin a file with the line that tells the scripted engine what to answer."""
    told = directions | ({"texts": texts} if texts else {"texts": []} if "reason" in directions else {})
    return f"# {json.dumps(told)}\n{source}"


def end_hosts(folder: Path) -> None:
    """End the engine hosts that were started in a folder."""
    for socket in folder.rglob("*.sock"):
        asyncio.run(_end_host(socket))


async def _end_host(socket: Path) -> None:
    client = HostClient(socket_path=socket, start=False)
    try:
        await client.shutdown()
    finally:
        await client.aclose()


def program(file: Path, module: str) -> Path:
    """Write a program that runs a Python module, and tells its process in a file beside it."""
    # The process is known by its number, which stays when another program takes its place.
    tell = f'echo $$ >"{file}.new" && mv "{file}.new" "{file}.pid"'
    run = f'PYTHONPATH="{_ROOT}" exec "{sys.executable}" -m {module} "$@"'
    file.write_text(f"#!/bin/sh\n{tell}\n{run}\n")
    file.chmod(0o755)
    return file


def _npm(*arguments: str) -> None:
    assert shutil.which("npm"), "there is no npm: install Node.js 20 or newer"
    done = subprocess.run(["npm", *arguments], cwd=_EXTENSION, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"npm {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
