"""`infill-lsp demo`: an editor in miniature drives the real language server, and the terminal shows what happens.

It knows nothing of the server but what an editor sees, and never writes a file.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.text import Text

from engine.api import EngineUnavailable
from infill_lsp.cli.canvas_view import CanvasView
from infill_lsp.cli.choices import settings_for
from infill_lsp.cli.demo_editor import DemoEditor, Edit, OpenFile
from infill_lsp.cli.lsp_client import AnswerError, ServerGone
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import offset_of_place, place_of_offset, read_source
from infill_lsp.engines import host_of
from infill_lsp.settings.settings import Settings
from infill_lsp.text.line_index import LineIndex

_CONTEXT_LINES = 8
_PLACEHOLDER = "..."


def show_demo(file: Path | None, at: str | None, *, model: str | None) -> int:
    """Fill the hole and show every pass. Returns 0 when it was filled, else 1. Raises Mistake, EngineError."""
    settings = settings_for(file.parent if file else Path.cwd(), model, needs_model=True)
    source = _open_file(file, at, settings.max_file_bytes)
    console = Console(highlight=False, soft_wrap=True)
    line, column = place_of_offset(source.offset, source.index)
    console.print(f"filling the hole at line {line}, column {column} of {source.path.name}", markup=False)
    view = CanvasView(console)
    started = time.monotonic()
    try:
        editor = DemoEditor(source, settings.model, view.add)
        try:
            with view.open("starting the language server and the engine"):
                edit = editor.fill()
        finally:
            editor.close()
    except (ServerGone, AnswerError) as error:
        raise EngineUnavailable(str(error)) from None
    if edit is None:
        print(f"infill-lsp: nothing was filled: {editor.silence}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    _show_result(console, source, edit)
    cost = f"{len(view.passes)} passes in {view.passes[-1].elapsed_ms:.0f} ms" if view.passes else "no passes reported"
    console.print(f"{cost}, {_model_name(settings)}; {seconds:.1f} s with starting everything", markup=False)
    return 0


def _open_file(file: Path | None, at: str | None, max_bytes: int) -> OpenFile:
    if file is None:
        if at is not None:
            raise Mistake("--at needs a FILE to look into")
        file = Path("sample.py")
        text = (resources.files("infill_lsp.cli") / "sample.py.txt").read_text(encoding="utf-8")
    else:
        text = read_source(file, max_bytes)
    index = LineIndex(text)
    if at is not None:
        return OpenFile(file, text, index, offset_of_place(at, index))
    if _PLACEHOLDER not in text:
        raise Mistake(f"{file} holds no {_PLACEHOLDER} to fill; say where the hole is with --at LINE:COLUMN")
    return OpenFile(file, text, index, text.index(_PLACEHOLDER))


def _show_result(console: Console, source: OpenFile, edit: Edit) -> None:
    """Show the filled lines with some lines around them, as the file would be after the edit."""
    index = source.index
    first = max(0, index.line_of(edit.start) - _CONTEXT_LINES)
    last = min(index.num_lines - 1, index.line_of(edit.end) + _CONTEXT_LINES)
    shown = Text(source.text[index.line_start(first) : edit.start])
    shown.append(edit.text, style="bold green")
    shown.append(source.text[edit.end : index.line_end(last)])
    console.print()
    console.print(shown)
    console.print()


def _model_name(settings: Settings) -> str:
    """Ask the engine that did it for its name and device; the editor's protocol does not tell them."""

    async def ask() -> str:
        async with aclosing(host_of(settings)) as engine:
            status = await engine.status()
        return f"{status.engine.model} on {status.engine.device}" if status and status.engine else settings.model

    return asyncio.run(ask())
