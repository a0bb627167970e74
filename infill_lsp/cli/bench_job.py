"""Runs the measurements as a process of its own, where torch is, and passes on what they tell."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from engine.api import EngineError
from infill_lsp.cli.child import module_command, module_environment

_MODULE = "engine.bench.job"
_ENDS_WITHIN_S = 10.0


def run_job(job: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield what the measurements tell, to their end. Raises EngineError."""
    with tempfile.TemporaryFile() as complaints, _started(complaints) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin:  # It may end before it was told everything.
                process.stdin.write(json.dumps(job).encode())
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "error":
                    raise EngineError(str(event["text"]))
                yield event
            status = process.wait()
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ENDS_WITHIN_S)
            raise
        if status:
            raise EngineError(f"the measurements ended with status {status}: {_last_line(complaints)}")


def _started(complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        module_command(_MODULE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env={**module_environment(), "TOKENIZERS_PARALLELISM": "false"},
        cwd=os.path.abspath(os.sep),  # Nothing is looked up where the user stands.
    )


def _last_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
