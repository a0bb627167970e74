"""Where and with what a measurement was made: stands beside every result."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_VERSIONED = ("torch", "transformers", "infill-lsp")


def describe() -> dict[str, object]:
    """Return the processor, the cores this process may use, the versions that matter, and the commit, in one object."""
    return {**machine(), **versions(), "commit": commit()}


def machine() -> dict[str, object]:
    """Return the processor, the cores that this process may use, and the system."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}}


def commit() -> str:
    """Return the commit that this clone stands at, `-dirty` after it where files differ; "unknown" once installed."""
    # An installed package may stand in somebody else's repository, whose commit says nothing.
    if _git("rev-parse", "--show-toplevel") != str(_ROOT):
        return "unknown"
    return _git("describe", "--always", "--dirty", "--abbrev=10") or "unknown"


def _git(*arguments: str) -> str | None:
    command = ["git", *arguments]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    except OSError:
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
