"""Start an engine host and wait until it answers.

Several clients may start one at the same time: the hosts agree by a lock, all but one exit at once, and every client
then finds the one that stayed. It knows no requests and no models.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from . import sockets
from .api import EngineUnavailable

_MAX_LOG_BYTES = 1_000_000
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25
_BETWEEN_STARTS_S = 1.0


async def start_host(
    model: str,
    socket_path: Path,
    *,
    idle_seconds: float,
    critic: str | None = None,
    answers: Callable[[], Awaitable[bool]],
    limit_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Start a host and return once `answers` says that one listens at the socket. Raises EngineUnavailable.

    `critic` names what judges fills, see `engine.host`.
    A host that leaves quietly has found another one at work on the same socket. That other may be about to exit, so
    after a second without an answer the start is tried again.
    """
    process = None
    offset = 0
    pause = _FIRST_PAUSE_S
    log = _open_log(socket_path)
    deadline = clock() + limit_s
    next_start = clock()
    while not await answers():
        if clock() > deadline:
            raise EngineUnavailable(f"The engine host did not answer within {limit_s:g} s; see {log}.")
        status = None if process is None else process.poll()
        if status:
            reason = _last_line(log, offset) or f"it ended with status {status}"
            raise EngineUnavailable(f"The engine host could not start: {reason}")
        if (process is None or status == 0) and clock() >= next_start:
            next_start = clock() + _BETWEEN_STARTS_S
            offset = log.stat().st_size
            process = _spawn(model, socket_path, idle_seconds, critic, log)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _spawn(
    model: str, socket_path: Path, idle_seconds: float, critic: str | None, log: Path
) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}
    # -P, and a working folder of our own: the user's project may hold an `engine` folder, which must never be run.
    command = [sys.executable, "-P", "-m", "engine.host", "--socket", str(socket_path), "--model", model]
    command += ["--idle-seconds", f"{idle_seconds:g}"]
    command += [] if critic is None else ["--critic", critic]
    try:
        with log.open("ab") as stderr:
            process = subprocess.Popen(
                command,
                cwd=log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
    except OSError as error:
        raise EngineUnavailable(f"The engine host could not start: {error}") from error
    # Somebody has to wait for the child, or it stays behind as a zombie for as long as this process lives.
    threading.Thread(target=process.wait, name="engine-host-reaper", daemon=True).start()
    return process


def _open_log(socket_path: Path) -> Path:
    log = sockets.log_path(socket_path)
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("ab") as stream:
            if stream.tell() > _MAX_LOG_BYTES:
                stream.truncate(0)
    except OSError as error:
        raise EngineUnavailable(f"The engine host's log cannot be written: {error}") from error
    return log


def _last_line(log: Path, offset: int) -> str:
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = stream.read(_MAX_LOG_BYTES).decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
