"""Runs the measurements as a process of its own, where torch is, and passes on what they tell."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO

from engine.api import EngineError
from infill_lsp.cli.child import last_line, module_command, module_environment, told

_MODULE = "engine.bench.job"
_ENDS_WITHIN_S = 10.0


def run_job(job: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield what the measurements tell, to their end. Raises EngineError."""
    with tempfile.TemporaryFile() as complaints, _started(complaints) as process:
        with told(process, job, _ENDS_WITHIN_S) as events:
            for event in events:
                if event["event"] == "error":
                    raise EngineError(str(event["text"]))
                yield event
        status = process.returncode
        if status:
            raise EngineError(f"the measurements ended with status {status}: {last_line(complaints)}")


def _started(complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        module_command(_MODULE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        env={**module_environment(), "TOKENIZERS_PARALLELISM": "false"},
        cwd=os.path.abspath(os.sep),  # Nothing is looked up where the user stands.
    )
