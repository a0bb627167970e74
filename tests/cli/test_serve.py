"""`infill-lsp serve`: the engine host in the foreground, wherever the user stands."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

from run_cli import check_mistake

from engine.client import HostClient
from engine.wire import HostStatus

_LIMIT_SECONDS = 60
_POLL_SECONDS = 0.02


def wait_for_host(socket: Path, server: subprocess.Popen[bytes]) -> HostStatus:
    """Poll the socket until a host answers there."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if status := asyncio.run(status_of(socket)):
            return status
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"no host at {socket}; exit status {server.poll()}")


async def status_of(socket: Path) -> HostStatus | None:
    client = HostClient(socket_path=socket, start=False)
    try:
        return await client.status()
    finally:
        await client.aclose()


def test_serves_in_the_foreground_until_interrupted(private_folders: Path) -> None:
    # The user's project holds an `engine` of its own, which must not be run.
    project = private_folders / "project"
    (project / "engine").mkdir(parents=True)
    (project / "engine/__init__.py").write_text("raise SystemExit('the wrong engine')\n")
    program = "import sys; sys.path.remove(''); from infill_lsp.__main__ import main; sys.exit(main())"
    socket = private_folders / "host.sock"
    server = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--socket", str(socket), "--model", "fake:1"],
        cwd=project,
        stderr=subprocess.PIPE,
    )
    try:
        status = wait_for_host(socket, server)
        assert status.pid == server.pid
        assert status.model == "fake:1"
        check_mistake(
            "serve", "--socket", socket, "--model", "fake:2", says=f"process {server.pid} already serves on {socket}"
        )
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=_LIMIT_SECONDS)
    finally:
        server.kill()
        server.wait()
    assert f"serving fake:1 on {socket}" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert not socket.exists()
