"""`infill-lsp rewrite`: lines of a file rewritten by the same pipeline as in the editor, shown or printed as JSON.

The file is read and never written. What can be shown is decided in `infill_lsp.actions.rewrite`, nothing here.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from infill_lsp.actions.rewrite import Rewriting, rewrite
from infill_lsp.actions.rewrite_region import Region, region_in
from infill_lsp.actions.task import REWORK
from infill_lsp.cli.choices import engine_of
from infill_lsp.cli.fill_command import open_source
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import place_of_offset
from infill_lsp.holes.hole import NoHole
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Snapshot
from infill_lsp.text.line_index import LineIndex

_LINES = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)


def rewrite_lines(
    file: Path,
    lines: str,
    *,
    noise: float | None,
    instruction: str | None,
    keep: Sequence[str],
    model: str | None,
    as_json: bool,
) -> int:
    """Rewrite lines and print the outcome. Raises Mistake, EngineError."""
    snapshot, settings = open_source(file, model)
    start, end = _span("--lines", lines, snapshot.index)
    region = region_in(snapshot, start, end, [_span("--keep", each, snapshot.index) for each in keep])
    if isinstance(region, NoHole):
        outcome = Rewriting(None, region.reason, 0, 0.0, settings.model)
    else:
        share = REWORK if noise is None else noise
        outcome = asyncio.run(_rewritten(snapshot, region, settings, share, instruction))
        start, end = region.hole.start, region.hole.end
    if as_json:
        sys.stdout.write(json.dumps(_as_object(snapshot, start, end, outcome)) + "\n")
    else:
        _show(snapshot, start, end, outcome)
    return 0


async def _rewritten(
    snapshot: Snapshot, region: Region, settings: Settings, noise: float, instruction: str | None
) -> Rewriting:
    async with engine_of(settings) as engine:
        return await rewrite(snapshot, region, engine, settings, noise=noise, instruction=instruction)


def _span(option: str, lines: str, index: LineIndex) -> tuple[int, int]:
    """Find the offsets of `A-B` or of one line `A`. Raises Mistake."""
    match = _LINES.fullmatch(lines.strip())
    if match is None:
        raise Mistake(f"{option} takes lines A-B, such as 3-7, not '{lines}'")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise Mistake(f"{option} {lines}: line {last} stands before line {first}")
    if first < 1 or last > index.num_lines:
        raise Mistake(f"{option} {lines}: the file has lines 1 to {index.num_lines}")
    return index.line_start(first - 1), index.line_end(last - 1)


def _as_object(snapshot: Snapshot, start: int, end: int, outcome: Rewriting) -> dict[str, object]:
    """Return the outcome as `--json` promises it. Lines and columns count from 1."""
    original = snapshot.text[start:end]
    return {
        "text": original if outcome.text is None else outcome.text,
        "range": {"start": place_of_offset(start, snapshot.index), "end": place_of_offset(end, snapshot.index)},
        "changed": outcome.text is not None and outcome.text != original,
        "passes": outcome.passes,
        "ms": round(outcome.elapsed_ms, 1),
        "model": outcome.model,
        "reason": outcome.reason,
    }


def _show(snapshot: Snapshot, start: int, end: int, outcome: Rewriting) -> None:
    console = Console(highlight=False, soft_wrap=True)
    index = snapshot.index
    if outcome.text is not None:
        first, last = index.line_start(index.line_of(start)), index.line_end(index.line_of(end))
        before = snapshot.text[first:last].splitlines()
        after = (snapshot.text[first:start] + outcome.text + snapshot.text[end:last]).splitlines()
        for line in _compared(before, after):
            style = {"+": "bold green", "-": "dim red"}.get(line[0], "")
            console.print(Text(line, style=style))
    cost = f"{outcome.passes} passes, {outcome.elapsed_ms:.0f} ms, {outcome.model}"
    if outcome.reason is not None:
        after_it = f" ({cost})" if outcome.passes else ""
        console.print(f"no change: {outcome.reason}{after_it}", markup=False)
    else:
        console.print(cost, style="dim", markup=False)


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Yield all lines, what goes in front of what comes in its place."""
    for tag, first, last, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in before[first:last])
        else:
            yield from (f"- {line}" for line in before[first:last])
            yield from (f"+ {line}" for line in after[start:end])
