"""What stood in real code is taken out, and must be accepted when it comes back, with whatever an engine adds to it."""

from __future__ import annotations

import ast
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import NoHole, hole_at
from infill_lsp.judging.gate import rejection
from tests.fixture import snapshot_of

NUM_SPOTS = 25
NUM_CHARS_TOO_MANY = 120


def spots(text: str) -> Iterator[tuple[int, int]]:
    """Give the ranges of right-hand sides, return values, conditions and argument lists that stand on one line."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in ast.walk(ast.parse(text)):
        first = last = None
        if isinstance(node, ast.Assign | ast.Return):
            first = last = node.value
        elif isinstance(node, ast.If):
            first = last = node.test
        elif isinstance(node, ast.Call) and node.args and not node.keywords:
            first, last = node.args[0], node.args[-1]
        if first is not None and last is not None and first.lineno == last.end_lineno and last.end_col_offset:
            begin = starts[first.lineno - 1]
            yield begin + first.col_offset, begin + last.end_col_offset


@pytest.mark.parametrize("name", ["bisect.py", "heapq.py", "shlex.py", "textwrap.py", "queue.py"])
def test_code_that_was_taken_out_is_accepted_back_and_nothing_that_does_not_compile(name: str) -> None:
    text = (Path(sysconfig.get_path("stdlib")) / name).read_text("ascii", "replace").replace("\ufffd", "?")
    choose = random.Random(name)
    found = sorted(set(spots(text)))
    chosen = choose.sample(found, min(NUM_SPOTS, len(found)))
    num_holes = 0
    for start, end in chosen:
        snapshot = snapshot_of(text[:start] + text[end:])
        hole = hole_at(snapshot, start)
        # What stands next to a word, or in a `raise NotImplementedError()`, is no hole of this kind.
        if isinstance(hole, NoHole) or hole.kind == "placeholder":
            continue
        num_holes += 1
        for num_more in (0, NUM_CHARS_TOO_MANY):
            filled = shape(snapshot, hole, text[start : end + num_more])
            assert snapshot.text[: hole.start] + filled + snapshot.text[hole.end :] == text
            assert rejection(snapshot, hole, filled) is None
        part = shape(snapshot, hole, text[start : choose.randrange(start, end)])
        if rejection(snapshot, hole, part) is None:
            ast.parse(snapshot.text[: hole.start] + part + snapshot.text[hole.end :])
    assert num_holes >= 0.8 * len(chosen)
