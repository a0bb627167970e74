"""`infill-lsp fill --all`: every hole of a file filled as the editor's action does it, shown or printed as JSON.

The file is read and never written. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from infill_lsp.actions.fill_all import AllFilled, fill_all
from infill_lsp.cli.choices import engine_of
from infill_lsp.cli.fill_command import open_source
from infill_lsp.cli.source_file import place_of_offset
from infill_lsp.holes.all_holes import holes_within
from infill_lsp.holes.hole import Hole
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Snapshot

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


def fill_every(file: Path, *, model: str | None, as_json: bool) -> int:
    """Fill all holes of a file and print what became of each. Raises Mistake, EngineError."""
    snapshot, settings = open_source(file, model)
    holes = holes_within(snapshot, 0, len(snapshot.text))
    nothing = AllFilled((), (), 0, 0.0, settings.model)
    outcome = asyncio.run(_filled(snapshot, holes, settings)) if holes else nothing
    if as_json:
        sys.stdout.write(json.dumps(_as_object(snapshot, outcome)) + "\n")
    else:
        _show(snapshot, outcome)
    return 0


async def _filled(snapshot: Snapshot, holes: tuple[Hole, ...], settings: Settings) -> AllFilled:
    async with engine_of(settings) as engine:
        capabilities = (await engine.info()).capabilities
        return await fill_all(snapshot, holes, engine, settings, capabilities)


def _as_object(snapshot: Snapshot, outcome: AllFilled) -> dict[str, object]:
    """Return the outcome as `--json` promises it. Lines and columns count from 1, in the file as it is."""
    return {
        "fills": [{"range": _range(snapshot, hole), "text": text} for hole, text in outcome.fills],
        "unfilled": [{"range": _range(snapshot, hole), "reason": reason} for hole, reason in outcome.unfilled],
        "passes": outcome.passes,
        "ms": round(outcome.elapsed_ms, 1),
        "model": outcome.model,
        "reason": None if outcome.fills or outcome.unfilled else "nothing to fill here",
    }


def _range(snapshot: Snapshot, hole: Hole) -> dict[str, object]:
    return {
        "start": place_of_offset(hole.start, snapshot.index),
        "end": place_of_offset(hole.end, snapshot.index),
    }


def _show(snapshot: Snapshot, outcome: AllFilled) -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = len(str(snapshot.index.num_lines))
    for hole, text in outcome.fills:
        line = snapshot.index.line_of(hole.start)
        shown = Text(f"{line + 1:>{width}}: ", style="dim")
        shown.append(snapshot.text[snapshot.index.line_start(line) : hole.start], style="not dim")
        # Lines below one another, as they stand in the file.
        shown.append(_LINE_BREAK.sub("\n" + " " * (width + 2), text), style="not dim bold green")
        end = snapshot.index.line_end(snapshot.index.line_of(hole.end))
        shown.append(snapshot.text[hole.end : end], style="not dim")
        console.print(shown)
    for hole, reason in outcome.unfilled:
        console.print(f"{snapshot.index.line_of(hole.start) + 1:>{width}}: not filled: {reason}", markup=False)
    if not outcome.fills and not outcome.unfilled:
        console.print("no hole: nothing to fill here", markup=False)
    num_all = len(outcome.fills) + len(outcome.unfilled)
    cost = f"{len(outcome.fills)} of {num_all} holes, {outcome.passes} passes, {outcome.elapsed_ms:.0f} ms"
    console.print(f"{cost}, {outcome.model}", style="dim", markup=False)
