"""The log file: it rotates, also under several writers, and holds no source text unless it is asked for."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import stat
import sys
from pathlib import Path

import pytest

from infill_lsp import logs
from tests.infill_lsp.raw_client import RawClient, environment, scripted
from tests.infill_lsp.sample import opened

LOG = ".local/state/infill-lsp/log/server.log"


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "infill_lsp.x", "msg": message, "levelno": 20, "levelname": "INFO", **extra})
    try:
        int("word-secret")
    except ValueError:
        if message == "failed":
            made.exc_info = sys.exc_info()
    return made


@pytest.fixture
def discreet() -> logs.Discreet:
    made = logs.Discreet("%(message)s")
    made.roots = ("/home/u/project/",)
    return made


def test_source_text_and_foreign_names_stay_out(discreet: logs.Discreet) -> None:
    assert discreet.format(record("a", uri="file:///home/u/project/a/b%20c.py")) == "a [a/b c.py]"
    assert discreet.format(record("a", uri="file:///home/u/other.py")) == "a [a file outside of the open folders]"
    assert discreet.format(record("no /home/u/project/a.py", source="word-secret")) == "no a.py"
    assert discreet.format(record("asyncio says\nword-secret", name="asyncio")) == "asyncio says"
    failed = discreet.format(record("failed"))
    assert "word-secret" not in failed.replace('int("word-secret")', "")
    assert "test_logs.py" in failed
    assert "ValueError" in failed


def test_all_is_told_to_who_asks_for_it(discreet: logs.Discreet) -> None:
    discreet.tells_source = True
    assert discreet.format(record("a", uri="file:///home/u/o.py", source="word")) == "a [file:///home/u/o.py]: word"
    assert "invalid literal" in discreet.format(record("failed"))


def _write(file: Path, number: int) -> None:
    handler = logs.SharedFile(file)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for line in range(400):
        handler.emit(record(f"{number}:{line}:" + "x" * 100))


def test_several_writers_share_one_file_and_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 20_000)
    monkeypatch.setattr(logs, "NUM_OLD_FILES", 50)
    file = tmp_path / "server.log"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(file, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    files = [path for path in tmp_path.iterdir() if path.suffix != ".lock"]
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert len(files) > 5
    assert max(path.stat().st_size for path in files) < 21_000
    assert {tuple(line.split(":")[:2]) for line in lines} == {(str(n), str(i)) for n in range(4) for i in range(400)}
    assert len(lines) == 1600
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_there_are_two_old_files_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 1_000)
    _write(tmp_path / "server.log", 1)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"server.log", "server.log.1", "server.log.2", "server.log.lock"}


def test_a_disk_that_is_full_stops_the_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logs.SharedFile(tmp_path / "absent" / "server.log")
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        handler.handle(record("a"))
        assert handler not in logger.handlers
    finally:
        logger.removeHandler(handler)
    assert capsys.readouterr().err.count("there is no log") == 1


def talk(client: RawClient, folder: Path, **settings: object) -> str:
    """Type, ask and fail in a document full of words that are nowhere else; return the log."""
    client.initialize(root=folder, options={"settings": {"log_level": "debug", **settings}})
    sample = opened(client, "word_secret = $0\n", uri=(folder / "shown.py").as_uri())
    assert sample.ghost()
    opened(client, "word_secret = 1$0\n", uri="file:///elsewhere/word_secret.py").ghost()
    broken = opened(client, '# {"bug": true, "note": "word_secret"}\nword_secret = $0\n')
    broken.ghost()
    client.notify("textDocument/didOpen", {"textDocument": {"uri": "word_secret", "text": ["word_secret"]}})
    client.settle()
    assert client.end() == 0
    assert b"word_secret" not in client.errors or settings
    return (folder / LOG).read_text()


def test_a_session_leaves_a_log_without_its_source(tmp_path: Path) -> None:
    with scripted(tmp_path) as client:
        log = talk(client, tmp_path)
    assert "word_secret" not in log
    assert re.search(r"INFO infill_lsp.server: version ", log)
    assert re.search(r"a fill took \d+ ms", log)
    assert "no suggestion: " in log
    assert "ZeroDivisionError" in log
    assert "[a file outside of the open folders]" in log
    assert str(tmp_path) not in log
    assert stat.S_IMODE((tmp_path / LOG).parent.stat().st_mode) == 0o700


def test_log_source_and_log_level_are_followed(tmp_path: Path) -> None:
    with scripted(tmp_path) as client:
        assert "word_secret" in talk(client, tmp_path, log_source=True)
    os.unlink(tmp_path / LOG)
    with scripted(tmp_path) as client:
        assert "no suggestion" not in talk(client, tmp_path, log_level="error")


def test_without_a_place_for_the_log_the_server_runs(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("in the way")
    with RawClient([sys.executable, "-m", "tests.infill_lsp.scripted_server"], environment(tmp_path)) as client:
        client.initialize()
        assert opened(client, "x = $0\n").ghost()
        assert client.end() == 0
    assert b"there is no log file" in client.errors
