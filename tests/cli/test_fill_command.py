"""`infill-lsp fill`: the JSON it promises, the text it shows, and that it leaves the file alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from run_cli import fill_json, run_cli

pytestmark = pytest.mark.usefixtures("private_folders")


def check_fill(
    folder: Path, source: str, *, model: str, at: str, text: str, expect: str, prefix: bytes = b""
) -> dict[str, object]:
    """Fill a file's hole and apply the printed range and text as another program would."""
    file = folder / "source.py"
    content = prefix + source.encode()
    file.write_bytes(content)
    answer = fill_json(file, "--at", at, "--model", f"fake:{model}")
    assert file.read_bytes() == content, "fill never writes"
    assert answer["text"] == text
    start, end = (_offset(source, *answer["range"][side]) for side in ("start", "end"))
    assert source[:start] + text + source[end:] == expect
    return answer


def _offset(source: str, line: int, column: int) -> int:
    """Find a place by counting, independently of the code under test."""
    return sum(len(before) for before in source.splitlines(keepends=True)[: line - 1]) + column - 1


def test_a_right_hand_side(tmp_path: Path) -> None:
    answer = check_fill(
        tmp_path,
        "width = 3\narea = \nprint(area)\n",
        model="width * 2",
        at="2:8",
        text="width * 2",
        expect="width = 3\narea = width * 2\nprint(area)\n",
    )
    assert answer["range"] == {"start": [2, 8], "end": [2, 8]}
    assert answer["candidates"] == ["width * 2"]
    assert isinstance(answer["passes"], int)
    assert answer["passes"] > 0
    assert isinstance(answer["ms"], float)


def test_a_file_without_a_final_line_break(tmp_path: Path) -> None:
    check_fill(tmp_path, "area = ", model="3 * 4", at="1:8", text="3 * 4", expect="area = 3 * 4")


def test_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.touch()
    fill_json(file, "--at", "1:1", "--model", "fake:import os")
    assert file.read_bytes() == b""


def test_columns_are_characters(tmp_path: Path) -> None:
    check_fill(
        tmp_path,
        "label = '🙂é'; size = \n",
        model="len(label)",
        at="1:22",
        text="len(label)",
        expect="label = '🙂é'; size = len(label)\n",
    )


def test_a_byte_order_mark_is_not_counted(tmp_path: Path) -> None:
    check_fill(
        tmp_path, "area = \n", prefix=b"\xef\xbb\xbf", model="3 * 4", at="1:8", text="3 * 4", expect="area = 3 * 4\n"
    )


def test_crlf_stays_crlf(tmp_path: Path) -> None:
    check_fill(
        tmp_path,
        "def area(a, b):\r\n    ...\r\n\r\n\r\nprint(area(1, 2))\r\n",
        model="product = a * b\n    return product",
        at="2:5",
        text="product = a * b\r\n    return product",
        expect="def area(a, b):\r\n    product = a * b\r\n    return product\r\n\r\n\r\nprint(area(1, 2))\r\n",
    )


def test_no_hole_is_an_answer_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("# the area of\n")
    answer = fill_json(tmp_path / "source.py", "--at", "1:14", "--model", "fake:never asked")
    assert answer["text"] == ""
    assert answer["range"] == {"start": [1, 14], "end": [1, 14]}
    assert answer["passes"] == 0


def test_a_fill_that_breaks_the_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("area = \n")
    answer = fill_json(tmp_path / "source.py", "--at", "1:8", "--model", "fake:3 * * 4")
    assert answer["text"] == ""
    assert answer["candidates"] == []


def test_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("area = \n")
    ran = run_cli("fill", tmp_path / "source.py", "--at", "1:8", "--model", "fake:[3][0]")
    assert (ran.status, ran.stderr) == (0, "")
    filled, cost = ran.stdout.splitlines()
    assert filled == "area = [3][0]"
    assert "passes" in cost
    assert "ms" in cost


def test_the_switch_for_editors_does_not_concern_the_command(tmp_path: Path, private_folders: Path) -> None:
    settings = private_folders / "config_home/infill-lsp/config.toml"
    settings.parent.mkdir()
    settings.write_text("enabled = false\n")
    check_fill(tmp_path, "area = \n", model="3 * 4", at="1:8", text="3 * 4", expect="area = 3 * 4\n")


def test_an_engine_that_cannot_answer_is_one_line_and_status_3(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text("area = \n")
    ran = run_cli("fill", tmp_path / "source.py", "--at", "1:8", "--model", tmp_path / "no-checkpoint")
    assert (ran.status, ran.stdout) == (3, "")
    assert ran.stderr.startswith("infill-lsp: ")
    assert ran.stderr.count("\n") == 1


def test_the_option_beats_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source.py").write_text("area = \n")
    monkeypatch.setenv("INFILL_MODEL", "fake:7")
    assert fill_json(tmp_path / "source.py", "--at", "1:8")["text"] == "7"
    assert fill_json(tmp_path / "source.py", "--at", "1:8", "--model", "fake:8")["text"] == "8"


def test_who_waits_at_a_terminal_for_the_engine_to_start_is_told(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("x = \n")
    screen, terminal = pty.openpty()
    os.set_blocking(screen, False)
    command = [sys.executable, "-m", "infill_lsp", "fill", str(file), "--at", "1:5", "--model", "fake:1"]
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True, timeout=120)
        assert os.read(screen, 100) == b"starting the engine ...\r\n"
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=True, timeout=120)
        with pytest.raises(BlockingIOError):
            os.read(screen, 100)
    finally:
        os.close(screen)
        os.close(terminal)


def test_a_model_that_is_not_here_is_told_without_a_process_for_it(tmp_path: Path, private_folders: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text("x = \n")
    ran = run_cli("fill", file, "--at", "1:5", "--model", "nosuch")
    assert ran.status == 3
    assert ran.stderr.splitlines()[-1].startswith("infill-lsp: there is no model nosuch; infill-lsp models")
    assert not list(private_folders.rglob("*.sock"))


def test_a_log_that_cannot_be_written_ends_no_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "source.py"
    file.write_text("x = \n")
    monkeypatch.setenv("XDG_STATE_HOME", str(file))
    assert fill_json(file, "--at", "1:5", "--model", "fake:1")["text"] == "1"
