"""From single fills to the infill benchmark's rows: shares, means and paired differences with 95 % intervals.

Every hole counts: one without an answer is wrong, unlike and unclean. Lengths are in the checkpoint's tokens.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from engine.training import scores
from engine.training.scores import Estimate

OURS, OURS_TOLD = "ours", "ours, told"
BASE, BASE_TOLD = "left to right", "left to right, told"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fill of one hole. An empty fill is no answer."""

    language: str
    group: str
    hole: int  # which of its language and group: what pairs two methods' fills
    method: str
    max_steps: int  # the most denoising steps allowed; of the baseline, the most tokens
    fill: str
    gold: str
    num_tokens: int  # of the fill, what was typed of the first token included
    true_tokens: int
    parses: bool
    passes: int
    ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one method on one group of holes in one language. Shares are in [0, 1]."""

    language: str
    group: str
    method: str
    max_steps: int
    holes: int
    answered: Estimate
    exact_match: Estimate
    edit_similarity: Estimate
    parse_clean: Estimate
    length_exact: Estimate
    length_within_fifth: Estimate  # at most 20 % away from the true length
    length_correlation: Estimate
    mean_tokens: float
    mean_true_tokens: float
    passes: Estimate
    median_ms: Estimate


@dataclass(frozen=True, slots=True)
class Difference:
    """Ours less the baseline on the same holes: the mean, positive where ours is better."""

    language: str
    group: str
    method: str
    baseline: str
    holes: int
    exact_match: Estimate
    edit_similarity: Estimate
    parse_clean: Estimate


def rows(outcomes: Iterable[Outcome], seed: int = 0) -> list[Row]:
    """Return a row for each language, group, method and number of steps, in the order of their first outcome."""
    parts: dict[tuple[str, str, str, int], list[Outcome]] = {}
    for outcome in outcomes:
        parts.setdefault((outcome.language, outcome.group, outcome.method, outcome.max_steps), []).append(outcome)
    return [_row(part, seed) for part in parts.values()]


def differences(outcomes: Sequence[Outcome], max_steps: int, seed: int = 0) -> list[Difference]:
    """Return ours less the baseline, with the length unknown to both and with it told to both."""
    found = []
    for language, group in dict.fromkeys((outcome.language, outcome.group) for outcome in outcomes):
        part = [outcome for outcome in outcomes if (outcome.language, outcome.group) == (language, group)]
        for method, baseline in ((OURS, BASE), (OURS_TOLD, BASE_TOLD)):
            ours = {each.hole: each for each in part if each.method == method and each.max_steps == max_steps}
            theirs = {each.hole: each for each in part if each.method == baseline}
            pairs = [(ours[hole], theirs[hole]) for hole in ours if hole in theirs]
            if pairs:
                found.append(
                    Difference(
                        language,
                        group,
                        method,
                        baseline,
                        len(pairs),
                        scores.mean((_exact(one) - _exact(other) for one, other in pairs), seed),
                        scores.mean((_similarity(one) - _similarity(other) for one, other in pairs), seed),
                        scores.mean((float(one.parses) - float(other.parses) for one, other in pairs), seed),
                    )
                )
    return found


def as_json(found: Sequence[Row] | Sequence[Difference]) -> list[dict[str, object]]:
    """Return rows as plain data with four decimals."""
    return [{name: _rounded(value) for name, value in asdict(row).items()} for row in found]


def _row(part: list[Outcome], seed: int) -> Row:
    lengths = [(float(each.num_tokens), float(each.true_tokens)) for each in part]
    first = part[0]
    return Row(
        first.language,
        first.group,
        first.method,
        first.max_steps,
        len(part),
        answered=scores.share(bool(each.fill) for each in part),
        exact_match=scores.share(scores.is_exact(each.fill, each.gold) for each in part),
        edit_similarity=scores.mean((_similarity(each) for each in part), seed),
        parse_clean=scores.share(each.parses for each in part),
        length_exact=scores.share(
            bool(each.fill) and fill == true for each, (fill, true) in zip(part, lengths, strict=True)
        ),
        length_within_fifth=scores.share(
            bool(each.fill) and abs(fill - true) <= 0.2 * true for each, (fill, true) in zip(part, lengths, strict=True)
        ),
        length_correlation=scores.length_correlation(lengths, seed),
        mean_tokens=statistics.fmean(fill for fill, _ in lengths),
        mean_true_tokens=statistics.fmean(true for _, true in lengths),
        passes=scores.mean((each.passes for each in part), seed),
        median_ms=scores.median((each.ms for each in part), seed),
    )


def _exact(outcome: Outcome) -> float:
    return float(scores.is_exact(outcome.fill, outcome.gold))


def _similarity(outcome: Outcome) -> float:
    return scores.similarity(outcome.fill, outcome.gold)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value
