"""What the demo shows while the canvas is denoised: one line for every pass, in a terminal or in a plain stream.

It knows the draft notification's tokens, and neither the server nor the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_LINE_BREAK = "⏎"
_NOISE = "·"


@dataclass(frozen=True, slots=True)
class Pass:
    """The hole as one denoising pass left it: text and whether it is accepted, token by token."""

    step: int
    elapsed_ms: float
    tokens: tuple[tuple[str, bool], ...]

    @classmethod
    def from_draft(cls, params: dict[str, Any]) -> Pass:
        """Read an `infill/draft` notification."""
        tokens = tuple((token["text"], token["state"] == "accepted") for token in params["tokens"])
        return cls(params["step"], params["passes_ms"], tokens)


class CanvasView:
    """The passes so far. In a terminal noise is dim; in a plain stream it is a row of dots."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._passes: list[Pass] = []
        self._live: Live | None = None

    @contextmanager
    def open(self, waiting_for: str) -> Iterator[None]:
        """Show passes until the block ends; before the first one, say what is waited for."""
        if not self._console.is_terminal:
            self._console.print(f"{waiting_for} ...", markup=False)
            yield
            return
        with Live(Spinner("dots", f"{waiting_for} ..."), console=self._console, refresh_per_second=20) as self._live:
            yield
            self._live.update(self._table())

    @property
    def passes(self) -> Sequence[Pass]:
        """Every pass shown."""
        return self._passes

    def add(self, shown: Pass) -> None:
        """Show one more pass. A repeated first pass means that the engine was started again: the others are void."""
        if shown.step == 1:
            self._passes.clear()
        self._passes.append(shown)
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        else:
            self._console.print(_plain_line(shown), markup=False, soft_wrap=True)

    def _table(self) -> RenderableType:
        return Group(*(_styled_line(shown) for shown in self._passes))


def _heading(shown: Pass) -> str:
    return f"pass {shown.step:>2} {shown.elapsed_ms:>7.0f} ms  "


def _plain_line(shown: Pass) -> str:
    return _heading(shown) + "".join(_flat(text) if firm else _NOISE * len(text) for text, firm in shown.tokens)


def _styled_line(shown: Pass) -> Text:
    line = Text(_heading(shown), style="cyan", no_wrap=True, overflow="ellipsis")
    for text, firm in shown.tokens:
        line.append(_flat(text), style="bold green" if firm else "dim white")
    return line


def _flat(text: str) -> str:
    return text.replace("\r", "").replace("\n", _LINE_BREAK)
