"""What the commands choose before they begin: the settings that hold for a file, and the engine that these name."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.api import CheckpointError
from engine.client import HostClient
from infill_lsp import checkpoints
from infill_lsp.cli.mistake import one_line
from infill_lsp.engines import host_of
from infill_lsp.settings.settings import PROJECT_FILE, Reading, Settings, load


def settings_for(folder: Path, model: str | None, *, needs_model: bool = False) -> Settings:
    """Read the settings that hold in a folder, and warn on stderr of every key that cannot be used.

    `model` is the command's own option and wins over everything. Raises CheckpointError for a model that is not here,
    if the command `needs_model`; others are warned of it.
    """
    reading = reading_for(folder, model)
    problem = checkpoints.missing(reading.settings.model) if needs_model else None
    for each in reading.problems:
        if problem is None or each != f"model: {problem}":
            print(f"infill-lsp: warning: {one_line(each)}", file=sys.stderr)
    if problem is not None:
        raise CheckpointError(problem)
    return reading.settings


def reading_for(folder: Path, model: str | None) -> Reading:
    """Read the settings that hold in a folder, with what is wrong with them."""
    overrides = None if model is None else {"model": model}
    return load(root=project_root(folder.absolute()), overrides=overrides)


@asynccontextmanager
async def engine_of(settings: Settings) -> AsyncIterator[HostClient]:
    """Lend the engine that the settings name. Who waits for its start at a terminal is told. Raises EngineError."""
    engine = host_of(settings)
    try:
        if sys.stderr.isatty():
            status = await engine.status()
            if status is None or status.state != "ready":
                print("starting the engine ...", file=sys.stderr)
        yield engine
    finally:
        await engine.aclose()


def project_root(folder: Path) -> Path | None:
    """Find the nearest folder with a project file, from this one upwards."""
    return next((root for root in (folder, *folder.parents) if (root / PROJECT_FILE).is_file()), None)
