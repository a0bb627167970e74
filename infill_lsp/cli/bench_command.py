"""`infill-lsp bench`: measure the engine on this machine, on holes of code that its checkpoint never saw.

What is measured stands in `engine.bench`, which runs as a process of its own; nothing is judged here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from engine.api import EngineError, EngineUnavailable
from infill_lsp.cli.bench_job import run_job
from infill_lsp.cli.bench_table import table
from infill_lsp.cli.choices import settings_for
from infill_lsp.cli.machine_checks import LOCAL_EXTRA_ADVICE
from infill_lsp.cli.mistake import Mistake

HOLES, QUICK_HOLES = 100, 3
_NEEDED = ("torch", "transformers", "safetensors", "tokenizers", "numpy")
_PLOT_ENDINGS = (".svg", ".png", ".pdf")
_WIDTH = 150


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured: holes of each group, CPU threads (None: torch decides), and where a plot goes."""

    holes: int | None = None
    quick: bool = False
    threads: int | None = None
    plot: Path | None = None


def measure(wanted: Wanted, *, model: str | None, as_json: bool) -> int:
    """Measure, and print a table or one JSON object; progress goes to stderr. Raises Mistake, EngineError."""
    settings = settings_for(Path.cwd(), model, needs_model=True)
    if settings.model.startswith("fake:"):
        raise Mistake("a scripted engine cannot be measured; --model bundled can")
    if any(importlib.util.find_spec(package) is None for package in _NEEDED):
        raise EngineUnavailable(LOCAL_EXTRA_ADVICE)
    if wanted.plot is not None:
        _check_plot(wanted.plot)
    # A name or a folder, as seen from here: the process that measures stands elsewhere.
    named = settings.model
    job = {
        "model": named if named == "bundled" else os.path.abspath(os.path.expanduser(named)),
        "editor": "infill_lsp.cli.bench_editor:PythonEditor",
        "critic": "infill_lsp.judging.critic:Critic",
        "holes": wanted.holes or (QUICK_HOLES if wanted.quick else HOLES),
        "quick": wanted.quick,
        "plot": None if wanted.plot is None else str(wanted.plot.absolute()),
        "threads": wanted.threads,
        "precision": settings.precision,
    }
    result = _followed(run_job(job))
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        Console(width=max(Console().width, _WIDTH), highlight=False).print(table(result))
    return 0


def _check_plot(path: Path) -> None:
    """Raise Mistake now for what would fail after minutes."""
    if path.suffix not in _PLOT_ENDINGS:
        raise Mistake(f"--plot writes {', '.join(_PLOT_ENDINGS)}, not {path.name}")
    if not path.absolute().parent.is_dir():
        raise Mistake(f"{path.parent} is no folder, so no plot can be written there")
    if importlib.util.find_spec("matplotlib") is None:
        raise Mistake("--plot needs matplotlib; run pip install matplotlib")


def _followed(events: Iterable[dict[str, object]]) -> dict[str, Any]:
    """Show the progress on stderr (where that is no terminal, a line a stage) and return the result."""
    result: dict[str, Any] = {}
    console, stage = Console(stderr=True), ""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        shown = progress.add_task("starting", total=None)
        for event in events:
            if event["event"] == "progress":
                done, total = int(str(event["done"])), int(str(event["total"]))
                if event["stage"] != stage and not console.is_terminal:
                    print(f"infill-lsp: {event['stage']}", file=sys.stderr)
                stage = str(event["stage"])
                progress.update(shown, description=stage, completed=done, total=total)
            else:
                result = {name: value for name, value in event.items() if name != "event"}
    if not result:
        raise EngineError("the measurements ended without a result; run them again")
    return result
