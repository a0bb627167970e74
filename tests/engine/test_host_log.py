"""The host's log rotates while it runs, and what is written to standard error is not lost with the old file."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from engine import host_log
from tests.engine.hosting import ROOT

_TALKS = """
import logging, os, sys
from pathlib import Path
from engine import host_log
host_log.MAX_BYTES = 1000
host_log.begin()
host_log.rotate(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    logging.getLogger("engine.x").info("record %d %s", number, "x" * 50)
os.write(2, b"a crash below Python\\n")
"""


def talk(file: Path, number: int, stderr: Path) -> None:
    with stderr.open("ab") as stream:
        command = [sys.executable, "-c", _TALKS, str(file), str(number)]
        subprocess.run(command, cwd=ROOT, stderr=stream, check=True, timeout=60)


def test_it_rotates_and_standard_error_follows(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    talk(log, 100, log)
    assert {path.name for path in tmp_path.iterdir()} == {"host.log", "host.log.1", "host.log.2"}
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 1_100
    assert log.read_text().endswith("a crash below Python\n")
    assert "record 99" in log.read_text()


def test_what_was_there_before_stays_in_front(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    log.write_text("an older host\n")
    talk(log, 1, log)
    lines = log.read_text().splitlines()
    assert lines[0] == "an older host"
    assert "record 0" in lines[1]
    assert lines[2] == "a crash below Python"


def test_in_a_terminal_there_is_no_file(tmp_path: Path) -> None:
    talk(tmp_path / "host.log", 100, tmp_path / "terminal")
    assert [path.name for path in tmp_path.iterdir()] == ["terminal"]
    assert "record 99" in (tmp_path / "terminal").read_text()
    before = logging.getLogger().handlers
    host_log.rotate(tmp_path / "absent")
    assert logging.getLogger().handlers == before
