"""Asks the engine how checkpoints would be run on this machine, in a process of its own, where torch is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infill_lsp.cli.child import module_command, module_environment

_MODULE = "engine.plan_report"
_PATIENCE_S = 120.0


def fits(folder: Path) -> str | None:
    """Say in one line how the checkpoint of a folder would be run; None where that cannot be told."""
    return fits_all([folder])[0]


def fits_all(folders: Sequence[Path]) -> list[str | None]:
    """Say it of several, in their order. Only their configurations need be there."""
    if not folders:
        return []
    names = [str(folder) for folder in folders]
    try:
        done = subprocess.run(
            [*module_command(_MODULE), *names],
            capture_output=True,
            timeout=_PATIENCE_S,
            env=module_environment(),
            cwd=os.path.abspath(os.sep),  # Nothing is looked up where the user stands.
            check=True,
        )
        told = json.loads(done.stdout)
        return [told.get(name) for name in names]
    except (OSError, ValueError, AttributeError, subprocess.SubprocessError):
        return [None] * len(names)
