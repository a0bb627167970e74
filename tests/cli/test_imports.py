"""What may be loaded when: an editor waits for the server's start, so heavy packages stay out of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from run_cli import run_cli

HEAVY = {"torch", "transformers", "safetensors", "tokenizers", "numpy", "starlette", "uvicorn"}
COMMAND_LINE = {"typer", "rich", "httpx"}


def modules_after(code: str, *arguments: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level modules that it loaded."""
    report = "import sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    program = f"import atexit; atexit.register(lambda: exec({report!r})); {code}"
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    return set(done.stderr.decode().splitlines()[-1].split())


def test_the_probe_sees_what_is_loaded() -> None:
    assert {"json", "sqlite3"} <= modules_after("import json, sqlite3")


@pytest.mark.parametrize("module", ["infill_lsp", "infill_lsp.__main__", "infill_lsp.server", "engine.client"])
def test_importing_loads_no_heavy_package(module: str) -> None:
    assert not modules_after(f"import {module}") & (HEAVY | COMMAND_LINE)


def test_the_command_line_loads_no_heavy_package() -> None:
    assert not modules_after("import infill_lsp.cli.app, infill_lsp.cli.doctor, infill_lsp.cli.demo") & HEAVY


def test_the_version_loads_nothing_but_itself() -> None:
    loaded = modules_after("from infill_lsp.__main__ import main; main()", "--version")
    assert not loaded & (HEAVY | COMMAND_LINE | {"pygls", "lsprotocol", "tree_sitter"})


def test_the_server_starts_without_the_command_line() -> None:
    loaded = modules_after("from infill_lsp.__main__ import main; main()", "--stdio")
    assert "pygls" in loaded
    assert not loaded & (HEAVY | COMMAND_LINE)


def test_the_version_is_printed() -> None:
    from infill_lsp import __version__

    for arguments in (["--version"], ["--version", "fill"]):
        ran = run_cli(*arguments)
        assert (ran.status, ran.stdout, ran.stderr) == (0, f"infill-lsp {__version__}\n", "")
