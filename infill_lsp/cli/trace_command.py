"""`infill-lsp trace`: one hole of a file filled as by `infill-lsp fill`, and every pass of it drawn.

The file is read and never written. How a pass is drawn stands in the modules beside this one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from engine.api import Draft, RequestError
from infill_lsp.cli.fill_command import Place, as_object, find_place
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import place_of_offset
from infill_lsp.cli.trace_cells import blocks, chosen
from infill_lsp.cli.trace_engine import Traced, traced_fill
from infill_lsp.cli.trace_view import TraceView, cost
from infill_lsp.engines import host_of
from infill_lsp.fill import Outcome
from infill_lsp.holes.hole import NoHole

_DRAWN = (".html", ".png")


def trace_file(file: Path, at: str, *, output: Path | None, model: str | None, as_json: bool) -> int:
    """Fill the hole at a place and draw its passes. Raises Mistake, EngineError."""
    if output is not None:
        _check_output(output)
    place = find_place(file, at, model)
    if output is not None and isinstance(place.hole, NoHole):
        raise Mistake(f"there is nothing to draw at {at}: {place.hole.reason}")
    console = Console(highlight=False, soft_wrap=True)
    view = TraceView(console)
    if as_json or output is not None:
        traced = asyncio.run(_traced(place, lambda drafts: None))
    else:
        with view.open("waiting for the engine"):
            traced = asyncio.run(_traced(place, view.show))
        view.finish(traced)
    if output is not None:
        _draw(output, file, place, traced)
        if not as_json:
            console.print(f"{output}: {cost(traced)}", markup=False)
    if as_json:
        _write_json(place, traced)
    return 0


async def _traced(place: Place, on_change: Callable[[Sequence[Draft]], None]) -> Traced:
    if isinstance(place.hole, NoHole):
        return Traced(Outcome((), place.hole.reason, None, 0, 0.0, place.settings.model))
    async with aclosing(host_of(place.settings)) as engine:
        return await traced_fill(place.snapshot, place.hole, engine, place.settings, on_change)


def _write_json(place: Place, traced: Traced) -> None:
    for draft in traced.drafts:
        assert draft.trace is not None
        _write_line({"type": "pass", "step": draft.step, **dataclasses.asdict(draft.trace)})
    result = traced.result
    costs = {"prefill_ms": result.prefill_ms, "ms": result.total_ms} if result else {"prefill_ms": 0.0, "ms": 0.0}
    candidates = [dataclasses.asdict(candidate) for candidate in result.candidates] if result else []
    answer = as_object(place.snapshot, place.offset, traced.outcome)
    _write_line({"type": "result", **answer, "candidates": candidates, **costs})


def _write_line(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")


def _check_output(output: Path) -> None:
    """Refuse before any work what could not be written after it."""
    if output.suffix.lower() not in _DRAWN:
        raise Mistake(f"--output takes a file that ends in {' or '.join(_DRAWN)}, not '{output.name}'")
    if output.is_dir():
        raise Mistake(f"{output} cannot be written: it is a folder")
    if not output.parent.is_dir():
        raise Mistake(f"{output} cannot be written: there is no folder {output.parent}")
    if output.suffix.lower() == ".png" and find_spec("matplotlib") is None:
        raise Mistake(
            "a .png needs matplotlib: pip install '.[bench]' in a clone of infill-lsp; an .html file needs nothing"
        )


def _draw(output: Path, file: Path, place: Place, traced: Traced) -> None:
    found = blocks(traced.drafts)
    if not found:
        raise RequestError("the engine answered without a pass, so there is nothing to draw")
    row = chosen(found, traced.shown)
    titles = [f"row {index + 1} of {len(found)}" + (", shown" if index == row else "") for index in range(len(found))]
    titled = sorted(zip(titles, found, strict=True), key=lambda each: not each[0].endswith("shown"))
    line, column = place_of_offset(place.offset, place.snapshot.index)
    name = f"{file.name}:{line}:{column}"
    try:
        if output.suffix.lower() == ".html":
            from infill_lsp.cli.trace_page import page

            output.write_text(page(name, cost(traced), titled), encoding="utf-8", errors="backslashreplace")
        else:
            from infill_lsp.cli.trace_picture import draw

            draw(output, name, cost(traced), titled)
    except OSError as error:
        raise Mistake(f"{output} cannot be written: {error.strerror or error}") from None
