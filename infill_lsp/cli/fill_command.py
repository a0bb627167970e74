"""`infill-lsp fill`: one hole of a file filled by the same pipeline as in the editor, shown or printed as JSON.

The file is read and never written. What can be shown is decided in `infill_lsp.fill`; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from infill_lsp.cli.choices import engine_of, project_root, settings_for
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import offset_of_place, place_of_offset, read_source
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.excludes.exclusions import both_paths, refusal_of_file
from infill_lsp.excludes.ignore_files import IgnoreFiles
from infill_lsp.fill import Outcome, fill
from infill_lsp.holes.hole import Hole, NoHole, hole_at
from infill_lsp.languages import known_suffixes, language_of_path
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document, Snapshot

_PARSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a file, the hole there, and the settings that hold for the file."""

    snapshot: Snapshot
    offset: int
    hole: Hole | NoHole
    settings: Settings


def fill_file(file: Path, at: str, *, num_candidates: int, model: str | None, as_json: bool) -> int:
    """Fill the hole at a place and print the outcome. Raises Mistake, EngineError."""
    place = find_place(file, at, model)
    snapshot, hole, settings = place.snapshot, place.hole, place.settings
    if isinstance(hole, NoHole):
        outcome = Outcome((), hole.reason, None, 0, 0.0, settings.model)
    else:
        outcome = asyncio.run(_filled(snapshot, hole, settings, num_candidates))
    if as_json:
        sys.stdout.write(json.dumps(as_object(snapshot, place.offset, outcome)) + "\n")
    else:
        _show(snapshot, outcome)
    return 0


def find_place(file: Path, at: str, model: str | None) -> Place:
    """Read a file that an engine may be shown and find the hole at LINE:COLUMN. Raises Mistake."""
    snapshot, settings = open_source(file, model)
    offset = offset_of_place(at, snapshot.index)
    hole = hole_at(snapshot, offset, in_strings=settings.in_strings, in_comments=settings.in_comments)
    return Place(snapshot, offset, hole, settings)


def open_source(file: Path, model: str | None) -> tuple[Snapshot, Settings]:
    """Read a file that an engine may be shown, with the settings that hold for it. Raises Mistake."""
    settings = settings_for(file.parent, model, needs_model=True)
    root = project_root(file.parent.absolute())
    if reason := refusal_of_file(both_paths(str(file.absolute())), settings, root, IgnoreFiles()):
        raise Mistake(f"{file}: {reason}")
    language = language_of_path(file.name)
    settings = settings if language is None else settings.for_language(language.id)
    text = read_source(file, settings.max_file_bytes)
    if language is None:
        raise Mistake(
            f"{file} is in no language that can be filled: its name must end in {', '.join(known_suffixes())}"
        )
    return Document(file.absolute().as_uri(), 0, text, language.id).snapshot(_PARSE_S), settings


async def _filled(snapshot: Snapshot, hole: Hole, settings: Settings, num_candidates: int) -> Outcome:
    surroundings = Surroundings() if settings.context == "outline" else None
    async with engine_of(settings) as engine:
        return await fill(snapshot, hole, engine, settings, num_candidates=num_candidates, surroundings=surroundings)


def as_object(snapshot: Snapshot, offset: int, outcome: Outcome) -> dict[str, object]:
    """Return the outcome as `--json` promises it. Lines and columns count from 1."""
    best = outcome.suggestions[0] if outcome.suggestions else None
    where = best or outcome.hole
    start, end = (where.start, where.end) if where else (offset, offset)
    return {
        "text": best.text if best else "",
        "range": {"start": place_of_offset(start, snapshot.index), "end": place_of_offset(end, snapshot.index)},
        "candidates": [suggestion.text for suggestion in outcome.suggestions],
        "passes": outcome.passes,
        "ms": round(outcome.elapsed_ms, 1),
        "model": outcome.model,
        "reason": outcome.reason,
    }


def _show(snapshot: Snapshot, outcome: Outcome) -> None:
    console = Console(highlight=False, soft_wrap=True)
    cost = f"{outcome.passes} passes, {outcome.elapsed_ms:.0f} ms, {outcome.model}"
    if not outcome.suggestions:
        after = f" ({cost})" if outcome.passes else ""
        console.print(f"no fill: {outcome.reason}{after}", markup=False)
        return
    for suggestion in outcome.suggestions:
        first = snapshot.index.line_start(snapshot.index.line_of(suggestion.start))
        last = snapshot.index.line_end(snapshot.index.line_of(suggestion.end))
        lines = Text(snapshot.text[first : suggestion.start])
        lines.append(suggestion.text, style="bold green")
        lines.append(snapshot.text[suggestion.end : last])
        console.print(lines)
    console.print(cost, style="dim", markup=False)
