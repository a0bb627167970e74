"""The checks of `doctor` that ask the engine: its socket, its host, and a real fill with its time."""

from __future__ import annotations

import asyncio
import time

from engine.api import EngineError
from engine.client import HostClient
from infill_lsp.cli.finding import Finding
from infill_lsp.fill import fill
from infill_lsp.holes.hole import NoHole, hole_at
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document

_PATIENCE_S = 300.0
_SAMPLE = "def area(width: float, height: float) -> float:\n    # The area of a rectangle.\n    return "


def check_socket(engine: HostClient) -> Finding:
    """The folder of the engine's socket is private and writable."""
    try:
        folder = engine.socket_path.parent
    except EngineError as error:
        return Finding("socket", "error", str(error), "set XDG_RUNTIME_DIR to a folder of your own")
    return Finding("socket", "ok", f"{folder} is private and writable", facts={"path": str(engine.socket_path)})


async def check_host(engine: HostClient) -> Finding:
    """A running engine host answers; none is fine, since the first fill starts one."""
    try:
        status = await engine.status()
    except EngineError as error:
        return Finding("engine host", "error", str(error), "end it: infill-lsp serve --stop")
    if status is None:
        return Finding("engine host", "ok", "not running; the first fill starts it", facts={"pid": None})
    facts: dict[str, object] = {
        "pid": status.pid,
        "state": status.state,
        "model": status.model,
        "version": status.version,
    }
    text = f"process {status.pid}, model {status.model}, {status.state}"
    if status.engine is not None:
        facts |= {"device": status.engine.device, "dtype": status.engine.dtype}
        text += f", on {status.engine.device} in {status.engine.dtype}"
        if status.engine.plan:
            facts["plan"] = status.engine.plan
            text += f"; {status.engine.plan}"
    return Finding("engine host", "ok", text, facts=facts)


async def check_fill(engine: HostClient, settings: Settings) -> Finding:
    """The engine starts, the checkpoint loads, and a hole is filled as in an editor; each with its time."""
    document = Document("file:///doctor.py", 1, _SAMPLE + "\n", "python").snapshot()
    hole = hole_at(document, len(_SAMPLE))
    assert not isinstance(hole, NoHole)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            began = time.monotonic()
            info = await engine.info()
            ready = time.monotonic()
            outcome = await fill(document, hole, engine, settings)
            filled_ms = (time.monotonic() - ready) * 1000
    except EngineError as error:
        return Finding("fill", "error", str(error), "repair what the other lines name; the log below says more")
    except TimeoutError:
        text = f"no fill within {_PATIENCE_S:g} s"
        return Finding("fill", "error", text, "end the engine host and try again: infill-lsp serve --stop")
    facts: dict[str, object] = {
        "model": info.model,
        "device": info.device,
        "ready_s": round(ready - began, 2),
        "fill_ms": round(filled_ms),
        "passes": outcome.passes,
    }
    text = f"{filled_ms:.0f} ms for {outcome.passes} passes on {info.device}, after {ready - began:.1f} s to get ready"
    if not outcome.suggestions:
        return Finding(
            "fill", "warning", f"{text}, and nothing to show: {outcome.reason}", "choose another model", facts
        )
    return Finding("fill", "ok", text, facts=facts)
