"""A real VS Code: its server in folders of its own, extensions installed as users do, and a browser for its windows.

It knows nothing of what the extensions are for.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from vscode_browser import Browser
from vscode_window import Window, poll

_DEFAULT_EDITORS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infill-lsp/editors"
EDITORS = Path(os.environ.get("INFILL_EDITORS") or _DEFAULT_EDITORS)
_OWN = [Path(__file__).with_name(name) for name in ("vscode_probe", "vscode_python")]
_MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="{name}" Version="{version}" Publisher="{publisher}"/></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
<Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/></Assets>
</PackageManifest>
"""
_SETTINGS: Mapping[str, object] = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "git.enabled": False,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "files.autoSave": "off",
    "editor.hover.enabled": "off",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
}


def editor_file(name: str) -> Path:
    """A file of the installed editor. A missing one is a failure, never a skip."""
    file = EDITORS / name
    assert file.exists(), f"there is no {file}: run tests/editors/install_vscode.sh, or `make test`"
    return file


class VSCode:
    """VS Code's server with extensions installed in folders of its own, and a browser to look at its windows."""

    def __init__(
        self, folder: Path, extensions: Iterable[Path], environment: Mapping[str, str], browser: Browser | None = None
    ) -> None:
        self.folder = folder
        self._log = folder / "vscode.log"
        (folder / "probes").mkdir()
        (folder / "user/User").mkdir(parents=True)
        self.user_settings = folder / "user/User/settings.json"
        self.user_settings.write_text(json.dumps(_SETTINGS))
        self.environment = {**environment, "INFILL_PROBES": str(folder / "probes")}
        self._command = [
            *(str(editor_file(name)) for name in ("vscode/node", "vscode/server-main.js")),
            *("--accept-server-license-terms", "--telemetry-level", "off"),
            *("--server-data-dir", str(folder / "server"), "--user-data-dir", str(folder / "user")),
            *("--extensions-dir", str(folder / "extensions")),
        ]
        installed = [
            argument
            for each in (*extensions, *map(self._packed, _OWN))
            for argument in ("--install-extension", str(each))
        ]
        done = subprocess.run([*self._command, *installed], env=self.environment, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"http://127.0.0.1:{free.getsockname()[1]}"
        self._process = self._start()
        self._browser = browser or Browser(editor_file("chromium/chromium"))
        self.windows: list[Window] = []

    def write_user_config(self, content: str) -> None:
        """Write the user's own file of settings."""
        file = Path(self.environment["XDG_CONFIG_HOME"]) / "infill-lsp/config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def open(self, folder: Path, program: Path | None = None) -> Window:
        """Open a folder in a window of its own, whose server is a program that tells its process."""
        page = self._browser.open(f"{self._address}/?folder={quote(str(folder))}")
        window = Window(page, folder, self.folder / "probes" / f"{folder.name}.probe", program)
        self.windows.append(window)
        return window

    def project(self, name: str, settings: Mapping[str, object]) -> Path:
        """Make a folder to open, with settings of its own."""
        project = self.folder / name
        (project / ".vscode").mkdir(parents=True)
        (project / ".vscode/settings.json").write_text(json.dumps(settings))
        return project

    def close(self) -> None:
        """End the browser and the server, with all that they started."""
        self._browser.close()
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _packed(self, source: Path) -> Path:
        packed = self.folder / f"{source.name}.vsix"
        with zipfile.ZipFile(packed, "w") as archive:
            about = json.loads((source / "package.json").read_text())
            archive.writestr("extension.vsixmanifest", _MANIFEST.format_map(about))
            for name in ("package.json", "extension.js"):
                archive.write(source / name, f"extension/{name}")
        return packed

    def _start(self) -> subprocess.Popen[bytes]:
        port = self._address.rpartition(":")[2]
        arguments = ["--host", "127.0.0.1", "--port", port, "--without-connection-token"]
        flags = ["--disable-workspace-trust", "--disable-experiments"]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [*self._command, *arguments, *flags],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        poll(self._answers, lambda: f"VS Code's server does not answer\n{self._log.read_text()[-3000:]}")
        return process

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._address}/version", timeout=2):
                return True
        except OSError:
            return False
