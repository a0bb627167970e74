"""Held-out holes filled in several ways, one after another on the same hole, and what the comparison comes to.

Every fill is cold: nothing of an earlier one is remembered. Every hole counts: one without an answer is unlike its text
and may not be shown. Texts are compared as the engine gives them, before an editor shapes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.api import FillRequest, RequestError, finish
from engine.bench import figures
from engine.bench.editor import Editor
from engine.bench.figures import Figure
from engine.bench.holes import Case, Group
from engine.local import LocalFiller
from engine.training import scores
from engine.training.scores import Estimate

MANY_PASSES = 48
PLOTTED_PASSES = (1, 2, 3, 4, 6, 8, 12, 16, MANY_PASSES)
DEFAULT, TOLD, MANY, WITHOUT_CRITIC = "default", "told", "many", "without critic"
_NAMED = {MANY_PASSES: MANY}
_UNANSWERED = "the engine has no fill"


@dataclass(frozen=True, slots=True)
class Filled:
    """One fill of one hole, and what the editor's side says of it."""

    group: Group
    gold: str
    text: str  # empty: no answer
    rejection: str | None
    passes: int
    prefill_ms: float
    total_ms: float

    @property
    def similarity(self) -> float:
        """Characters in common with the true text, in [0, 1]."""
        return scores.similarity(self.text, self.gold)

    @property
    def is_exact(self) -> bool:
        """Whether it is the true text, but for outer white space."""
        return bool(self.text) and scores.is_exact(self.text, self.gold)


Ways = Mapping[str, Callable[[FillRequest, str], FillRequest]]
Fills = dict[str, list[Filled]]  # by the name of the way, of the same holes in the same order


def ways(filler: LocalFiller, *, plotted: bool) -> Ways:
    """Return the ways in which every hole is filled: from a request and the true text to what is asked."""
    found: dict[str, Callable[[FillRequest, str], FillRequest]] = {
        DEFAULT: lambda request, _: request,
        TOLD: lambda request, gold: replace(request, exact_hole_tokens=filler.num_hole_tokens(request, gold)),
        MANY: lambda request, _: replace(request, max_denoising_steps=MANY_PASSES),
        WITHOUT_CRITIC: lambda request, _: replace(request, max_syntax_rounds=0),
    }
    if plotted:
        found |= {_at_most(limit): _limited(limit) for limit in PLOTTED_PASSES if limit not in _NAMED}
    return found


def fill_all(
    filler: LocalFiller, editor: Editor, cases: Mapping[Group, Sequence[Case]], asked: Ways
) -> Iterator[tuple[str, Filled]]:
    """Yield every fill with the name of its way, hole by hole."""
    for group, drawn in cases.items():
        for case in drawn:
            for name, change in asked.items():
                yield name, _fill(filler, editor, group, case, change(case.request, case.gold))


def compared(fills: Fills) -> list[Figure]:
    """Return the figures of scores, passes and single fills' times."""
    default = fills[DEFAULT]
    single = [each for each in default if each.group == "single_line"]
    multi = [each for each in default if each.group == "multi_line"]
    many = list(zip(default, fills[MANY], strict=True))
    told = [(one.similarity, other.similarity) for one, other in zip(default, fills[TOLD], strict=True)]
    without = fills[WITHOUT_CRITIC]
    critic = [(bool(one.rejection), bool(other.rejection)) for one, other in zip(default, without, strict=True)]
    return [
        figures.mean("passes_single_line", [each.passes for each in single]),
        figures.mean("passes_multi_line", [each.passes for each in multi]),
        figures.mean("edit_similarity_change", [one.similarity - other.similarity for one, other in many]),
        figures.mean("exact_match_change", [float(one.is_exact) - float(other.is_exact) for one, other in many]),
        figures.ratio("length_unknown_over_known", told, "no fill of a known length is like its text"),
        figures.saved("gate_rejections_saved", critic, "without the critic every fill may be shown"),
        *_scored("single_line", single),
        *_scored("multi_line", multi),
        figures.share("rejected", [bool(each.rejection) for each in default]),
        figures.share("rejected_without_critic", [bool(each.rejection) for each in without]),
        figures.median("fill_ms_p50", [each.total_ms for each in single]),
        figures.percentile("fill_ms_p95", [each.total_ms for each in single], 95),
        figures.median("fill_ms_p50_multi_line", [each.total_ms for each in multi]),
        figures.percentile("fill_ms_p95_multi_line", [each.total_ms for each in multi], 95),
        figures.median(
            "ms_per_pass", [(each.total_ms - each.prefill_ms) / each.passes for each in single if each.passes]
        ),
        figures.median("prefill_ms", [each.prefill_ms for each in default]),
    ]


def rejections(fills: Fills) -> dict[str, dict[str, int]]:
    """Return how often each reason kept a fill from being shown, by way."""
    return {
        name: dict(Counter(each.rejection for each in fills[name] if each.rejection).most_common())
        for name in (DEFAULT, WITHOUT_CRITIC)
    }


def by_passes(fills: Fills, group: Group) -> list[tuple[float, Estimate]]:
    """Return mean passes and edit similarity for each limit of passes that was tried, fewest first."""
    points = []
    for limit in PLOTTED_PASSES:
        part = [each for each in fills[_NAMED.get(limit, _at_most(limit))] if each.group == group]
        if part:
            mean_passes = sum(each.passes for each in part) / len(part)
            points.append((mean_passes, scores.mean(each.similarity for each in part)))
    return points


def _fill(filler: LocalFiller, editor: Editor, group: Group, case: Case, request: FillRequest) -> Filled:
    filler.forget_prefixes()
    try:
        result = finish(filler.fill(request))
    except RequestError:  # A told length that no canvas holds: no answer.
        return Filled(group, case.gold, "", _UNANSWERED, 0, 0.0, 0.0)
    text = result.candidates[0].text if result.candidates else ""
    rejection = editor.rejection(case.text, case.offset, text) if text else _UNANSWERED
    return Filled(group, case.gold, text, rejection, result.passes, result.prefill_ms, result.total_ms)


def _scored(group: Group, fills: Sequence[Filled]) -> list[Figure]:
    return [
        figures.mean(f"edit_similarity_{group}", [each.similarity for each in fills]),
        figures.share(f"exact_match_{group}", [each.is_exact for each in fills]),
    ]


def _limited(limit: int) -> Callable[[FillRequest, str], FillRequest]:
    return lambda request, _: replace(request, max_denoising_steps=limit)


def _at_most(limit: int) -> str:
    return f"{limit} steps"
