"""One command's worth of a long run: train until a limit of minutes is over, save, draw, and say how it went.

A run is divided into equal chunks. Each takes its share of the schedule whatever its start costs (loading, compiling),
so that the last one ends where the learning rate does. Whole states stay where the run is; what has to travel (weights
without momentum, log, picture, report) is written to a folder of its own in files of at most 15 MiB.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from engine.training import state
from engine.training.measure import Measured, measure
from engine.training.plan import plan
from engine.training.plot import plot
from engine.training.recipes import Recipe
from engine.training.train import Progress, Run

_WARM_STEPS = 2  # of each kind, before the clock of the schedule starts: they compile
_CLOSING_SECONDS = 30.0  # kept free at the end for saving, measuring and drawing
_SPARE_CORES = 2


def train_chunk(
    recipe: Recipe, data: Path, output: Path, *, minutes: float, chunks: int, travel: Path | None, workers: int | None
) -> Iterator[Progress]:
    """Train for one of `chunks` equal parts of the run, all within `minutes` of this call.

    Yields: the run's progress. Writes `state.pt`, `log.jsonl`, `loss.svg` and `report.json` to `output`, and to
    `travel`, when given, the light state in parts and copies of the other three.
    Raises: ValueError when the time does not reach for the start and the closing.
    """
    deadline = time.monotonic() + 60 * minutes
    closing = min(_CLOSING_SECONDS, 60 * minutes / 4)
    output.mkdir(parents=True, exist_ok=True)
    if workers is None:
        workers = max(0, (os.cpu_count() or 1) - _SPARE_CORES) if recipe.device != "cpu" else 0
    began = time.monotonic()
    run = Run(recipe, data, output, workers)
    if recipe.compiled:
        run.rehearse(_WARM_STEPS)
    start_seconds = time.monotonic() - began
    usable = deadline - time.monotonic() - closing
    if usable <= 0:
        raise ValueError(f"the start took {start_seconds:.0f} s and left no time to train; give more --minutes")
    run.recipe = replace(recipe, seconds=chunks * usable)
    positions = run.counters.positions
    yield from run.advance(seconds=usable)
    positions = run.counters.positions - positions
    parts = _save_light(run, travel) if travel else []
    report: dict[str, Any] = {
        "progress": run.counters.progress,
        "steps": run.counters.step,
        "positions": run.counters.positions,
        "start_seconds": round(start_seconds, 1),
        "trained_seconds": round(usable, 1),
        "positions_per_second": round(positions / usable, 1),
        "light_state_parts": [part.name for part in parts],
    }
    _write(report, output)
    # What follows may be cut off: everything that counts is written.
    measured = measure(run)
    report["measured"] = asdict(measured)
    report["planned"] = _planned(run.recipe, measured)
    _write(report, output)
    try:
        plot(output / "log.jsonl", output / "loss.svg")
    except ModuleNotFoundError:
        report["loss.svg"] = "matplotlib is not installed here; draw log.jsonl with the step `plot`"
        _write(report, output)
    if travel:
        for name in ("log.jsonl", "loss.svg", "report.json"):
            if (output / name).exists():
                shutil.copyfile(output / name, travel / name)


def _save_light(run: Run, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return state.save_light(folder / "light.pt", run.network.shape, run.recipe.sizes, run.optimizer, run.counters)


def _planned(recipe: Recipe, measured: Measured) -> dict[str, Any]:
    return asdict(plan(recipe, measured.model_flops_per_second))


def _write(report: dict[str, Any], output: Path) -> None:
    versions = {"torch": torch.__version__, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    (output / "report.json").write_text(json.dumps({**report, **versions}, indent=2) + "\n")
