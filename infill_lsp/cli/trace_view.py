"""A fill's passes in the terminal: the draft as it forms, one line a pass, then what it came to.

In a terminal tokens have the colour of their entropy, accepted ones are bold and slack is dim; in a plain stream noise
is a row of dots. It knows traces and results; neither the engine nor how the hole was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import inf
from statistics import median

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.style import Style
from rich.text import Text

from engine.api import Draft
from infill_lsp.cli.trace_cells import SLACK, Cell, Line, blocks, chosen, flat
from infill_lsp.cli.trace_engine import Traced

_NOISE = "·"
# Up to so many nats; the terminal's own colours can be read on its own ground, whatever that is.
_COLORS = ((1.0, "green"), (6.0, "yellow"), (inf, "red"))


class TraceView:
    """The passes so far of the row that leads; a terminal shows them while they run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    @contextmanager
    def open(self, waiting_for: str) -> Iterator[None]:
        """Show passes until the block ends, and then take them back: `finish` shows the row that was chosen."""
        if not self._console.is_terminal:
            yield
            return
        spinner = Spinner("dots", f"{waiting_for} ...")
        with Live(spinner, console=self._console, refresh_per_second=20, transient=True) as self._live:
            yield

    def show(self, drafts: Sequence[Draft]) -> None:
        """Show the passes so far."""
        if self._live is not None and (found := blocks(drafts)):
            self._live.update(Group(*(_styled(line) for line in found[0])), refresh=True)

    def finish(self, traced: Traced) -> None:
        """Show every pass of the row that was chosen, then the candidates and what the fill cost."""
        found, result = blocks(traced.drafts), traced.result
        row = chosen(found, traced.shown) or 0
        if found:
            if len(found) > 1:
                self._print(Text(f"row {row + 1} of {len(found)}", style="dim"))
            for line in found[row]:
                self._print(_styled(line) if self._console.is_terminal else Text(_plain(line)))
        for place, candidate in enumerate(result.candidates if result else (), start=1):
            mark = " (shown)" if candidate.text == traced.shown else ""
            text = Text(f"{place}. score {candidate.score:.2f}, {candidate.num_tokens} tokens{mark}  ")
            self._print(text.append(_one_line(candidate.text), style="bold green" if mark else ""))
        if traced.outcome.reason is not None:
            self._print(Text(f"no fill: {traced.outcome.reason}"))
        self._print(Text(cost(traced), style="dim"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def cost(traced: Traced) -> str:
    """Return what the fill cost, on one line."""
    result = traced.result
    if result is None:
        return f"0 passes, {traced.outcome.model}"
    times = [draft.trace.ms for draft in traced.drafts if draft.trace is not None]
    each = f" of {median(times):.1f} ms (median)" if times else ""
    whole = f"prefill {result.prefill_ms:.1f} ms, in all {result.total_ms:.1f} ms"
    return f"{result.passes} passes{each}, {whole}, {result.model}"


def heading(line: Line) -> str:
    """Return what a pass was, in columns: its number, kind and time, mean entropy, and how much of it is decided."""
    entropy = "   -" if line.mean_entropy is None else f"{line.mean_entropy:4.2f}"
    done = f"{line.num_done:>2}/{line.num_tokens:<2}"
    return f"{line.step:>2} {line.kind:<7} {line.ms:>6.1f} ms  {entropy} nats  {done}  "


def _plain(line: Line) -> str:
    shown = heading(line)
    for is_slack, group in groupby(line.cells, lambda cell: cell.is_slack):
        cells = list(group)
        shown += _slack(cells) if is_slack else "".join(map(_firm_or_dots, cells))
    return shown


def _firm_or_dots(cell: Cell) -> str:
    return flat(cell.text) if cell.state in ("accepted", "settled", "known") else _NOISE * len(flat(cell.text))


def _styled(line: Line) -> Text:
    shown = Text(no_wrap=True, overflow="ellipsis").append(heading(line), style="cyan")
    for is_slack, group in groupby(line.cells, lambda cell: cell.is_slack):
        cells = list(group)
        if is_slack:
            shown.append(_slack(cells), style="dim")
            continue
        for cell in cells:
            shown.append(flat(cell.text), style=_style(cell))
    return shown


def _slack(cells: Sequence[Cell]) -> str:
    return f" {SLACK}×{len(cells)}"


def _style(cell: Cell) -> Style:
    firm = cell.state in ("accepted", "settled")
    lost = cell.state == "renoised" or cell.is_suspect
    entropy = cell.entropy
    shade = None if entropy is None else next(name for limit, name in _COLORS if entropy <= limit)
    return Style(
        color=shade,
        bold=firm or None,
        underline=cell.state == "accepted" or None,
        strike=lost or None,
        italic=cell.state == "known" or None,
    )


def _one_line(text: str) -> str:
    return "".join("⏎" if char == "\n" else char if char.isprintable() else "□" for char in text)
