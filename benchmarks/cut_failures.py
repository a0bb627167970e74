"""Cuts whose holes are not right, told for whoever mends them: the text around the caret and what was found there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cut_judge import Verdict
from benchmarks.cut_kinds import Cut
from benchmarks.cut_sources import Source

_LINES_AROUND = 6
_MAX_MISSING = 600


@dataclass(frozen=True, slots=True)
class Failure:
    """One cut whose hole is not right."""

    language: str
    row: str
    wrong: str
    text: str


def told(source: Source, cut: Cut, verdict: Verdict) -> Failure:
    """Write out a failure."""
    before, after = cut.text[: cut.caret].split("\n"), cut.text[cut.caret :].split("\n")
    around = "\n".join(before[-_LINES_AROUND:]) + "$0" + "\n".join(after[:_LINES_AROUND])
    half = _MAX_MISSING // 2
    missing = cut.missing
    if len(missing) > _MAX_MISSING:
        missing = f"{missing[:half]} ... {missing[-half:]}"
    text = f"{source.name}: line {len(before)}\n{verdict.detail}\n{around}\nmissing: {missing}\n"
    return Failure(source.language, cut.row, verdict.wrong, text)


def sample(failures: Sequence[Failure], count: int, row: str, wrong: str, seed: int) -> list[Failure]:
    """Draw failures, at most `count` of each language and kind of cut, whose names have `row` and `wrong` in them."""
    chance = random.Random(seed)
    parts: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        if row in failure.row and wrong in failure.wrong:
            parts.setdefault((failure.language, failure.row), []).append(failure)
    return [each for part in parts.values() for each in chance.sample(part, min(count, len(part)))]
