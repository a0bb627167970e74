"""How the command line runs another of this distribution's modules as a process of its own.

The folder that a user stands in may hold an `engine` or an `infill_lsp` of its own, which must never be run: so the
child looks for modules where this package was found, and not in the current folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import infill_lsp


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of this distribution; arguments can be appended."""
    return [sys.executable, "-P", "-m", module]


def module_environment() -> dict[str, str]:
    """Return the environment that `module_command` needs: this process's own, with our folder first for modules."""
    root = str(Path(infill_lsp.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}
