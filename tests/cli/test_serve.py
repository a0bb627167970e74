"""`infill-lsp serve`: the engine host in the foreground, wherever the user stands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_cli import check_mistake, run_cli

from engine.api import FillRequest
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


def filled(model: str) -> int:
    """Fill a hole with a host of this model, as an editor does, and return its process."""

    async def fill() -> int:
        client = HostClient(model, idle_seconds=60)
        try:
            await client.fill(FillRequest("x = ", ""))
            status = await client.status()
            assert status is not None
            return status.pid
        finally:
            await client.aclose()

    return asyncio.run(fill())


def check_hosts(*models: str, arguments: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """`serve --status --json` names hosts of these models, and says of each what it does."""
    ran = run_cli("serve", "--status", "--json", *arguments)
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout.count("\n") == 1
    hosts: list[dict[str, object]] = json.loads(ran.stdout)["hosts"]
    assert sorted(str(host["model"]) for host in hosts) == sorted(models)
    for host in hosts:
        assert (host["state"], host["num_fills"], host["device_bytes"]) == ("ready", 1, None)
        assert float(str(host["uptime_s"])) > 0
        assert sys.platform != "linux" or int(str(host["memory_bytes"])) > 1_000_000
    return hosts


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return not listing.stdout.strip() or listing.stdout.startswith("Z")


def test_the_hosts_of_all_models_are_shown_and_stopped(private_folders: Path) -> None:
    assert run_cli("serve", "--status").stdout == "no engine host is running\n"
    first, second = filled("fake:1"), filled("fake:2")
    assert {host["pid"] for host in check_hosts("fake:1", "fake:2")} == {first, second}
    shown = run_cli("serve", "--status", "--model", "fake:1").stdout
    assert shown.startswith(f"fake:1: ready, process {first}, version ")
    assert ", 1 fill, " in shown
    assert shown.count("\n") == 1
    ran = run_cli("serve", "--stop", "--model", "fake:1")
    assert (ran.status, ran.stdout) == (0, f"stopped fake:1 (process {first})\n")
    assert is_gone(first)
    check_hosts("fake:2")
    check_hosts(arguments=("--model", "fake:1"))
    assert run_cli("serve", "--stop").stdout == f"stopped fake:2 (process {second})\n"
    assert is_gone(second)
    assert run_cli("serve", "--stop").stdout == "no engine host is running\n"


def test_a_host_that_does_not_answer_is_shown_and_stopped(private_folders: Path) -> None:
    process = filled("fake:1")
    os.kill(process, signal.SIGSTOP)
    assert "does not answer" in run_cli("serve", "--status").stdout
    assert run_cli("serve", "--stop").stdout.startswith("stopped ")
    assert is_gone(process)


@pytest.mark.parametrize("arguments", [["--status", "--stop"], ["--json"], ["--stop", "--idle-minutes", "1"]])
def test_options_that_contradict_each_other(arguments: list[str]) -> None:
    check_mistake("serve", *arguments, says="--status")
