"""The infill benchmark's rows for eyes: one table in the terminal, one plot of score against passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.infill_report import BASE, BASE_TOLD, OURS, OURS_TOLD, Difference, Row
from engine.bench.plot import Line, draw
from engine.training.scores import Estimate

# What the table needs, in columns.
WIDTH = 230
_MARKS = {OURS: "o-", OURS_TOLD: "s-", BASE: "x", BASE_TOLD: "+"}


def table(rows: Sequence[Row], differences: Sequence[Difference]) -> Table:
    """Return the rows, then the paired differences, each figure with its 95 % interval; shares in per cent."""
    shown = Table(title="fills of held-out holes; lengths in tokens; told: the true length given; [95 % confidence]")
    for heading in ("language", "holes", "method"):
        shown.add_column(heading, no_wrap=True)
    for heading in (
        "any %",
        "exact match %",
        "edit similarity",
        "parse-clean %",
        "length right %",
        "within 20 %",
        "rank correlation",
        "fill / true",
        "passes",
        "ms",
    ):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        shown.add_row(
            row.language,
            f"{row.holes} {row.group}",
            row.method,
            f"{100 * row.answered.value:.0f}",
            _per_cent(row.exact_match),
            str(row.edit_similarity),
            _per_cent(row.parse_clean),
            _per_cent(row.length_exact),
            _per_cent(row.length_within_fifth),
            str(row.length_correlation),
            f"{row.mean_tokens:.1f} / {row.mean_true_tokens:.1f}",
            f"{row.passes.value:.1f}",
            f"{row.median_ms.value:.0f} [{row.median_ms.low:.0f}, {row.median_ms.high:.0f}]",
        )
    shown.add_section()
    for each in differences:
        shown.add_row(
            each.language,
            f"{each.holes} {each.group}",
            "ours − left to right" + (", told" if each.method == OURS_TOLD else ""),
            "",
            _per_cent(each.exact_match),
            str(each.edit_similarity),
            _per_cent(each.parse_clean),
        )
    return shown


def plot(rows: Sequence[Row], path: Path) -> None:
    """Write score against passes as SVG: a panel for each group of holes, a line for each language of ours.

    Raises: ValueError where matplotlib is not installed.
    """
    draw([line for group in dict.fromkeys(row.group for row in rows) for line in _lines(rows, group)], path)


def _lines(rows: Sequence[Row], group: str) -> Iterator[Line]:
    several = len({row.language for row in rows}) > 1
    panel = [row for row in rows if row.group == group]
    for language, method in dict.fromkeys((row.language, row.method) for row in panel):
        line = sorted(
            (row for row in panel if (row.language, row.method) == (language, method)), key=lambda row: row.max_steps
        )
        label = f"{language}: {method}" if several else method
        yield Line(group, label, _MARKS[method], [(row.passes.value, row.edit_similarity) for row in line])


def _per_cent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.0f}, {100 * estimate.high:.0f}]"
