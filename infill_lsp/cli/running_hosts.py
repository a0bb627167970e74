"""`infill-lsp serve --status` and `--stop`: the engine hosts of this user, whichever editor started them.

Hosts of other versions are among them. Nothing is started or loaded here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.api import EngineError
from engine.client import HostClient, found_hosts
from infill_lsp.cli.choices import settings_for

_PATIENCE_S = 3.0
_NONE = "no engine host is running"


def show_hosts(socket: Path | None, *, model: str | None, as_json: bool) -> int:
    """Say what each host does, a line for each or one JSON object."""
    rows = asyncio.run(_rows(socket and socket.absolute(), _wanted(model)))
    if as_json:
        print(json.dumps({"hosts": rows}))
        return 0
    for row in rows:
        print(_line(row))
    if not rows:
        print(_NONE)
    return 0


def stop_hosts(socket: Path | None, *, model: str | None) -> int:
    """End the hosts, or that of one model, and wait until their memory is free. Raises EngineError."""
    stopped = asyncio.run(_stopped(socket and socket.absolute(), _wanted(model)))
    for row in stopped:
        print(f"stopped {row['model'] or row['socket']}" + (f" (process {row['pid']})" if row["pid"] else ""))
    if not stopped:
        print(_NONE)
    return 0


def _wanted(model: str | None) -> str | None:
    return None if model is None else HostClient(settings_for(Path.cwd(), model).model).model


async def _rows(socket: Path | None, model: str | None) -> list[dict[str, object]]:
    return [row async for _, row in _found(socket, model)]


async def _stopped(socket: Path | None, model: str | None) -> list[dict[str, object]]:
    # Who did not say what it does is not given the same time once more.
    return [row async for client, row in _found(socket, model) if await client.stop(_PATIENCE_S if row["pid"] else 0.1)]


async def _found(socket: Path | None, model: str | None) -> AsyncIterator[tuple[HostClient, dict[str, object]]]:
    """Yield the hosts that serve, each with what it says; of a host that does not answer, nothing but its place."""
    clients = found_hosts() if socket is None else [HostClient(socket_path=socket, start=False)]
    for client in clients:
        async with _closing(client):
            row = await _row(client)
            if row is not None and model in (None, row["model"]):
                yield client, row


async def _row(client: HostClient) -> dict[str, object] | None:
    row: dict[str, object] = dict.fromkeys(
        ("pid", "version", "model", "state", "uptime_s", "num_fills", "memory_bytes", "device_bytes")
    )
    row["socket"] = str(client.socket_path)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            status = await client.status()
    except (TimeoutError, EngineError):
        return row
    if status is None:
        return None
    row |= {name: getattr(status, name) for name in row if name != "socket"}
    return row | {"uptime_s": round(status.uptime_s, 1)}


def _line(row: dict[str, object]) -> str:
    if row["pid"] is None:
        return f"{row['socket']}: does not answer (infill-lsp serve --stop ends it)"
    parts = [
        f"{row['model']}: {row['state']}",
        f"process {row['pid']}",
        f"version {row['version']}",
        f"up {_duration(row['uptime_s'])}",
        f"{row['num_fills']} fill{'' if row['num_fills'] == 1 else 's'}",
    ]
    for key, where in (("memory_bytes", "MB"), ("device_bytes", "MB on the device")):
        if isinstance(held := row[key], int):
            parts.append(f"{held / 1e6:.0f} {where}")
    return ", ".join(parts)


def _duration(seconds: object) -> str:
    assert isinstance(seconds, float)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@asynccontextmanager
async def _closing(client: HostClient) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await client.aclose()
