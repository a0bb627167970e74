"""`infill-lsp demo`: the real server and the real host, driven over the protocol; most checkpoints are scripted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from run_cli import Ran, run_cli

pytestmark = pytest.mark.usefixtures("private_folders")


def check_demo(ran: Ran, *, filled: str) -> None:
    """The demo filled its hole: one line a pass, then the filled lines, then the cost."""
    assert (ran.status, ran.stderr) == (0, ""), ran
    steps = [int(step) for step in re.findall(r"^pass +(\d+) ", ran.stdout, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 2
    assert filled in ran.stdout
    assert re.search(rf"^{len(steps)} passes in \d+ ms, ", ran.stdout.splitlines()[-1])


def test_the_sample_is_filled() -> None:
    check_demo(
        run_cli("demo", "--model", "fake:path, encoding='utf-8'"),
        filled="    with open(path, encoding='utf-8') as file:\n        for line in file:\n",
    )


@pytest.mark.checkpoint
def test_the_bundled_checkpoint_fills_the_sample() -> None:
    ran = run_cli("demo")
    check_demo(ran, filled="class Calendar:")
    shown = ran.stdout[ran.stdout.index("class Calendar:") :].rsplit("\n\n", 1)[0]
    assert "..." not in shown
    ast.parse(shown)


def test_a_file_with_a_placeholder(tmp_path: Path) -> None:
    file = tmp_path / "area.py"
    file.write_bytes("emoji = '🙂'\r\n\r\n\r\ndef area(width, height):\r\n    ...\r\n".encode())
    before = file.read_bytes()
    check_demo(run_cli("demo", file, "--model", "fake:return width * height"), filled="    return width * height\n")
    assert file.read_bytes() == before


def test_a_place_without_a_code_action(tmp_path: Path) -> None:
    file = tmp_path / "area.py"
    file.write_text("label = '🙂'; size = \n")
    ran = run_cli("demo", file, "--at", "1:21", "--model", "fake:len(label)")
    check_demo(ran, filled="label = '🙂'; size = len(label)\n")


def test_nothing_filled_is_a_failure_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "area.py"
    file.write_text("def area(width, height):\n    ...\n")
    ran = run_cli("demo", file, "--model", "fake:return width * * height")
    assert ran.status == 1
    assert ran.stderr.startswith("infill-lsp: nothing was filled: ")
    assert "no reason" not in ran.stderr
    assert ran.stderr.count("\n") == 1
