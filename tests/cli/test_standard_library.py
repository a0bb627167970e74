"""Real files that nobody here wrote: twenty holes in the standard library, filled by the bundled checkpoint."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_cli import fill_json

_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
_FILES = (
    "argparse.py",
    "bisect.py",
    "calendar.py",
    "cmd.py",
    "configparser.py",
    "contextlib.py",
    "csv.py",
    "dataclasses.py",
    "fileinput.py",
    "fnmatch.py",
    "glob.py",
    "gzip.py",
    "heapq.py",
    "shelve.py",
    "shlex.py",
    "shutil.py",
    "tempfile.py",
    "textwrap.py",
    "timeit.py",
    "zipapp.py",
)
_KINDS = ("right-hand side", "argument list", "returned value", "condition")
_AT_LEAST_FILLED = 12


def holes(text: str, kind: str) -> Iterator[tuple[int, int, int]]:
    """Yield line, first and last column, counted from 1, of what can be taken out of one line."""
    for node in ast.walk(ast.parse(text)):
        cut: ast.expr | None = None
        if kind == "right-hand side" and isinstance(node, ast.Assign):
            cut = node.value
        elif kind == "returned value" and isinstance(node, ast.Return):
            cut = node.value
        elif kind == "condition" and isinstance(node, ast.If):
            cut = node.test
        elif kind == "argument list" and isinstance(node, ast.Call) and node.args:
            if node.lineno == node.end_lineno and node.func.end_lineno == node.lineno:
                yield node.lineno, node.func.end_col_offset + 2, node.end_col_offset
            continue
        if cut is not None and cut.lineno == cut.end_lineno:
            yield cut.lineno, cut.col_offset + 1, cut.end_col_offset + 1


def without(text: str, line: int, start: int, end: int) -> str:
    lines = text.splitlines(keepends=True)
    lines[line - 1] = lines[line - 1][: start - 1] + lines[line - 1][end - 1 :]
    return "".join(lines)


@pytest.mark.checkpoint
@pytest.mark.usefixtures("private_folders")
def test_a_fill_never_breaks_a_file_and_most_holes_are_filled(tmp_path: Path) -> None:
    filled = 0
    for number, name in enumerate(_FILES):
        text = (_STANDARD_LIBRARY / name).read_text(encoding="utf-8")
        kind = _KINDS[number % len(_KINDS)]
        places = sorted(holes(text, kind))
        assert places, f"{name} has no {kind} on one line; choose another file"
        line, start, end = places[len(places) // 2]
        file = tmp_path / name
        file.write_text(without(text, line, start, end), encoding="utf-8")

        answer = fill_json(file, "--at", f"{line}:{start}")
        assert file.read_text(encoding="utf-8") == without(text, line, start, end)
        if not answer["text"]:
            assert answer["reason"], "an empty answer says why"
            print(f"{name}:{line} {kind}: nothing ({answer['reason']})")
            continue
        filled += 1
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        (first_line, first), (last_line, last) = answer["range"]["start"], answer["range"]["end"]
        assert first_line == last_line == line
        lines[line - 1] = lines[line - 1][: first - 1] + answer["text"] + lines[line - 1][last - 1 :]
        ast.parse("".join(lines))
        print(f"{name}:{line} {kind}: {lines[line - 1].strip()}")
    assert filled >= _AT_LEAST_FILLED
