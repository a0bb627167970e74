"""From single cuts to rows: the share that is right, with a 95 % interval over files, and what it is held to."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from rich.table import Table

from benchmarks.cut_kinds import BLOCK, ROWS, SINGLE, LeftOut
from engine.training.scores import Estimate

BARS = {SINGLE: 0.9, BLOCK: 0.8}
_RESAMPLES = 2_000
_INTERVAL = (2.5, 97.5)
_KINDS = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cut of one file; `wrong` is empty where the hole is right."""

    language: str
    row: str
    file: int
    wrong: str
    ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """All cuts of one kind in one language."""

    language: str
    row: str
    files: int
    cuts: int
    right: Estimate
    bar: float | None
    held: bool | None  # the share reaches the bar; None: no bar
    median_ms: float
    wrong: dict[str, int]  # the commonest kinds of failure
    left_out: dict[str, int]  # cuts of this kind that were not made, by why


def rows(outcomes: Iterable[Outcome], left_out: Mapping[str, Counter[LeftOut]], seed: int) -> list[Row]:
    """Give a row for each language and kind of cut, languages in the order of their first outcome.

    `left_out` counts, for each language, the cuts that were not made.
    """
    parts: dict[tuple[str, str], list[Outcome]] = {}
    languages: dict[str, int] = {}
    for outcome in outcomes:
        languages.setdefault(outcome.language, len(languages))
        parts.setdefault((outcome.language, outcome.row), []).append(outcome)
    keys = sorted(parts, key=lambda key: (languages[key[0]], ROWS.index(key[1])))
    return [_row(parts[key], left_out.get(key[0], Counter()), seed) for key in keys]


def share_by_file(outcomes: Sequence[Outcome], seed: int) -> Estimate:
    """Give the share of right cuts; whole files are resampled, since the cuts of one file are alike."""
    counts: dict[int, list[int]] = {}
    for outcome in outcomes:
        of_file = counts.setdefault(outcome.file, [0, 0])
        of_file[0] += not outcome.wrong
        of_file[1] += 1
    table = np.array(list(counts.values()), dtype=float)
    drawn = np.random.default_rng(seed).integers(len(table), size=(_RESAMPLES, len(table)))
    right, total = table[drawn].sum(1).T
    value = float(table[:, 0].sum() / table[:, 1].sum())
    return Estimate(value, *np.percentile(right / total, _INTERVAL).tolist())


def table(found: Sequence[Row]) -> Table:
    """Lay the rows out for a terminal."""
    shown = Table("language", "cut", "right", "95 %", "bar", "", "cuts", "left out", "files", "ms", "commonest failure")
    last = ""
    for row in found:
        bar = "" if row.bar is None else f"{row.bar:.0%}"
        held = "" if row.held is None else ("held" if row.held else "MISSED")
        num_left_out = sum(row.left_out.values())
        worst = next((f"{count} {wrong}" for wrong, count in row.wrong.items()), "")
        shown.add_row(
            "" if row.language == last else row.language,
            row.row,
            f"{row.right.value:.1%}",
            f"{row.right.low:.1%} to {row.right.high:.1%}",
            bar,
            held,
            str(row.cuts),
            f"{num_left_out / (row.cuts + num_left_out):.1%}" if num_left_out else "",
            str(row.files),
            f"{row.median_ms:.2f}",
            worst,
        )
        last = row.language
    return shown


def as_json(found: Sequence[Row]) -> list[dict[str, object]]:
    """Give rows as plain data with four decimals."""
    return [{name: _rounded(value) for name, value in asdict(row).items()} for row in found]


def _row(part: list[Outcome], left_out: Counter[LeftOut], seed: int) -> Row:
    first = part[0]
    right = share_by_file(part, seed)
    bar = BARS.get(first.row)
    return Row(
        first.language,
        first.row,
        len({outcome.file for outcome in part}),
        len(part),
        right,
        bar,
        None if bar is None else right.value >= bar,
        statistics.median(outcome.ms for outcome in part),
        dict(Counter(outcome.wrong for outcome in part if outcome.wrong).most_common(_KINDS)),
        {why: count for (row, why), count in left_out.most_common() if row == first.row},
    )


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value
