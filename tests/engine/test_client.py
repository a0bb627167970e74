"""Clients start the host on demand, share it, replace it when it dies, and say what to do when they cannot."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import launch, wire
from engine.address import lock
from engine.api import Draft, EngineUnavailable
from engine.client import HostClient
from engine.sockets import log_path
from tests.engine.hosting import (
    LIMIT_S,
    REQUEST,
    ROOT,
    check_fills,
    client,
    hosts_in,
    is_up,
    private_folder,
    status,
    until,
)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder for the socket and the log."""
    with private_folder(monkeypatch) as made:
        yield made


async def test_the_first_fill_starts_the_host(folder: Path) -> None:
    async with client(folder) as engine:
        assert await engine.status() is None
        await check_fills(engine, "1 + 2")
        found = await status(engine)
        assert found.pid in hosts_in(folder)
        assert found.model == "fake:1 + 2"
        assert found.state == "ready"
        assert await engine.info() == found.engine


async def test_info_starts_the_host_and_loads_the_model(folder: Path) -> None:
    async with client(folder) as engine:
        assert (await engine.info()).model == "fake"
        assert (await status(engine)).state == "ready"


async def test_two_clients_share_one_host(folder: Path) -> None:
    async with client(folder) as first, client(folder) as second:
        await check_fills(first, "1 + 2")
        await check_fills(second, "1 + 2")
        assert (await status(first)).pid == (await status(second)).pid
        assert len(hosts_in(folder)) == 1


async def test_ten_clients_at_once_start_one_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sitecustomize.py").write_text(f"open('{folder}/starts', 'a').write('x')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    engines = [HostClient("fake:x", socket_path=folder / "s.sock") for _ in range(10)]
    for num_rounds in range(1, 4):
        await asyncio.gather(*(check_fills(engine, "x") for engine in engines))
        (process,) = {(await status(engine)).pid for engine in engines}
        assert hosts_in(folder) == [process]
        assert (folder / "starts").read_text() == "x" * num_rounds
        os.kill(process, signal.SIGKILL)
        await until(lambda process=process: process not in hosts_in(folder))  # type: ignore[misc]
    for engine in engines:
        await engine.aclose()


def start_held_host(folder: Path) -> subprocess.Popen[bytes]:
    """A host whose fills stop before their second step for ever."""
    code = (
        "import sys; from pathlib import Path\n"
        "from engine.fake import ScriptedFiller, ThreadGate; from engine.host import serve\n"
        "load = lambda: ScriptedFiller('old', gate=ThreadGate(before=2))\n"
        "serve(Path(sys.argv[1]), load, model='fake:old', idle_seconds=600)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder / "s.sock")], cwd=ROOT)


async def test_a_fill_survives_the_death_of_its_host(folder: Path) -> None:
    held = start_held_host(folder)
    try:
        async with client(folder, "fake:new") as engine:
            await until(lambda: is_up(engine))
            steps: list[int] = []

            def kill_at_the_first_draft(draft: Draft) -> None:
                steps.append(draft.step)
                if held.returncode is None:
                    held.kill()
                    held.wait()

            result = await engine.fill(REQUEST, kill_at_the_first_draft)
            assert result.candidates[0].text == "new"
            assert steps == [1, 1, 2, 3, 4]
            assert (await status(engine)).pid != held.pid
    finally:
        held.kill()
        held.wait()


async def test_a_client_that_is_closed_in_the_middle_of_a_fill_starts_nothing(folder: Path) -> None:
    held = start_held_host(folder)
    try:
        async with client(folder, "fake:new") as engine:
            await until(lambda: is_up(engine))
            drafted = asyncio.Event()
            filling = asyncio.create_task(engine.fill(REQUEST, lambda _: drafted.set()))
            await asyncio.wait_for(drafted.wait(), LIMIT_S)
            await engine.aclose()
            with pytest.raises(EngineUnavailable, match="let go of"):
                await asyncio.wait_for(filling, LIMIT_S)
            with pytest.raises(EngineUnavailable, match="let go of"):
                await engine.fill(REQUEST)
            assert hosts_in(folder) == [held.pid]
    finally:
        held.kill()
        held.wait()


async def test_a_fill_that_kills_every_host_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sitecustomize.py").write_text(
        "import os, engine.fake\n"
        "start = engine.fake.ScriptedFiller.__init__\n"
        "def die(step):\n"
        "    if step == 2:\n"
        f"        open('{folder}/deaths', 'a').write('x')\n"
        "        os.kill(os.getpid(), 9)\n"
        "engine.fake.ScriptedFiller.__init__ = lambda self, script: start(self, script, gate=die)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder) as engine:
        with pytest.raises(EngineUnavailable, match="died twice"):
            await engine.fill(REQUEST)
    assert (folder / "deaths").read_text() == "xx"


async def test_a_client_that_dies_while_it_starts_a_host_lets_another_one_start_it(folder: Path) -> None:
    with lock(folder / "s.sock.start") as is_taken:
        assert is_taken
        async with client(folder) as engine:
            filling = asyncio.create_task(check_fills(engine, "1 + 2"))
            await until((folder / "infill-lsp" / "log" / "host-s.log").exists)
            assert hosts_in(folder) == []
            assert not filling.done()
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")


def test_a_host_that_keeps_ending_is_started_less_and_less_often() -> None:
    now = 0.0
    backoff = launch.Backoff(lambda: now)
    for rest in (0, 0, 1, 2, 4, 8, 16, 32, 60, 60):
        backoff.check()
        backoff.started()
        if rest:
            now += rest - 0.5
            with pytest.raises(EngineUnavailable, match="the next try is in 1 s"):
                backoff.check()
            now += 0.5
    backoff.answered()
    for _ in range(3):
        backoff.check()
        backoff.started()
    with pytest.raises(EngineUnavailable, match="3 times without an answer"):
        backoff.check()


async def test_a_host_that_dies_with_every_fill_is_not_started_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'engine.host' in sys.orig_argv:\n"
        f"    open('{folder}/starts', 'a').write('x')\n"
        "    import engine.fake\n"
        "    engine.fake.ScriptedFiller.__init__ = lambda *_: os.kill(os.getpid(), 9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder) as engine:
        engine._backoff = launch.Backoff(lambda: 0.0)
        with pytest.raises(EngineUnavailable, match="died twice"):
            await engine.fill(REQUEST)
        await engine.warm()
        for _ in range(5):
            with pytest.raises(EngineUnavailable, match="the next try is in"):
                await engine.fill(REQUEST)
    assert (folder / "starts").read_text() == "xxx"


async def test_warming_loads_the_model_and_hides_what_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(folder, start=False) as engine:
        await engine.warm()
        assert hosts_in(folder) == []
    async with client(folder) as engine:
        await engine.warm()
        assert (await status(engine)).state == "ready"
        await engine.stop()
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['uvicorn'] = None")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder) as engine:
        await engine.warm()
        with pytest.raises(EngineUnavailable, match="uvicorn is not installed"):
            await engine.fill(REQUEST)


def start_host_of_another_version(folder: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from engine import sockets; sockets.package_version = lambda: '0.0.1'\n"
        "from engine.host import main; main(['--socket', sys.argv[1], '--model', 'fake:1 + 2'])\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder / "s.sock")], cwd=ROOT)


async def test_a_host_of_another_version_is_not_talked_to(folder: Path) -> None:
    other = start_host_of_another_version(folder)
    try:
        async with client(folder) as engine:
            await until(lambda: is_up(engine))
            for attempt in (engine.fill(REQUEST), engine.info()):
                with pytest.raises(EngineUnavailable, match=r"is of version 0\.0\.1.* serve --stop"):
                    await attempt
            found = await status(engine)
            assert (found.pid, found.version, found.num_fills) == (other.pid, "0.0.1", 0)
            assert await engine.stop()
            assert other.wait(LIMIT_S) == 0
            await check_fills(engine, "1 + 2")
    finally:
        other.kill()
        other.wait()


async def test_a_host_that_does_not_answer_is_ended_by_force(folder: Path) -> None:
    async with client(folder) as engine:
        assert not await engine.stop()
        await check_fills(engine, "1 + 2")
        process = (await status(engine)).pid
        os.kill(process, signal.SIGSTOP)
        assert await engine.stop(patience_s=0.1)
        assert process not in hosts_in(folder)
        await check_fills(engine, "1 + 2")


async def test_a_dead_host_leaves_a_socket_that_the_next_host_replaces(folder: Path) -> None:
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")
        before = (await status(engine)).pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: before not in hosts_in(folder))
        assert (folder / "s.sock").exists()
        await check_fills(engine, "1 + 2")
        assert (await status(engine)).pid != before


async def test_a_host_whose_socket_was_removed_makes_room(folder: Path) -> None:
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")
        before = (await status(engine)).pid
        (folder / "s.sock").unlink()
        await check_fills(engine, "1 + 2")
        assert (await status(engine)).pid != before
        await until(lambda: before not in hosts_in(folder))
        assert (folder / "s.sock").exists()


async def test_a_missing_package_is_named_with_its_remedy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['uvicorn'] = None")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder) as engine:
        with pytest.raises(
            EngineUnavailable, match=r"uvicorn is not installed; install .*: pip install '\.\[local\]' in a clone"
        ):
            await engine.fill(REQUEST)


async def test_a_missing_torch_is_named_with_its_remedy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    async with client(folder, "bundled") as engine:
        with pytest.raises(EngineUnavailable, match=r"pip install '\.\[local\]' in a clone"):
            await engine.info()
        assert (await status(engine)).state == "unloaded"


async def test_a_project_with_an_engine_folder_is_never_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for project in (folder / "project", folder / "infill-lsp" / "log"):
        (project / "engine").mkdir(parents=True)
        (project / "engine" / "__init__.py").write_text("raise SystemExit('run by mistake')")
    monkeypatch.chdir(folder / "project")
    monkeypatch.setenv("PYTHONPATH", str(folder / "project"))
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")


async def test_a_log_that_cannot_be_written_where_it_belongs_stands_beside_the_socket(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "file"))
    async with client(folder) as engine:
        await check_fills(engine, "1 + 2")
    assert log_path(folder / "s.sock") == folder / "s.log"
    assert "loaded fake" in (folder / "s.log").read_text()
    os.chmod(folder, 0o755)  # Anybody may look in, so nobody's log is begun there.
    with pytest.raises(EngineUnavailable, match="log cannot be written"):
        await launch.start_host("fake:1", folder / "other.sock", idle_seconds=1, answers=is_never_there)
    assert not (folder / "other.log").exists()


async def is_never_there() -> bool:
    return False


async def test_without_permission_to_start_a_missing_host_is_an_error(folder: Path) -> None:
    async with client(folder, start=False) as engine:
        with pytest.raises(EngineUnavailable, match="infill-lsp serve"):
            await engine.fill(REQUEST)
    assert hosts_in(folder) == []


async def test_a_host_that_never_answers_ends_the_wait(folder: Path) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(EngineUnavailable, match="did not answer within"):
        await launch.start_host("fake:x", folder / "s.sock", idle_seconds=60, answers=never, limit_s=0)


async def test_a_host_that_finds_the_lock_held_is_not_started_again_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = folder / "starts"
    starts.touch()
    (folder / "sitecustomize.py").write_text(f"open({str(starts)!r}, 'a').write('x')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    now = 0.0
    num_polls_alone = 0

    async def answers() -> bool:
        nonlocal now, num_polls_alone
        if starts.read_text() and not hosts_in(folder):
            num_polls_alone += 1
        if num_polls_alone == 5 and not now:
            assert starts.read_text() == "x"
            now = 1.0
        return starts.read_text() == "xx"

    with (folder / "s.sock.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with asyncio.timeout(LIMIT_S):
            await launch.start_host("fake:x", folder / "s.sock", idle_seconds=60, answers=answers, clock=lambda: now)
    assert num_polls_alone >= 5


def test_what_a_host_of_another_version_says_of_itself_is_read_as_far_as_both_know_it() -> None:
    older = {
        "pid": 7,
        "version": "0.0.1",
        "model": "bundled",
        "state": "ready",
        "engine": {"shape": "other"},
        "mood": 1,
    }
    assert wire.decode_status(older) == wire.HostStatus(7, "0.0.1", "bundled", "ready", None)
