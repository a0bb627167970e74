"""Draw a run's log as one picture: losses against positions seen."""

from __future__ import annotations

import json
from pathlib import Path

_LINES = (
    ("causal_loss", "next token, training", "-", "tab:blue"),
    ("denoising_loss", "fill, training", "-", "tab:orange"),
    ("held_out_causal_loss", "next token, held out", "o--", "tab:blue"),
    ("held_out_denoising_loss", "fill, held out", "o--", "tab:orange"),
)


def plot(log: Path, picture: Path) -> None:
    """Write the losses in `log` (`log.jsonl` of a run) as an SVG.

    Raises: ModuleNotFoundError when matplotlib is not there; FileNotFoundError when there is no log.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for key, label, style, colour in _LINES:
        points = [(row["positions"] / 1e6, row[key]) for row in rows if row[key] is not None and row[key] == row[key]]
        if points:
            axes.plot(*zip(*points, strict=True), style, color=colour, label=label, markersize=4, linewidth=1)
    axes.set(xlabel="million positions", ylabel="loss, nats a token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, metadata={"Date": None})
    pyplot.close(figure)
