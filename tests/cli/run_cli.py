"""Runs the command line as a user does: a process, its two streams and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str


def run_cli(*arguments: str | Path, stdin: str = "") -> Ran:
    """Run `infill-lsp` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "infill_lsp", *map(str, arguments)],
        input=stdin.encode(),
        capture_output=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def check_mistake(*arguments: str | Path, says: str) -> None:
    """A user's mistake: one clear line on stderr, nothing on stdout, exit status 2."""
    ran = run_cli(*arguments)
    assert (ran.status, ran.stdout) == (2, ""), ran
    assert ran.stderr.startswith("infill-lsp: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert ran.stderr.endswith("\n")
    assert says in ran.stderr


def fill_json(*arguments: str | Path) -> dict[str, Any]:
    """Run `fill --json`, check what always holds of its object, and return it."""
    ran = run_cli("fill", "--json", *arguments)
    assert (ran.status, ran.stderr) == (0, ""), ran
    answer: dict[str, Any] = json.loads(ran.stdout)
    assert ran.stdout.count("\n") == 1
    assert set(answer) == {"text", "range", "candidates", "passes", "ms", "model", "reason"}
    assert (answer["reason"] is None) == (answer["text"] != "")
    assert answer["candidates"][:1] == ([answer["text"]] if answer["text"] else [])
    assert answer["range"]["start"] <= answer["range"]["end"]
    return answer
