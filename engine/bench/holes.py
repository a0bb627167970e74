"""Holes in code that no training of the bundled checkpoint saw: the held-out packages of its training data's manifest.

They are installed wherever the engine runs, since its own dependencies need them; their text is known, so a fill can be
compared with it. Drawing depends on the installed versions and a seed alone. The standard library is no place to draw
from: the manifest names it as learnt.
It knows no checkpoint: whoever draws says which holes fit.
"""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from itertools import islice, pairwise, zip_longest
from typing import Literal

from engine.api import EngineError, FillRequest
from engine.training.data.cleaning import keep, normalise
from engine.training.data.languages import LANGUAGES
from engine.training.data.source import SourceFile
from engine.training.held_out import HOLES_PER_FILE, HeldOutHole, draw_holes

Group = Literal["single_line", "multi_line"]
GROUPS: tuple[Group, ...] = ("single_line", "multi_line")
_PYTHON = LANGUAGES["python"]
_MIN_LINES, _MAX_LINES = 2, 8
_MAX_BETWEEN_CHARS, _MAX_PAIR_CHARS = 80, 40
# So much of the surroundings is compared to see that a request is about the hole that was drawn.
_COMPARED_CHARS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One hole as an editor asks for it. `text` lacks what stood there, `offset` is where, `gold` is what."""

    package: str
    text: str
    offset: int
    gold: str
    request: FillRequest


@dataclass(frozen=True, slots=True)
class Pair:
    """Two holes close to each other, both empty: the first as asked for alone, and what is fixed between them."""

    request: FillRequest  # its suffix begins with `between`
    between: str


Ask = Callable[[str, int], FillRequest | None]


def draw(ask: Ask, fits: Callable[[Case], bool], group: Group, count: int, seed: int) -> list[Case]:
    """Return up to `count` holes, some of each package, at most three of a file. Raises: EngineError."""
    find = _single_line_holes if group == "single_line" else _multi_line_holes

    def found() -> Iterator[Case]:
        for file in _in_turn(seed):
            cases = (case for hole in find(file.text, seed) if (case := _asked(ask, hole, file.package, group)))
            yield from islice((case for case in cases if fits(case)), HOLES_PER_FILE)

    return list(islice(found(), count))


def draw_pairs(ask: Ask, count: int, seed: int) -> list[Pair]:
    """Return up to `count` pairs of single-line holes in neighbouring statements, one a file. Raises: EngineError."""

    def found() -> Iterator[Pair]:
        for file in _in_turn(seed):
            pairs = (_asked_for_both(ask, *spans, file.text) for spans in _neighbours(file.text, seed))
            yield from islice((pair for pair in pairs if pair), 1)

    return list(islice(found(), count))


def packages() -> dict[str, str]:
    """Return the versions of the held-out packages that are installed. Raises: EngineError where there is none."""
    records = json.loads(files("engine.training.data").joinpath("manifest.json").read_text())
    names = [record["name"] for record in records if record["held_out"] and record["language"] == "python"]
    found = {}
    for name in names:
        try:
            found[name] = distribution(name).version
        except PackageNotFoundError:
            continue
    if not found:
        raise EngineError(f"no code to draw holes from is installed; pip install {' '.join(names)}")
    return found


def _in_turn(seed: int) -> Iterator[SourceFile]:
    """Yield a file of each package, then another of each: the largest package does not set the tone."""
    for row in zip_longest(*(_files(name, seed) for name in packages())):
        yield from (file for file in row if file is not None)


def _files(package: str, seed: int) -> Iterator[SourceFile]:
    """Yield the files of an installed package in an order of the seed's, cleaned as training data is."""
    paths = sorted(
        (path for path in distribution(package).files or () if path.suffix == ".py"), key=lambda path: path.as_posix()
    )
    random.Random(f"{seed} {package}").shuffle(paths)
    for path in paths:
        if not _PYTHON.skips(path.as_posix()):
            text = normalise(path.read_text(encoding="utf-8"))
            if text.isascii() and keep(path.as_posix(), text):  # Columns of Python's tree count bytes.
                yield SourceFile(package, path.as_posix(), text, held_out=True)


def _asked(ask: Ask, hole: HeldOutHole, package: str, group: Group) -> Case | None:
    text = hole.text[: hole.start] + hole.text[hole.end :]
    request = ask(text, hole.start)
    if request is None or request.multiline != (group == "multi_line"):
        return None
    before, after = hole.text[: hole.start], hole.text[hole.end :]
    # An editor may see another hole at this place: a wider one, or one that begins elsewhere.
    if not request.prefix.endswith(before[-_COMPARED_CHARS:]) or not request.suffix.startswith(after[:_COMPARED_CHARS]):
        return None
    return Case(package, text, hole.start, hole.gold, request)


def _asked_for_both(ask: Ask, first: tuple[int, int], second: tuple[int, int], text: str) -> Pair | None:
    between = text[first[1] : second[0]]
    request = ask(text[: first[0]] + between + text[second[1] :], first[0])
    if request is None or request.multiline or not request.suffix.startswith(between):
        return None
    return Pair(request, between) if request.prefix.endswith(text[: first[0]][-_COMPARED_CHARS:]) else None


def _single_line_holes(text: str, seed: int) -> list[HeldOutHole]:
    return draw_holes([SourceFile("", "", text, held_out=True)], HOLES_PER_FILE, seed)


def _multi_line_holes(text: str, seed: int) -> list[HeldOutHole]:
    """Return the bodies of a few lines without documentation, in an order of the seed's."""
    starts = _line_starts(text)
    holes = []
    for body in _bodies(text):
        lines = (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1
        is_documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        if _MIN_LINES <= lines <= _MAX_LINES and not is_documented:
            holes.append(HeldOutHole(text, _start(body[0], starts), _end(body[-1], starts), "body"))
    holes = [hole for hole in holes if not text[: hole.start].rsplit("\n", 1)[-1].strip()]
    random.Random(f"{seed} {len(text)}").shuffle(holes)
    return holes


def _neighbours(text: str, seed: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return pairs of short values in statements that follow each other closely."""
    starts = _line_starts(text)
    pairs = []
    for body in _bodies(text):
        for values in pairwise([_value(statement) for statement in body]):
            if values[0] is not None and values[1] is not None:
                first, second = ((_start(value, starts), _end(value, starts)) for value in values if value)
                sizes = first[1] - first[0], second[1] - second[0]
                is_short = max(sizes) <= _MAX_PAIR_CHARS and second[0] - first[1] <= _MAX_BETWEEN_CHARS
                if is_short and "\n" not in text[first[0] : first[1]] + text[second[0] : second[1]]:
                    pairs.append((first, second))
    random.Random(f"{seed} {len(text)}").shuffle(pairs)
    return pairs


def _bodies(text: str) -> Iterator[Sequence[ast.stmt]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.For | ast.While | ast.With):
            yield node.body


def _value(statement: ast.stmt) -> ast.expr | None:
    return statement.value if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) else None


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _start(node: ast.stmt | ast.expr, starts: Sequence[int]) -> int:
    return starts[node.lineno - 1] + node.col_offset


def _end(node: ast.stmt | ast.expr, starts: Sequence[int]) -> int:
    return starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
