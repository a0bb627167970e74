"""A fill's passes as a PNG: the heat map of the page, drawn with matplotlib, which only this module imports."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infill_lsp.cli.trace_cells import MAX_ENTROPY, SLACK, Block, Cell, Color, color, flat, is_dark, trimmed

_CELL_INCHES = (0.62, 0.26)
_MARGIN_INCHES = (2.4, 0.75)
_MAX_ROWS = 8
_MAX_CHARS = 8
_DPI = 110
_PALE: Color = (238, 241, 244)
_EDGES = {"accepted": ("#1a7f37", "-"), "renoised": ("#0550ae", "--")}
_SCALE_STEPS = 200


def draw(path: Path, name: str, caption: str, titled: Sequence[tuple[str, Block]]) -> None:
    """Write the picture, a panel for each row of the batch. Raises OSError."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    panels = [(title, *trimmed(block)) for title, block in titled[:_MAX_ROWS]]
    width = max(len(line.cells) for _, block, _ in panels for line in block)
    heights = [len(block) + _MARGIN_INCHES[1] / _CELL_INCHES[1] for _, block, _ in panels]
    size = (width * _CELL_INCHES[0] + _MARGIN_INCHES[0], sum(heights) * _CELL_INCHES[1] + 1.3)
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=size, squeeze=False, gridspec_kw={"height_ratios": heights}, layout="constrained"
    )
    for axis, (title, block, num_left_out) in zip(axes[:, 0], panels, strict=True):
        _panel(axis, block, width)
        more = f" ({num_left_out} more positions: slack in every pass)" if num_left_out else ""
        axis.set_title(title + more, fontsize=9, loc="left")
    figure.suptitle(f"{flat(name)}\n{caption}", fontsize=10, parse_math=False)
    _scale(figure, axes)
    with warnings.catch_warnings():
        # A sign that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(path, dpi=_DPI)
    pyplot.close(figure)


def _panel(axis: Any, block: Block, width: int) -> None:
    white: Color = (255, 255, 255)
    grounds = [[_ground(cell) for cell in line.cells] + [white] * (width - len(line.cells)) for line in block]
    axis.imshow(grounds, aspect="auto")
    for row, line in enumerate(block):
        for place, cell in enumerate(line.cells):
            _write(axis, row, place, cell)
    axis.set_yticks(range(len(block)), [f"{line.step} {line.kind} {line.ms:.1f} ms" for line in block], fontsize=7)
    axis.set_xticks(range(width), [str(place + 1) for place in range(width)], fontsize=6)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _write(axis: Any, row: int, place: int, cell: Cell) -> None:
    from matplotlib.patches import Rectangle

    text = SLACK if cell.is_slack else flat(cell.text)
    shown = text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"
    dark = is_dark(_ground(cell))
    axis.text(
        place,
        row,
        shown,
        ha="center",
        va="center",
        fontsize=6.5,
        family="monospace",
        weight="bold" if cell.state == "accepted" else "normal",
        style="italic" if cell.state == "known" else "normal",
        color="#cf222e" if cell.is_suspect else "white" if dark else "#222222",
        alpha=0.5 if cell.is_slack else 1.0,
        parse_math=False,
    )
    if edge := _EDGES.get(cell.state):
        axis.add_patch(Rectangle((place - 0.46, row - 0.43), 0.92, 0.86, fill=False, lw=1.6, ec=edge[0], ls=edge[1]))


def _ground(cell: Cell) -> Color:
    return _PALE if cell.entropy is None else color(cell.entropy)


def _scale(figure: Any, axes: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = [color(MAX_ENTROPY * step / _SCALE_STEPS) for step in range(_SCALE_STEPS + 1)]
    colors = ListedColormap([[part / 255 for part in shade] for shade in shades])
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, MAX_ENTROPY), colors), ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.02
    )
    bar.set_label("entropy (nats); outlined: accepted in this pass; grey: decided or given before", fontsize=7)
    bar.ax.tick_params(labelsize=6)
