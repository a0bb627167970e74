"""`infill-lsp doctor`: run every check and report; exit status 1 when one of them ends in an error.

All but the fill look without touching; the fill starts the engine host as an editor would.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path

from infill_lsp import __version__
from infill_lsp.cli.checkpoint_check import check_checkpoint, check_plan
from infill_lsp.cli.choices import reading_for
from infill_lsp.cli.device_check import check_accelerator
from infill_lsp.cli.editor_checks import check_editors
from infill_lsp.cli.engine_checks import check_fill, check_host, check_socket
from infill_lsp.cli.finding import Finding, print_findings
from infill_lsp.cli.machine_checks import (
    check_command,
    check_grammars,
    check_local_extra,
    check_packages,
    check_python,
)
from infill_lsp.cli.settings_checks import check_log, check_settings
from infill_lsp.cli.tune_check import check_tuned
from infill_lsp.engines import client_for


def examine(*, as_json: bool, fill: bool) -> int:
    """Print the report and return the exit status."""
    findings = asyncio.run(_findings(fill=fill))
    healthy = all(finding.level != "error" for finding in findings)
    if as_json:
        report = {"version": __version__, "ok": healthy, "checks": [finding.as_object() for finding in findings]}
        sys.stdout.write(json.dumps(report) + "\n")
    else:
        print_findings(findings)
    return 0 if healthy else 1


async def _findings(*, fill: bool) -> list[Finding]:
    reading = reading_for(Path.cwd(), None)
    settings = reading.settings
    async with aclosing(client_for(settings, settings.model)) as engine:
        checkpoint = check_checkpoint(settings.model)
        num_bytes = checkpoint.facts.get("bytes", 0)
        assert isinstance(num_bytes, int)
        findings = [
            check_python(),
            check_command(),
            check_packages(),
            check_local_extra(),
            check_grammars(),
            check_settings(reading),
            checkpoint,
            check_tuned(),
            # What a large one needs of the device depends on its precision.
            check_accelerator(num_bytes if (plan := check_plan(checkpoint)) is None else 0),
            *([] if plan is None else [plan]),
            check_socket(engine),
            await check_host(engine),
        ]
        # A fill would only say again what is wrong.
        if fill and all(finding.level != "error" for finding in findings):
            findings.append(await check_fill(engine, settings))
        return [*findings, *check_editors(), check_log()]
