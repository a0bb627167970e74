"""Run a package manager's own client, and turn its failure into one line that says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def run(command: Sequence[str], failure: str, folder: Path | None = None) -> bytes:
    """Return what the command printed; `folder` is where it runs.

    Raises: RuntimeError with `failure` and the client's last line of complaint.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(f"{failure}: `{command[0]}` is not installed") from None
    if done.returncode:
        complaint = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise RuntimeError(f"{failure}: {complaint}")
    return done.stdout
