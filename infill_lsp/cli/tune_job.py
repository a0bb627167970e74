"""Runs the tuning as a process of its own, where torch is, and passes on what it tells.

The first Ctrl-C asks it to end early with the best so far; a second one ends it with nothing kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import IO

from engine.api import EngineError
from infill_lsp.cli.child import last_line, module_command, module_environment, told
from infill_lsp.cli.mistake import Mistake

_MODULE = "engine.training.tune_job"
_CLEARS_UP_WITHIN_S = 20.0
_INTERRUPTED = frozenset({130, -signal.SIGINT, -signal.SIGTERM})
# With glibc: memory is kept from step to step and not given back to the system and fetched again.
_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
}


def run_job(job: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield what the tuning tells, to its end. Raises Mistake, EngineError, KeyboardInterrupt."""
    with tempfile.TemporaryFile() as complaints, _started(complaints) as process, _passing_on(process):
        with told(process, job, _CLEARS_UP_WITHIN_S) as events:
            for event in events:
                if event["event"] == "error":
                    raise (Mistake if event["kind"] == "mistake" else EngineError)(str(event["text"]))
                yield event
        status = process.returncode
        if status in _INTERRUPTED:
            raise KeyboardInterrupt
        if status:
            raise EngineError(f"the tuning ended with status {status}: {last_line(complaints)}")


@contextlib.contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass the first Ctrl-C on to the process, wherever this one is just then; a second one is raised here."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process.send_signal(signal.SIGINT)
        print("ending early: what was learnt is judged (Ctrl-C again drops it)", file=sys.stderr)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _started(complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {**_MEMORY, **module_environment(), "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.Popen(
        module_command(_MODULE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env=environment,
        cwd=os.path.abspath(os.sep),  # Nothing is looked up where the user stands.
        start_new_session=True,  # The terminal's Ctrl-C comes here alone, and is passed on.
    )
