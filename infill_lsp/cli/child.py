"""How the command line runs another of this distribution's modules as a process of its own.

The folder that a user stands in may hold an `engine` or an `infill_lsp` of its own, which must never be run: so the
child looks for modules where this package was found, and not in the current folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import infill_lsp


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of this distribution; arguments can be appended."""
    return [sys.executable, "-P", "-m", module]


def module_environment() -> dict[str, str]:
    """Return the environment that `module_command` needs: this process's own, with our folder first for modules."""
    root = str(Path(infill_lsp.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}


@contextlib.contextmanager
def told(process: subprocess.Popen[bytes], job: Mapping[str, object], within_s: float) -> Iterator[Iterator[Any]]:
    """Tell a child its job, one JSON object on its input, and give what it answers, a JSON object a line.

    Whatever is raised meanwhile ends the child, which has so many seconds to clear up.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:  # It may end before it was told everything.
            process.stdin.write(json.dumps(job).encode())
        yield map(json.loads, process.stdout)
        process.wait()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
        raise


def last_line(complaints: IO[bytes]) -> str:
    """Return the last thing that a child wrote on its standard error."""
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
