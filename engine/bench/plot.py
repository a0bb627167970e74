"""Score against passes, drawn: one panel for each group of holes, one line for each way of filling them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.training.scores import Estimate

_TICKS = [1, 2, 4, 8, 16, 32]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel: mean passes and edit similarity, in matplotlib's notation of marks."""

    panel: str
    label: str
    mark: str
    points: Sequence[tuple[float, Estimate]]


def draw(lines: Sequence[Line], path: Path) -> None:
    """Write the panels in the order of their first line, as the path's ending says; the same lines give the same SVG.

    Raises: ValueError where matplotlib is not installed or does not write such files.
    """
    pyplot = drawing()
    panels = list(dict.fromkeys(line.panel for line in lines))
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.6 * len(panels), 4.2), sharey=True, squeeze=False)
    for axis, panel in zip(axes[0], panels, strict=True):
        for line in lines:
            if line.panel == panel:
                values = [estimate for _, estimate in line.points]
                reach = (
                    [estimate.value - estimate.low for estimate in values],
                    [estimate.high - estimate.value for estimate in values],
                )
                passes = [passes for passes, _ in line.points]
                middles = [estimate.value for estimate in values]
                axis.errorbar(passes, middles, yerr=reach, fmt=line.mark, label=line.label, capsize=2)
        axis.set(title=panel, xlabel="mean passes a fill", xscale="log")
        axis.set_xticks(_TICKS, _TICKS)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("edit similarity, 95 % confidence")
    axes[0][0].legend(fontsize="small")
    finish(figure, path)


def drawing() -> Any:
    """Return matplotlib's pyplot, set so that it needs no display. Raises: ValueError where it is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise ValueError("the plot needs matplotlib; run pip install matplotlib") from None
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "infill"
    from matplotlib import pyplot

    return pyplot


def finish(figure: Any, path: Path) -> None:
    """Write a figure as the path's ending says, the same one always as the same SVG, and let go of it."""
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    drawing().close(figure)
