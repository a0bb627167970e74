"""Places in held-out Python files whose text is known, always the same ones for the same files.

A hole is the right-hand side of an assignment, an argument list, a returned value, a condition, or a whole statement,
on one line of a file that no training package holds. It knows no checkpoint and no score.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# The one place where evaluation meets the corpus.
from engine.training.data.source import HELD_OUT_FILE, read_sources
from engine.training.data.source import SourceFile as SourceFile

MIN_CHARS, MAX_CHARS, HOLES_PER_FILE = 3, 80, 3
_SEED = 3


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

    def filled(self, fill: str) -> str:
        """Return the whole file with another text in this place."""
        return self.text[: self.start] + fill + self.text[self.end :]


def held_out_files(work: Path, languages: Sequence[str] | None = None) -> list[SourceFile]:
    """Return the files of the held-out packages, `None` of every language.

    They are what the step `data` left in `work`; where it left none, they are collected, which takes minutes.
    Raises: RuntimeError when they cannot be fetched.
    """
    if (work / HELD_OUT_FILE).exists():
        sources = read_sources(work / HELD_OUT_FILE)
    else:
        from engine.training.data.collect import collect  # Needs the extra `train`, which `infill-lsp tune` does not.

        sources, _ = collect(work, languages)
    return [file for file in sources if file.held_out and (languages is None or file.language in languages)]


def shuffled(files: Sequence[SourceFile], seed: int = _SEED) -> list[SourceFile]:
    """Return the files in an order that depends on their names and the seed alone."""
    ordered = sorted(files, key=lambda file: (file.package, file.path))
    random.Random(seed).shuffle(ordered)
    return ordered


def draw_holes(files: Sequence[SourceFile], count: int, seed: int = _SEED) -> list[HeldOutHole]:
    """Return up to `count` single-line holes, at most a few a file; a smaller `count` gives the first of them.

    Files of other languages change nothing.
    """
    holes: list[HeldOutHole] = []
    for file in shuffled([file for file in files if file.language == "python"], seed):
        if len(holes) >= count:
            break
        found = [hole for hole in _holes_of(file.text) if MIN_CHARS <= len(hole.gold) <= MAX_CHARS]
        holes += random.Random(len(file.text)).sample(found, min(HOLES_PER_FILE, len(found)))
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
