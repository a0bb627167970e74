"""What stands on the screen of a real Neovim, cell by cell, as Neovim tells every program that shows it.

It is one more screen of a Neovim that runs already. It knows what Neovim's drawing events mean, and not how cells look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pynvim


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks; colours are 0xRRGGBB."""

    foreground: int
    background: int
    is_bold: bool = False
    is_italic: bool = False
    is_underlined: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One character. The second cell of a wide one is empty."""

    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Screen:
    """Rows of cells, and the cursor's row and column counted from 0."""

    rows: tuple[tuple[Cell, ...], ...]
    cursor: tuple[int, int]
    is_bar: bool  # the cursor stands between two cells
    plain: Style


class NeovimScreen:
    """A screen of a given size."""

    def __init__(self, channel: str, columns: int, lines: int) -> None:
        self._nvim: Any = pynvim.attach("socket", path=channel)
        self._columns = columns
        self._grid: list[list[tuple[str, int]]] = []
        self._attributes: dict[int, dict[str, Any]] = {0: {}}
        self._plain = Style(0xFFFFFF, 0)
        self._cursor = (0, 0)
        self._modes: list[dict[str, Any]] = []
        self._mode = 0
        self._events: dict[str, Callable[..., None]] = {
            "default_colors_set": self._set_colors,
            "hl_attr_define": self._define,
            "grid_resize": self._resize,
            "grid_clear": self._clear,
            "grid_line": self._draw,
            "grid_scroll": self._scroll,
            "grid_cursor_goto": self._move_cursor,
            "mode_info_set": self._set_modes,
            "mode_change": self._change_mode,
        }
        self._nvim.ui_attach(columns, lines, rgb=True, ext_linegrid=True)

    def look(self) -> Screen:
        """The screen as it is now."""
        # Whatever is drawn comes before the answer to what is asked later.
        self._nvim.command("redraw!")
        self._nvim.call("rpcnotify", self._nvim.channel_id, "drawn")
        while (message := self._nvim.next_message())[1] != "drawn":
            for name, *batches in message[2]:
                for batch in batches if name in self._events else ():
                    self._events[name](*batch)
        styles = {number: self._style(attributes) for number, attributes in self._attributes.items()}
        rows = tuple(tuple(Cell(text, styles[number]) for text, number in row) for row in self._grid)
        shape = self._modes[self._mode].get("cursor_shape") if self._modes else None
        return Screen(rows, self._cursor, shape == "vertical", self._plain)

    def close(self) -> None:
        """Look no more."""
        self._nvim.ui_detach()
        self._nvim.close()

    def _style(self, attributes: dict[str, Any]) -> Style:
        style = Style(
            attributes.get("foreground", self._plain.foreground),
            attributes.get("background", self._plain.background),
            is_bold=attributes.get("bold", False),
            is_italic=attributes.get("italic", False),
            is_underlined=attributes.get("underline", False),
        )
        if attributes.get("reverse"):
            return replace(style, foreground=style.background, background=style.foreground)
        return style

    def _set_colors(self, foreground: int, background: int, *_: Any) -> None:
        self._plain = Style(foreground, background)

    def _define(self, number: int, attributes: dict[str, Any], *_: Any) -> None:
        self._attributes[number] = attributes

    def _resize(self, _: int, columns: int, lines: int) -> None:
        self._columns = columns
        self._grid = [[(" ", 0)] * columns for _ in range(lines)]

    def _clear(self, _: int) -> None:
        self._grid = [[(" ", 0)] * self._columns for _ in self._grid]

    def _draw(self, _: int, row: int, column: int, cells: list[list[Any]], *__: Any) -> None:
        number = 0
        for text, *rest in cells:
            number = rest[0] if rest else number
            for _repeat in range(rest[1] if len(rest) > 1 else 1):
                self._grid[row][column] = (text, number)
                column += 1

    def _scroll(self, _: int, top: int, bottom: int, left: int, right: int, by: int, __: int) -> None:
        rows = range(top, bottom - by) if by > 0 else range(bottom - 1, top - by - 1, -1)
        for row in rows:
            self._grid[row][left:right] = self._grid[row + by][left:right]

    def _move_cursor(self, _: int, row: int, column: int) -> None:
        self._cursor = (row, column)

    def _set_modes(self, _: bool, modes: list[dict[str, Any]]) -> None:
        self._modes = modes

    def _change_mode(self, _: str, index: int) -> None:
        self._mode = index
