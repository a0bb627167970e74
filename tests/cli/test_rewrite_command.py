"""`infill-lsp rewrite` and `infill-lsp fill --all`: the JSON they promise, and that they leave the file alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from run_cli import check_mistake, run_cli

from infill_lsp.cli.rewrite_command import _compared

pytestmark = pytest.mark.usefixtures("private_folders")

SOURCE = "def f(a):\n    b = a\n    c = b  # infill: keep\n    return c\n"


def as_json(file: Path, *arguments: str) -> dict[str, Any]:
    """Run a command with --json, check what always holds, and return its object."""
    before = file.read_bytes()
    ran = run_cli(arguments[0], file, *arguments[1:], "--json")
    assert (ran.status, ran.stderr) == (0, ""), ran
    assert file.read_bytes() == before, "the file is never written"
    answer: dict[str, Any] = json.loads(ran.stdout)
    assert ran.stdout.count("\n") == 1
    return answer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "source.py"
    file.write_text(SOURCE)
    return file


def test_lines_are_rewritten(file: Path) -> None:
    answer = as_json(file, "rewrite", "--lines", "2-2", "--model", "fake:b = {noise} * a")
    assert set(answer) == {"text", "range", "changed", "passes", "ms", "model", "reason"}
    assert answer["text"] == "b = 0.6 * a"
    assert answer["range"] == {"start": [2, 5], "end": [2, 10]}
    assert answer["changed"] is True
    assert answer["reason"] is None


def test_kept_lines_are_held_against_the_engine(file: Path) -> None:
    model = "fake:b = 1\n    c = b  # infill: keep\n    return c"
    assert as_json(file, "rewrite", "--lines", "2-4", "--model", model)["changed"] is True
    answer = as_json(file, "rewrite", "--lines", "2-4", "--keep", "2", "--model", model)
    assert answer["changed"] is False
    assert answer["text"] == "\n".join(SOURCE.splitlines()[1:]).strip()
    assert "to be kept" in answer["reason"]


def test_without_noise_nothing_changes(file: Path) -> None:
    answer = as_json(file, "rewrite", "--lines", "1-4", "--noise", "0", "--model", "fake:other")
    assert answer["text"] == SOURCE.rstrip()
    assert answer["changed"] is False


def test_an_instruction_needs_a_checkpoint_that_takes_one(file: Path) -> None:
    answer = as_json(file, "rewrite", "--lines", "2", "--instruct", "be brief", "--model", "fake:b = 1")
    assert answer["changed"] is False
    assert "no instructions" in answer["reason"]


def test_shown_as_text(file: Path) -> None:
    ran = run_cli("rewrite", file, "--lines", "2", "--model", "fake:b = [a][0]")
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[:2] == ["-     b = a", "+     b = [a][0]"]


def test_what_goes_is_shown_before_what_comes_however_many_lines_they_are() -> None:
    before, after = ["same", "one", "two", "three", "last"], ["same", "less", "last", "more"]
    shown = ["  same", "- one", "- two", "- three", "+ less", "  last", "+ more"]
    assert list(_compared(before, after)) == shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--lines", "3-9"), "lines 1 to 5"),
        (("--lines", "4-2"), "--lines 4-2: line 2 stands before line 4"),
        (("--lines", "x"), "--lines takes lines A-B"),
        (("--lines", "2", "--keep", "0"), "--keep"),
        (("--lines", "2", "--noise", "0.5", "--instruct", "x"), "not both"),
        (("--lines", "2", "--noise", "2"), "noise"),
    ],
)
def test_mistakes(file: Path, arguments: tuple[str, ...], says: str) -> None:
    check_mistake("rewrite", file, *arguments, says=says)


def test_all_holes_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("alpha = ...\nbeta = ...\n\n\ndef f():\n    pass\n")
    answer = as_json(file, "fill", "--all", "--model", "fake:g({name}, {holes})")
    assert set(answer) == {"fills", "unfilled", "passes", "ms", "model", "reason"}
    assert [each["text"] for each in answer["fills"]] == ["g(alpha, 3)", "g(beta, 3)", "g(f, 3)"]
    assert [each["range"]["start"] for each in answer["fills"]] == [[1, 9], [2, 8], [6, 5]]
    assert answer["unfilled"] == []


def test_lines_of_a_fill_stand_below_one_another(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("\n" * 9 + "def f():\n    pass\n")
    ran = run_cli("fill", file, "--all", "--model", "fake:a = 1\nreturn a")
    assert ran.stdout.splitlines()[:2] == ["11:     a = 1", "        return a"]


def test_what_cannot_be_filled_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("alpha = ...\n\n\ndef f():\n    pass\n")
    answer = as_json(file, "fill", "--all", "--model", "fake:return 1")
    assert [each["text"] for each in answer["fills"]] == ["return 1"]
    ((unfilled),) = answer["unfilled"]
    assert unfilled["range"] == {"start": [1, 9], "end": [1, 12]}
    assert unfilled["reason"]
    ran = run_cli("fill", file, "--all", "--model", "fake:return 1")
    assert "1: not filled: " in ran.stdout
    assert "5:     return 1" in ran.stdout


def test_a_file_without_holes(file: Path) -> None:
    assert as_json(file, "fill", "--all", "--model", "fake:1")["reason"] == "nothing to fill here"


def test_one_place_or_all(file: Path) -> None:
    check_mistake("fill", file, says="either --at LINE:COLUMN or --all")
    check_mistake("fill", file, "--all", "--at", "1:1", says="either --at LINE:COLUMN or --all")
    check_mistake("fill", file, "--all", "--candidates", "2", says="either --at LINE:COLUMN or --all")


@pytest.mark.checkpoint
def test_the_bundled_checkpoint_keeps_locked_lines_and_never_breaks_a_file(file: Path) -> None:
    lines = SOURCE.splitlines()
    for noise in ("0", "0.3", "0.6", "0.9"):
        answer = as_json(file, "rewrite", "--lines", "2-4", "--noise", noise)
        assert answer["changed"] == (answer["reason"] is None)
        result = f"{lines[0]}\n    {answer['text']}\n"
        ast.parse(result)
        assert lines[2] in result.splitlines()
        print(noise, answer["text"], answer["reason"])
