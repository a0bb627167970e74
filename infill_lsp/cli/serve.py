"""`infill-lsp serve`: this process becomes the engine host, in the foreground.

The host is a module of the engine, which nothing here imports: it is run in place of this process.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import sys
from pathlib import Path

from engine.api import EngineUnavailable
from engine.client import HostClient
from infill_lsp.cli.child import module_command, module_environment
from infill_lsp.cli.choices import settings_for
from infill_lsp.cli.machine_checks import LOCAL_EXTRA_ADVICE
from infill_lsp.cli.mistake import Mistake
from infill_lsp.context.context import CRITIC
from infill_lsp.engines import model_of


def serve_engine(socket: Path | None, *, model: str | None, idle_minutes: float | None) -> int:
    """Replace this process by the engine host. Raises Mistake, EngineError; returns only when it cannot."""
    settings = settings_for(Path.cwd(), model, needs_model=True)
    minutes = settings.idle_minutes if idle_minutes is None else idle_minutes
    if not (math.isfinite(minutes) and minutes > 0):
        raise Mistake(f"--idle-minutes takes a number above 0, not {minutes:g}")
    if socket is not None and not socket.absolute().parent.is_dir():
        raise Mistake(f"{socket} cannot be a socket: its folder does not exist")
    if any(importlib.util.find_spec(package) is None for package in ("starlette", "uvicorn", "prometheus_client")):
        raise EngineUnavailable(LOCAL_EXTRA_ADVICE)
    client = HostClient(model_of(settings), socket_path=socket and socket.absolute(), precision=settings.precision)
    if (other := asyncio.run(_process_at(client))) is not None:
        raise Mistake(f"process {other} already serves on {client.socket_path}; end it to serve here instead")
    print(f"serving {client.model} on {client.socket_path} (Ctrl-C stops)", file=sys.stderr, flush=True)
    command = module_command("engine.host")
    command += ["--socket", str(client.socket_path), "--model", client.model, "--idle-seconds", f"{minutes * 60:g}"]
    command += ["--critic", CRITIC, "--precision", settings.precision]
    os.execve(command[0], command, module_environment())


async def _process_at(client: HostClient) -> int | None:
    """Find the process of a host that answers at the client's socket."""
    try:
        status = await client.status()
        return None if status is None else status.pid
    finally:
        await client.aclose()
