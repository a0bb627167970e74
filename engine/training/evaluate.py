"""Fill held-out holes with a checkpoint, length unknown, and say how good the fills are.

A hole is the right-hand side of an assignment, an argument list, a returned value, a condition, or a whole statement,
on one line of a file that no training package holds. Parse-clean is never told without length and exact match beside
it: an empty answer parses too.
"""

from __future__ import annotations

import ast
import difflib
import random
import statistics
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.api import FillRequest, FillResult, finish
from engine.local import load
from engine.training.corpus import SourceFile

_MIN_CHARS, _MAX_CHARS, _HOLES_PER_FILE = 3, 80, 3


@dataclass(frozen=True, slots=True)
class HeldOutHole:
    """A place in a held-out file whose text is known: half-open code point offsets."""

    text: str
    start: int
    end: int
    kind: str

    @property
    def gold(self) -> str:
        """The text that stands there."""
        return self.text[self.start : self.end]


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


def draw_holes(files: Sequence[SourceFile], count: int) -> list[HeldOutHole]:
    """Return up to `count` holes, at most a few a file, always the same ones for the same files."""
    shuffled = sorted(files, key=lambda file: (file.package, file.path))
    random.Random(3).shuffle(shuffled)
    holes: list[HeldOutHole] = []
    for file in shuffled:
        found = [hole for hole in _holes_of(file.text) if _MIN_CHARS <= len(hole.gold) <= _MAX_CHARS]
        holes += random.Random(len(file.text)).sample(found, min(_HOLES_PER_FILE, len(found)))
    return holes[:count]


def _holes_of(text: str) -> Iterator[HeldOutHole]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if not text.isascii():
        return  # Columns of the tree count bytes.

    def hole(node: ast.expr | ast.stmt, kind: str, start: int | None = None, trim: int = 0) -> Iterator[HeldOutHole]:
        if node.lineno == node.end_lineno and node.end_col_offset is not None:
            line = starts[node.lineno - 1]
            begin = line + node.col_offset if start is None else start
            yield HeldOutHole(text, begin, line + node.end_col_offset - trim, kind)

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from hole(node.value, "value")
        elif isinstance(node, ast.Return) and node.value:
            yield from hole(node.value, "return")
        elif isinstance(node, ast.If):
            yield from hole(node.test, "condition")
        elif isinstance(node, ast.Call) and node.args:
            name = node.func
            opener = starts[(name.end_lineno or name.lineno) - 1] + (name.end_col_offset or 0)
            yield from hole(node, "arguments", opener + 1, trim=1)
        if isinstance(node, ast.Assign | ast.Return | ast.Raise | ast.Expr | ast.Assert) and not _is_text(node):
            yield from hole(node, "statement")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _request(hole: HeldOutHole) -> FillRequest:
    return FillRequest(hole.text[: hole.start], hole.text[hole.end :])


def _scores(filled: Sequence[tuple[HeldOutHole, FillResult]]) -> dict[str, float]:
    """Return shares (of all holes, unanswered ones counting against) and means."""
    fills = [result.candidates[0].text if result.candidates else "" for _, result in filled]
    golds = [hole.gold for hole, _ in filled]
    lengths = [(float(len(fill)), float(len(gold))) for fill, gold in zip(fills, golds, strict=True)]
    return {
        "holes": len(filled),
        "answered": _mean(bool(fill) for fill in fills),
        "exact_match": _mean(fill.strip() == gold.strip() for fill, gold in zip(fills, golds, strict=True)),
        "edit_similarity": _mean(_similarity(fill, gold) for fill, gold in zip(fills, golds, strict=True)),
        "parse_clean": _mean(_parses(hole, fill) for (hole, _), fill in zip(filled, fills, strict=True)),
        "length_correlation": _rank_correlation(lengths),
        "mean_length": _mean(fill for fill, _ in lengths),
        "mean_true_length": _mean(gold for _, gold in lengths),
        "passes": _mean(result.passes for _, result in filled),
        "ms": statistics.median([result.total_ms for _, result in filled]) if filled else 0.0,
    }


def _mean(values: Iterator[float] | Iterator[bool]) -> float:
    listed = [float(value) for value in values]
    return round(statistics.fmean(listed), 4) if listed else 0.0


def _similarity(fill: str, gold: str) -> float:
    return difflib.SequenceMatcher(None, fill, gold, autojunk=False).ratio()


def _parses(hole: HeldOutHole, fill: str) -> bool:
    try:
        ast.parse(hole.text[: hole.start] + fill + hole.text[hole.end :])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(fill.strip())


def _rank_correlation(pairs: list[tuple[float, float]]) -> float:
    if len(pairs) < 3:
        return 0.0
    ranked = [_ranks(list(side)) for side in zip(*pairs, strict=True)]
    try:
        return round(statistics.correlation(*ranked), 4)
    except statistics.StatisticsError:
        return 0.0  # One side is constant.


def _ranks(values: list[float]) -> list[float]:
    """Return each value's rank, equal values sharing the middle of theirs."""
    ordered = sorted(values)
    return [(bisect_left(ordered, value) + bisect_right(ordered, value)) / 2 for value in values]
