"""Start an engine host and wait until it answers.

Where several clients want one at the same time, one of them starts it and the others wait for it: they agree by a lock.
Hosts have a lock of their own besides, so that never two of them serve. It knows no requests and no models.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from . import sockets
from .address import lock
from .api import EngineUnavailable

_MAX_LOG_BYTES = 1_000_000
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25
_BETWEEN_STARTS_S = 1.0

_FREE_STARTS = 3
_FIRST_REST_S = 1.0
_LONGEST_REST_S = 60.0


class Backoff:
    """How soon a host that keeps ending may be started again: three times at once, then after 1, 2, 4... 60 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._num_starts = 0  # since an answer
        self._may_start = clock()

    def check(self) -> None:
        """Allow a start now. Raises EngineUnavailable, saying when."""
        if (rest := self._may_start - self._clock()) > 0:
            times = f"{self._num_starts} times without an answer"
            raise EngineUnavailable(f"The engine host was started {times}; the next try is in {max(1, round(rest))} s.")

    def started(self) -> None:
        """Note a start, whatever becomes of it."""
        self._num_starts += 1
        exponent = min(self._num_starts - _FREE_STARTS, 30)
        rest = min(_FIRST_REST_S * 2.0**exponent, _LONGEST_REST_S) if exponent >= 0 else 0.0
        self._may_start = self._clock() + rest

    def answered(self) -> None:
        """Note that a host does what it should."""
        self._num_starts = 0
        self._may_start = self._clock()


async def start_host(
    model: str,
    socket_path: Path,
    *,
    idle_seconds: float,
    critic: str | None = None,
    precision: str = "auto",
    answers: Callable[[], Awaitable[bool]],
    limit_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Start a host and return once `answers` says that one listens at the socket. Raises EngineUnavailable.

    `critic` names what judges fills and `precision` how weights are kept, see `engine.host`.
    A host that leaves quietly has found another one at work on the same socket. That other may be about to exit, so
    after a second without an answer the start is tried again.
    """
    log = _open_log(socket_path)
    deadline = clock() + limit_s
    process = None
    offset = 0
    pause = _FIRST_PAUSE_S
    next_start = clock()
    with contextlib.ExitStack() as turn:
        is_our_turn = False
        while not await answers():
            if clock() > deadline:
                raise EngineUnavailable(f"The engine host did not answer within {limit_s:g} s; see {log}.")
            is_our_turn = is_our_turn or _take(turn, socket_path)
            status = None if process is None else process.poll()
            if status:
                reason = _last_line(log, offset) or f"it ended with status {status}"
                raise EngineUnavailable(f"The engine host could not start: {reason}")
            if is_our_turn and (process is None or status == 0) and clock() >= next_start:
                next_start = clock() + _BETWEEN_STARTS_S
                offset = log.stat().st_size
                process = _spawn(model, socket_path, idle_seconds, critic, precision, log)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _take(turn: contextlib.ExitStack, socket_path: Path) -> bool:
    """Try to become the one that starts hosts at this socket, until the stack is closed."""
    try:
        sockets.make_private(socket_path.parent)
        with contextlib.ExitStack() as trying:
            if trying.enter_context(lock(Path(f"{socket_path}.start"))):
                turn.enter_context(trying.pop_all())
                return True
    except OSError as error:
        raise EngineUnavailable(f"The engine host could not start: {error}") from None
    return False


def _spawn(
    model: str, socket_path: Path, idle_seconds: float, critic: str | None, precision: str, log: Path
) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}
    # -P, and a working folder of our own: the user's project may hold an `engine` folder, which must never be run.
    command = [sys.executable, "-P", "-m", "engine.host", "--socket", str(socket_path), "--model", model]
    command += ["--idle-seconds", f"{idle_seconds:g}"]
    command += [] if critic is None else ["--critic", critic]
    command += [] if precision == "auto" else ["--precision", precision]
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
    """Find a place for the log: beside the socket where its folder cannot be written. No fill may fail for a log."""
    problem: OSError | None = None
    for log in sockets.log_places(socket_path):
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if log.parent == socket_path.parent:
                sockets.check_private(log.parent)  # Nobody else may say what the log is.
            with log.open("ab") as stream:
                if stream.tell() > _MAX_LOG_BYTES:
                    stream.truncate(0)
        except OSError as error:
            problem = problem or error
        else:
            return log
    raise EngineUnavailable(f"The engine host's log cannot be written: {problem}")


def _last_line(log: Path, offset: int) -> str:
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = stream.read(_MAX_LOG_BYTES).decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
