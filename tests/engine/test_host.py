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

from engine.api import EngineError
from engine.sockets import log_path
from tests.engine.hosting import LIMIT_S, REQUEST, ROOT, check_fills, client, hosts_in, private_folder, status, until


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


@pytest.mark.skipif(os.geteuid() != 0, reason="to become another user takes root")
async def test_another_user_is_not_answered_though_the_folder_is_open(folder: Path) -> None:
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")
        os.chmod(folder, 0o755)
        os.chmod(folder / "s.sock", 0o777)
        own, stranger = ask_as(0, folder / "s.sock"), ask_as(65534, folder / "s.sock")
        os.chmod(folder, 0o700)
        assert b"HTTP/1.1 200" in own
        assert stranger == b""
        await check_fills(engine, "1 + 2")


def ask_as(user: int, socket: Path) -> bytes:
    """Ask a host as another user, and return all that it answers."""
    code = (
        "import contextlib, os, socket, sys\n"
        "os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
        "link = socket.socket(socket.AF_UNIX); link.connect(sys.argv[2])\n"
        "with contextlib.suppress(ConnectionError):\n"
        "    link.sendall(b'GET /v1/info HTTP/1.1\\r\\nHost: engine\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "    while part := link.recv(4096): sys.stdout.buffer.write(part)\n"
    )
    command = [sys.executable, "-I", "-c", code, str(user), str(socket)]
    return subprocess.run(command, cwd="/", stdout=subprocess.PIPE, timeout=LIMIT_S, check=True).stdout


async def test_an_idle_host_lets_go_of_the_model_first_and_then_leaves(folder: Path) -> None:
    async with client(folder, idle_seconds=0.6) as engine:
        await check_fills(engine, "1 + 2")
        (process,) = hosts_in(folder)

        async def has_left() -> bool:
            # To be asked is no work, or whoever looks at a host would keep it.
            return await engine.status() is None and process not in hosts_in(folder)

        await until(has_left)
    log = log_path(folder / "s.sock").read_text()
    assert log.index("unloading the model") < log.index("leaving")


async def test_a_host_that_lost_its_device_answers_and_makes_room_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sitecustomize.py").write_text(
        "import os, engine.fake\n"
        "start = engine.fake.ScriptedFiller.__init__\n"
        "def lose(step):\n"
        f"    if step == 2 and not os.path.exists('{folder}/lost'):\n"
        f"        open('{folder}/lost', 'w')\n"
        "        raise RuntimeError('CUDA error: device-side assert triggered')\n"
        "engine.fake.ScriptedFiller.__init__ = lambda self, script: start(self, script, gate=lose)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder) as engine:
        await engine.info()
        before = (await status(engine)).pid
        with pytest.raises(EngineError, match="device failed"):
            await engine.fill(REQUEST)
        await check_fills(engine, "1 + 2")
        assert (await status(engine)).pid != before
        await until(lambda: before not in hosts_in(folder))


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
