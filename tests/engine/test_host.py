"""The host process keeps its socket private, leaves when it should and cleans up behind itself."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.hosting import LIMIT_S, ROOT, check_fills, client, hosts_in, private_folder, status, until


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder for the socket and the log."""
    with private_folder(monkeypatch) as made:
        yield made


async def test_only_the_owner_can_reach_the_socket(folder: Path) -> None:
    async with client(folder / "new") as engine:
        await check_fills(engine, "1 + 2")
        assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o700
        socket_mode = (folder / "new" / "s.sock").stat().st_mode
        assert stat.S_ISSOCK(socket_mode)
        assert stat.S_IMODE(socket_mode) == 0o600


@pytest.mark.parametrize("end", ["idle", "shutdown", "terminate"])
async def test_a_host_that_leaves_removes_its_socket(folder: Path, end: str) -> None:
    async with client(folder, idle_seconds=0.5 if end == "idle" else 60) as engine:
        await check_fills(engine, "1 + 2")
        if end == "shutdown":
            assert await engine.shutdown()
        if end == "terminate":
            os.kill((await status(engine)).pid, signal.SIGTERM)
        await until(lambda: not (folder / "s.sock").exists())
        await until(lambda: not hosts_in(folder))
        assert not await engine.shutdown()
        await check_fills(engine, "1 + 2")


async def test_a_second_host_leaves_at_once_and_says_nothing(folder: Path) -> None:
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")
        before = (await status(engine)).pid
        second = run_host("--socket", str(folder / "s.sock"), "--model", "fake:other")
        assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
        assert (await status(engine)).pid == before


def run_host(*arguments: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
    """Run a host that is expected to leave by itself."""
    code = f"import sys; {prelude}\nfrom engine.host import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_a_host_that_cannot_start_says_why_in_one_line(folder: Path) -> None:
    folder.chmod(0o755)
    shared = run_host("--socket", str(folder / "s.sock"), "--model", "fake:x")
    folder.chmod(0o700)
    (folder / "file").write_text("mine")
    occupied = run_host("--socket", str(folder / "file"), "--model", "fake:x")
    endless = run_host("--socket", str(folder / ("x" * 200)), "--model", "fake:x")
    for failed, reason in (
        (shared, "choose a folder that belongs to you alone"),
        (occupied, "not a socket"),
        (endless, "too long"),
    ):
        assert failed.returncode == 2
        assert reason in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
    assert (folder / "file").read_text() == "mine"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_an_idle_time_that_is_none_is_refused(folder: Path, seconds: str) -> None:
    refused = run_host("--socket", str(folder / "s.sock"), "--model", "fake:x", "--idle-seconds", seconds)
    assert refused.returncode == 2
    assert "--idle-seconds" in refused.stderr


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("engine.host", ["torch", "uvicorn", "starlette", "httpx"]),
        ("engine.client", ["torch", "httpx", "platformdirs"]),
    ],
)
def test_importing_is_cheap(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
