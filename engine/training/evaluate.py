"""Fill held-out single-line holes with a checkpoint, length unknown, and say how good the fills are.

Parse-clean is never told without length and exact match beside it: an empty answer parses too. The full measurement,
with other holes, a baseline and confidence intervals, is `python -m benchmarks.infill`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence

from engine.api import FillRequest, FillResult, finish
from engine.local import load
from engine.training.held_out import HeldOutHole, SourceFile, draw_holes
from engine.training.scores import is_exact, parses_as_python, rank_correlation, similarity


def evaluate(model: str, files: Sequence[SourceFile], num_holes: int, show: int = 0) -> dict[str, object]:
    """Fill `num_holes` held-out holes and return the scores; print `show` of the fills to stderr."""
    filler = load(model)
    holes = draw_holes(files, num_holes)
    filled = [(hole, finish(filler.fill(_request(hole)))) for hole in holes]
    for hole, result in filled[:show]:
        fill = result.candidates[0].text if result.candidates else f"({result.reason})"
        line = hole.text[hole.text.rfind("\n", 0, hole.start) + 1 : hole.start].lstrip()
        print(f"{hole.kind:10} {line}[[{fill}]]  <-  {hole.gold}", file=sys.stderr)
    kinds = sorted({hole.kind for hole in holes})
    return {
        "model": filler.info.model,
        "all": _scores(filled),
        **{kind: _scores([(hole, result) for hole, result in filled if hole.kind == kind]) for kind in kinds},
    }


def _request(hole: HeldOutHole) -> FillRequest:
    return FillRequest(hole.text[: hole.start], hole.text[hole.end :])


def _scores(filled: Sequence[tuple[HeldOutHole, FillResult]]) -> dict[str, float]:
    """Return shares (of all holes, unanswered ones counting against) and means."""
    pairs = [(result.candidates[0].text if result.candidates else "", hole.gold) for hole, result in filled]
    fills = [fill for fill, _ in pairs]
    return {
        "holes": len(filled),
        "answered": _mean(bool(fill) for fill in fills),
        "exact_match": _mean(is_exact(fill, gold) for fill, gold in pairs),
        "edit_similarity": _mean(similarity(fill, gold) for fill, gold in pairs),
        "parse_clean": _mean(
            bool(fill.strip()) and parses_as_python(hole.filled(fill))
            for (hole, _), fill in zip(filled, fills, strict=True)
        ),
        "length_correlation": round(rank_correlation([(len(fill), len(gold)) for fill, gold in pairs]), 4),
        "mean_length": _mean(len(fill) for fill in fills),
        "mean_true_length": _mean(len(gold) for _, gold in pairs),
        "passes": _mean(result.passes for _, result in filled),
        "ms": statistics.median([result.total_ms for _, result in filled]) if filled else 0.0,
    }


def _mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return round(statistics.fmean(listed), 4) if listed else 0.0
