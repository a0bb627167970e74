"""The real server over real stdio, with an engine that does what a document's first line tells it.

`# {"texts": [...], "confidences": [...], "reason": ..., "error": ..., "hold": true}`: the candidates and how sure the
engine is of them, or why there is none; an engine error to raise; whether the fill waits before its second step until
the process gets SIGUSR1. `"replace": {old: new}`, `"most_holes": 1` and what braces in texts stand for are those of
`engine.fake.Script`. No such line means "1 + 2".
The model "fake:rewriting=no,several_holes=no,instructions=yes" says what the engine can do.
`python -m tests.infill_lsp.scripted_server [PARENT_POLL_SECONDS]`
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import infill_lsp.server
from engine.api import CheckpointError, Draft, EngineInfo, EngineUnavailable, FillRequest, FillResult, RequestError
from engine.fake import Script, ScriptedEngine
from infill_lsp.settings.settings import Settings
from infill_lsp.transport.stdio import run_stdio

_ERRORS = {"unavailable": EngineUnavailable, "checkpoint": CheckpointError, "request": RequestError}


class DirectedEngine:
    """An Engine whose script is the first line of the text before the hole."""

    def __init__(self, model: str) -> None:
        self._abilities = dict(re.findall(r"(rewriting|several_holes|instructions)=(yes|no)", model))
        self._waiting: list[asyncio.Event] = []
        self._listens = False

    async def warm(self) -> None:
        print("the engine was warmed", file=sys.stderr)

    async def info(self) -> EngineInfo:
        info = await ScriptedEngine("").info()
        changed: dict[str, Any] = {name: answer == "yes" for name, answer in self._abilities.items()}
        return replace(info, capabilities=replace(info.capabilities, **changed))

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        if not self._listens:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._open)
            self._listens = True
        direction = _direction(request.prefix)
        if direction.get("bug"):
            raise ZeroDivisionError("a bug in an engine")
        if "error" in direction:
            raise _ERRORS[direction["error"]]("the engine cannot answer; do this and that")
        script = Script(
            tuple(direction.get("texts", ["1 + 2"])),
            reason=direction.get("reason"),
            confidences=tuple(direction.get("confidences", [])),
            replace=tuple(direction.get("replace", {}).items()),
            most_holes=direction.get("most_holes"),
        )
        gate = self._gate if direction.get("hold") else None
        return await ScriptedEngine(script, gate=gate).fill(request, on_draft)

    async def aclose(self) -> None:
        print("the engine was closed", file=sys.stderr)

    async def _gate(self, step: int) -> None:
        if step == 2:
            opened = asyncio.Event()
            self._waiting.append(opened)
            await opened.wait()

    def _open(self) -> None:
        for each in self._waiting:
            each.set()
        self._waiting.clear()


def _direction(prefix: str) -> dict[str, Any]:
    line = re.split(r"[\r\n]", prefix.lstrip("\ufeff"), maxsplit=1)[0]
    comment = re.match(r"(?:#|//|--) (\{.*)", line)
    parsed: dict[str, Any] = json.loads(comment[1]) if comment else {}
    return parsed


def make_engine(settings: Settings) -> DirectedEngine:
    """Make the engine and let it print, as foreign code does: none of it may reach the client."""
    print("a stray line on standard output")
    print("another one", file=sys.__stdout__, flush=True)
    os.write(1, b"and one from a library below Python\n")
    return DirectedEngine(settings.model)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server = infill_lsp.server.Server(make_engine)
        sys.exit(run_stdio(server.protocol, server.session.aclose, parent_poll_s=float(sys.argv[1])))
    sys.exit(infill_lsp.server.serve_stdio(make_engine=make_engine))
