"""`infill-lsp trace`: what it prints and draws of a real fill, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from run_cli import check_mistake, fill_json, run_cli

from engine.api import RequestError
from engine.fake import Script, ScriptedEngine
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.trace_command import trace_file
from infill_lsp.cli.trace_engine import traced_fill
from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document

pytestmark = pytest.mark.usefixtures("private_folders")

_SOURCE = "def area(width, height):\n    return \n\n\nprint(area(2, 3))\n"
_PLACE = ("--at", "2:12")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.py"
    file.write_text(_SOURCE)
    return file


def lines_of(stdout: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read JSON lines: every line but the last is a pass."""
    *passes, result = (json.loads(line) for line in stdout.splitlines())
    assert {each["type"] for each in passes} <= {"pass"}
    assert result["type"] == "result"
    return passes, result


@pytest.mark.checkpoint
def test_json_lines_hold_every_pass_and_the_result_of_fill(source: Path) -> None:
    answer = fill_json(source, *_PLACE)
    ran = run_cli("trace", source, *_PLACE, "--json")
    assert (ran.status, ran.stderr) == (0, "")
    passes, result = lines_of(ran.stdout)
    assert [each["step"] for each in passes] == list(range(1, result["passes"] + 1))
    assert passes[0]["kind"] == "probe"
    for each in passes:
        assert set(each) == {"type", "step", "kind", "ms", "rows"}
        for row in each["rows"]:
            assert set(row) == {"tokens", "entropy", "known", "slack", "accepted", "renoised", "suspect"}
            assert len(row["tokens"]) == len(row["entropy"])
    assert (result["text"], result["range"], result["reason"]) == (answer["text"], answer["range"], answer["reason"])
    assert all(set(candidate) >= {"text", "score", "num_tokens"} for candidate in result["candidates"])
    assert source.read_text() == _SOURCE


@pytest.mark.checkpoint
def test_shown_as_text_drawn_as_a_page_and_as_a_picture(source: Path, tmp_path: Path) -> None:
    ran = run_cli("trace", source, *_PLACE)
    assert (ran.status, ran.stderr) == (0, "")
    assert " 1 probe " in ran.stdout
    assert " 2 denoise " in ran.stdout
    assert "1. score -" in ran.stdout
    assert "passes of" in ran.stdout.splitlines()[-1]
    assert "prefill" in ran.stdout.splitlines()[-1]
    assert "\x1b" not in ran.stdout

    page, picture = tmp_path / "trace.html", tmp_path / "trace.PNG"
    for output in (page, picture):
        ran = run_cli("trace", source, *_PLACE, "--output", output)
        assert (ran.status, ran.stderr, ran.stdout.count("\n")) == (0, "", 1)
    assert "source.py:2:12" in page.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_no_hole_is_an_answer_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("# the area of\n")
    ran = run_cli("trace", file, "--at", "1:14")
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout.startswith("no fill: ")
    passes, result = lines_of(run_cli("trace", file, "--at", "1:14", "--json").stdout)
    assert (passes, result["text"], result["candidates"], result["passes"]) == ([], "", [], 0)
    check_mistake(
        "trace", file, "--at", "1:14", "--output", tmp_path / "x.html", says="there is nothing to draw at 1:14"
    )
    assert not (tmp_path / "x.html").exists()


def test_what_cannot_be_drawn_is_refused_before_any_work(source: Path, tmp_path: Path) -> None:
    # An engine that cannot be started shows that none was asked.
    nowhere = ("--model", tmp_path / "no-checkpoint")
    for name in ("trace.svg", "trace", ".html"):
        check_mistake(
            "trace", source, *_PLACE, *nowhere, "--output", tmp_path / name, says="a file that ends in .html or .png"
        )
    check_mistake("trace", source, *_PLACE, *nowhere, "--output", tmp_path / "no/x.html", says="there is no folder")
    (tmp_path / "folder.html").mkdir()
    check_mistake("trace", source, *_PLACE, *nowhere, "--output", tmp_path / "folder.html", says="it is a folder")


def test_a_picture_without_matplotlib_says_what_to_install(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Mistake, match=r"a \.png needs matplotlib: pip install '\.\[bench\]'"):
        trace_file(source, "2:12", output=source.with_suffix(".png"), model=None, as_json=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.py", "--at", "1:1"], "absent.py: no such file"),
        (["absent.py"], "--at"),
        (["absent.py", "--at", "1:1", "--bogus"], "--bogus"),
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], says: str) -> None:
    check_mistake("trace", *arguments, says=says)


def test_an_engine_without_traces_says_so(source: Path) -> None:
    ran = run_cli("trace", source, *_PLACE, "--json", "--model", "fake:width * height")
    assert (ran.status, ran.stdout) == (3, "")
    says = "fake:width * height gives no trace of how it fills this hole; choose another with --model"
    assert ran.stderr == f"infill-lsp: {says}\n"


def test_a_fill_that_is_not_traced_ends_with_its_first_draft() -> None:
    snapshot = Document("file:///a.py", 0, "x = \n", "python").snapshot()
    hole = hole_at(snapshot, 4)
    assert isinstance(hole, Hole)
    engine = ScriptedEngine(Script(("width * height",)))
    filling = traced_fill(snapshot, hole, engine, Settings(model="owner/name"), lambda drafts: None)
    with pytest.raises(RequestError, match=r"^owner/name gives no trace"):
        asyncio.run(filling)
    assert engine.steps_run == 1
