"""Draws a terminal's screen as SVG: text stays text, so that it is small and sharp at any size. It knows no editor.

Pictures of several screens are shown one after the other, by the animation of SVG itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from pictures.neovim_screen import Cell, Screen, Style

_CELL_WIDTH, _CELL_HEIGHT, _BASELINE, _FONT_SIZE, _MARGIN = 9.0, 20, 15, 15, 14
_BLANK = "\u00a0"  # one that stays where others are beside it
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"


def drawn(screen: Screen, title: str) -> str:
    """Draw one screen. The title is what the picture shows, for who does not see it."""
    return _framed(screen, title, _rows(screen))


def animated(screens: Sequence[tuple[Screen, float]], title: str) -> str:
    """Draw screens, each shown for some seconds, over and over."""
    whole = sum(seconds for _, seconds in screens)
    parts, begin = [], 0.0
    for screen, seconds in screens:
        times = [begin / whole, (begin + seconds) / whole]
        shown = ["0", "1", "0"] if begin else ["1", "0"]
        key_times = ([0.0] if begin else []) + (times if begin else [0.0, times[1]])
        parts.append(
            f'<g opacity="{shown[0]}"><animate attributeName="opacity" calcMode="discrete" dur="{whole:g}s" '
            f'repeatCount="indefinite" values="{";".join(shown)}" '
            f'keyTimes="{";".join(f"{each:.4f}" for each in key_times)}"/>{_rows(screen)}</g>'
        )
        begin += seconds
    return _framed(screens[0][0], title, "".join(parts))


def _framed(screen: Screen, title: str, content: str) -> str:
    width = len(screen.rows[0]) * _CELL_WIDTH + 2 * _MARGIN
    height = len(screen.rows) * _CELL_HEIGHT + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" rx="8" fill="{_color(screen.plain.background)}"/>'
        f'<g transform="translate({_MARGIN} {_MARGIN})" font-family="{_FONTS}" font-size="{_FONT_SIZE}"'
        f">{content}</g></svg>\n"
    )


def _rows(screen: Screen) -> str:
    parts = [_cursor(screen)] if screen.is_bar else []
    for row, cells in enumerate(screen.rows):
        column = 0
        for style, run in groupby(cells, key=lambda cell: cell.style):
            same = list(run)
            parts.append(_run(screen.plain, style, same, row, column))
            column += len(same)
    return "".join(parts if screen.is_bar else [*parts, _cursor(screen)])


def _run(plain: Style, style: Style, cells: list[Cell], row: int, column: int) -> str:
    left, top, width = column * _CELL_WIDTH, row * _CELL_HEIGHT, len(cells) * _CELL_WIDTH
    box, fill = "", _color(style.background)
    if style.background != plain.background:
        box = f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{_CELL_HEIGHT}" fill="{fill}"/>'
    text = "".join(cell.text for cell in cells)
    if not text.strip():
        return box
    indent = len(text) - len(text.lstrip())
    text = text.strip()
    looks = ' font-weight="bold"' if style.is_bold else ""
    looks += ' font-style="italic"' if style.is_italic else ""
    looks += ' text-decoration="underline"' if style.is_underlined else ""
    # Whatever font there is, its letters stand in their cells.
    left, width = left + indent * _CELL_WIDTH, len(text) * _CELL_WIDTH
    return (
        f'{box}<text x="{left:g}" y="{top + _BASELINE}" textLength="{width:g}" '
        f'fill="{_color(style.foreground)}"{looks}>{escape(text.replace(" ", _BLANK))}</text>'
    )


def _cursor(screen: Screen) -> str:
    row, column = screen.cursor
    width, opacity = (2, 1) if screen.is_bar else (_CELL_WIDTH, 0.5)
    return (
        f'<rect x="{column * _CELL_WIDTH:g}" y="{row * _CELL_HEIGHT}" width="{width:g}" height="{_CELL_HEIGHT}" '
        f'fill="{_color(screen.plain.foreground)}" opacity="{opacity}"/>'
    )


def _color(value: int) -> str:
    return f"#{value:06x}"
