"""What docs/editors.md tells a user to paste, and `infill-lsp` on the PATH as a user has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTED_SERVER = (sys.executable, "-m", "tests.infill_lsp.scripted_server")


def documented(heading: str, language: str) -> str:
    """The first piece in a language below a heading."""
    section = (ROOT / "docs/editors.md").read_text().partition(f"\n{heading}\n")[2]
    piece = section.partition(f"```{language}\n")[2].partition("\n```")[0]
    assert piece, f"docs/editors.md has no {language} below {heading}"
    return piece + "\n"


def on_the_path(folder: Path, server: Sequence[str]) -> dict[str, str]:
    """Make `infill-lsp` a command that starts this server, and return the environment that has it."""
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "infill-lsp"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {" ".join(server)} "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}"}


def private_environment(folder: Path) -> dict[str, str]:
    """Folders of its own for everything that a program keeps."""
    folders = {
        f"XDG_{kind}": folder / kind.lower() for kind in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME", "DATA_HOME")
    }
    for each in folders.values():
        each.mkdir(mode=0o700)
    return {name: str(each) for name, each in folders.items()}
