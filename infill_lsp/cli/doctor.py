"""`infill-lsp doctor`: run every check and report; exit status 1 when one of them fails.

It looks without touching: no engine is started and no weights are loaded unless `--load` asks for it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from engine.api import EngineError
from engine.client import HostClient
from infill_lsp import __version__
from infill_lsp.cli.checkpoint_check import check_checkpoint
from infill_lsp.cli.choices import engine_for, settings_for
from infill_lsp.cli.finding import Finding, print_findings
from infill_lsp.cli.machine_checks import (
    check_accelerator,
    check_grammars,
    check_local_extra,
    check_neovim,
    check_packages,
    check_python,
)
from infill_lsp.cli.tune_check import check_tuned


def examine(*, as_json: bool, load: bool) -> int:
    """Print the report and return the exit status."""
    findings = asyncio.run(_findings(load=load))
    healthy = all(finding.level != "fail" for finding in findings)
    if as_json:
        report = {"version": __version__, "ok": healthy, "checks": [finding.as_object() for finding in findings]}
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        print_findings(findings)
    return 0 if healthy else 1


async def _findings(*, load: bool) -> list[Finding]:
    settings = settings_for(Path.cwd(), None)
    engine = engine_for(settings)
    try:
        findings = [
            check_python(),
            check_packages(),
            check_local_extra(),
            check_grammars(),
            check_checkpoint(settings.model),
            check_tuned(),
            check_socket(engine),
        ]
        if load:
            findings.append(await check_loading(engine))
        return [*findings, await check_host(engine), check_accelerator(), check_neovim()]
    finally:
        await engine.aclose()


def check_socket(engine: HostClient) -> Finding:
    """The folder of the engine's socket is private and writable."""
    try:
        folder = engine.socket_path.parent
    except EngineError as error:
        return Finding("socket", "fail", str(error), "set XDG_RUNTIME_DIR to a folder of your own")
    return Finding("socket", "ok", f"{folder} is private and writable", facts={"path": str(engine.socket_path)})


async def check_host(engine: HostClient) -> Finding:
    """A running engine host answers; none is fine, since the first fill starts one."""
    try:
        status = await engine.status()
    except EngineError as error:
        return Finding("engine host", "fail", str(error), "end that process, or remove its socket")
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
    return Finding("engine host", "ok", text, facts=facts)


async def check_loading(engine: HostClient) -> Finding:
    """The engine starts and the checkpoint loads."""
    started = time.monotonic()
    try:
        info = await engine.info()
    except EngineError as error:
        return Finding("loading", "fail", str(error), "the other lines say what is missing")
    seconds = time.monotonic() - started
    text = f"{info.model}, {info.num_parameters / 1e6:.1f} M parameters, ready after {seconds:.1f} s on {info.device}"
    return Finding(
        "loading", "ok", text, facts={"model": info.model, "seconds": round(seconds, 2), "device": info.device}
    )
