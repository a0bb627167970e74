"""The calibration benchmark's figures for eyes: a line and a table in the terminal, and the reliability plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.calibration_report import Quality, Shown
from engine.bench.plot import drawing, finish
from engine.training.scores import Estimate

# What the table needs, in columns.
WIDTH = 160


def summary(quality: Quality) -> str:
    """Return a confidence's scores in words."""
    return (
        f"target {quality.target}: {quality.fills} fills, right {_per_cent(quality.base_rate)} %\n"
        f"  Brier score {_three(quality.brier)}, of the constant {_three(quality.brier_of_base_rate)}, "
        f"better by {_three(quality.brier_gain)}\n"
        f"  expected calibration error {_three(quality.calibration_error)}, area under ROC {_three(quality.roc_area)}"
    )


def table(quality: Quality, thresholds: Sequence[Shown]) -> Table:
    """Return what each threshold would show; shares in per cent, each with its 95 % interval."""
    shown = Table(title=f"kept back below a threshold; confidence of {quality.target}; [95 % confidence]")
    for heading in (
        "threshold",
        "shown %",
        "of the clean %",
        "fills",
        "right %",
        "exact match %",
        "parse-clean %",
        "edit similarity",
    ):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in thresholds:
        shown.add_row(
            f"{row.threshold:.4f}",
            f"{100 * row.share:.0f}",
            f"{100 * row.share_of_clean:.0f}",
            str(row.fills),
            _per_cent(row.right),
            _per_cent(row.exact_match),
            _per_cent(row.parse_clean),
            str(row.edit_similarity),
        )
    return shown


def plot(qualities: Sequence[Quality], path: Path) -> None:
    """Write the reliability plot, a panel for each target, as the path's ending says; the same figures, the same SVG.

    Raises: ValueError where matplotlib is not installed or does not write such files.
    """
    figure, axes = drawing().subplots(1, len(qualities), figsize=(4.6 * len(qualities), 4.4), squeeze=False)
    for axis, quality in zip(axes[0], qualities, strict=True):
        promised = [each.promised for each in quality.bins]
        kept = [each.kept.value for each in quality.bins]
        reach = (
            [each.kept.value - each.kept.low for each in quality.bins],
            [each.kept.high - each.kept.value for each in quality.bins],
        )
        most = max(*promised, *(each.kept.high for each in quality.bins))
        axis.plot([0, most], [0, most], "--", color="grey", label="kept as promised")
        axis.errorbar(promised, kept, yerr=reach, fmt="o", capsize=2, label=f"a tenth of {quality.fills} fills")
        axis.set(title=quality.target, xlabel="confidence, mean of the bin", ylabel="share that was right, 95 %")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    finish(figure, path)


def rounded(value: object) -> object:
    """Return plain data with five decimals."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


def _per_cent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _three(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
