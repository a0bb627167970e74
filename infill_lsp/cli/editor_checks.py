"""The checks of `doctor` that look for editors, and for what lets them use the server.

Only files are looked at, and no editor's configuration is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from infill_lsp.cli.finding import Finding

_OLDEST_NEOVIM = (0, 11)
_PATIENCE_S = 10
_CONFIG_FILE = "lsp/infill_lsp.lua"
_NAMED = re.compile(r"infill[-_]lsp")
_MAX_FILES, _MAX_BYTES = 500, 200_000
_VSCODE_FOLDERS = (".vscode", ".vscode-insiders", ".vscode-oss", ".vscode-server", ".cursor", ".windsurf")
_NEOVIM_ADVICE = "add editors/neovim to the runtimepath in {folder}/init.lua and enable it, see docs/editors.md"
_VSCODE_ADVICE = "install the extension, see docs/editors.md"


def check_editors() -> list[Finding]:
    """Neovim and VS Code. An editor that is not set up is worth a warning where no other one is."""
    findings = [check_neovim(), check_vscode()]
    if any(finding.facts.get("integration") for finding in findings):
        return [each if each.facts.get("is_old") else _as_ok(each) for each in findings]
    return findings


def check_neovim() -> Finding:
    """Neovim, and our file in its configuration."""
    binary = shutil.which("nvim")
    if binary is None:
        return Finding("neovim", "ok", "not on the PATH; needed only to use infill-lsp in it")
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return Finding("neovim", "warning", f"{binary} does not run", "install it again")
    version = re.search(r"v(\d+)\.(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_NEOVIM:
        found = version[0] if version else "of an unknown version"
        advice = "install Neovim 0.11 or newer: the plugin does not work in older ones"
        return Finding("neovim", "warning", f"{binary} is {found}", advice, {"is_old": True})
    config = _config_folder()
    integration = _neovim_integration(config)
    if integration is None:
        text = f"{version[0]} at {binary}, which does not know infill-lsp: there is no {_CONFIG_FILE}"
        return Finding("neovim", "warning", text, _NEOVIM_ADVICE.format(folder=config), {"integration": None})
    text = f"{version[0]} at {binary}, set up by {integration}"
    return Finding("neovim", "ok", text, facts={"integration": str(integration)})


def check_vscode() -> Finding:
    """An extension for VS Code, or for an editor made of it."""
    places = [Path.home() / name / "extensions" for name in _VSCODE_FOLDERS]
    if given := os.environ.get("VSCODE_EXTENSIONS"):
        places.insert(0, Path(given))
    places = [place for place in places if place.is_dir()]
    if not places:
        return Finding("vs code", "ok", "not found; needed only to use infill-lsp in it")
    for place in places:
        for manifest in sorted(place.glob("*infill*/package.json")):
            if (version := _extension_version(manifest)) is not None:
                text = f"extension {version} in {manifest.parent}"
                return Finding("vs code", "ok", text, facts={"integration": str(manifest.parent)})
    text = f"no extension for infill-lsp in {places[0]}"
    return Finding("vs code", "warning", text, _VSCODE_ADVICE, {"integration": None})


def _as_ok(finding: Finding) -> Finding:
    return Finding(finding.check, "ok", finding.text, None, finding.facts)


def _extension_version(manifest: Path) -> str | None:
    try:
        described = json.loads(manifest.read_bytes()[:_MAX_BYTES])
        return str(described["version"]) if _NAMED.search(str(described["name"])) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _config_folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / os.environ.get("NVIM_APPNAME", "nvim")


def _neovim_integration(config: Path) -> Path | None:
    """Find our file where Neovim or its plugin managers keep such, or a configuration that names the server."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / config.name
    patterns = (_CONFIG_FILE, f"after/{_CONFIG_FILE}", f"pack/*/*/*/{_CONFIG_FILE}")
    packages = (
        f"site/pack/*/*/*/{_CONFIG_FILE}",
        f"site/pack/*/*/*/editors/neovim/{_CONFIG_FILE}",
        f"site/{_CONFIG_FILE}",
    )
    managers = (f"lazy/*/{_CONFIG_FILE}", f"lazy/*/editors/neovim/{_CONFIG_FILE}")
    for folder, globs in ((config, patterns), (data, (*packages, *managers))):
        for glob in globs:
            if (found := next(folder.glob(glob), None)) is not None:
                return found
    return next((path for path in islice(_lua_files(config), _MAX_FILES) if _names_server(path)), None)


def _lua_files(config: Path) -> Iterator[Path]:
    yield from (path for name in ("init.lua", "init.vim") if (path := config / name).is_file())
    for folder in ("lua", "plugin", "after"):
        yield from (path for path in (config / folder).rglob("*.lua") if path.is_file())


def _names_server(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _NAMED.search(file.read(_MAX_BYTES).decode("utf-8", "replace")) is not None
    except OSError:
        return False
