"""The server behind a real VS Code with the packaged extension: found, shared, killed, missing, set up."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from vscode_driver import VSCode
from vscode_setting import directed, program
from vscode_window import Window, poll

pytestmark = [pytest.mark.editor, pytest.mark.vscode]

HOLE = "value = $0\n"


def test_a_killed_server_comes_back(window: Window) -> None:
    source = directed(HOLE, "1 + 1")
    window.open("killed.py", source)
    killed = window.server_process()
    os.kill(killed, signal.SIGKILL)
    poll(lambda: window.server_process() != killed, lambda: "no other server was started")
    # The status may still be that of the killed one.
    window.ask_until(lambda: window.ghost() == "1 + 1")
    window.wait_for_status("ready")
    assert window.messages() == ""


def test_the_server_is_restarted_on_request(window: Window) -> None:
    window.open("restarted.py", directed(HOLE, "1 + 1"))
    before = window.server_process()
    window.command("infill.restart")
    assert window.server_process() != before
    window.wait_for_status("ready")
    window.press("Alt+Backslash")
    window.wait_for_ghost("1 + 1")


def test_two_windows_share_one_host_and_the_users_file_of_settings_counts(vscode: VSCode) -> None:
    # Neither window has settings: the server is found on the PATH, and config.toml chooses the model.
    vscode.write_user_config('model = "fake:7 * 6"\n')
    windows = [vscode.open(vscode.project(name, {})) for name in ("one", "other")]
    for window in windows:
        window.open("shared.py", HOLE)
        window.ask_until(lambda window=window: window.ghost() == "7 * 6")
    assert [host["model"] for host in hosts(vscode)] == ["fake:7 * 6"]


def test_a_killed_engine_comes_back_with_the_next_fill(vscode: VSCode, plain: Window) -> None:
    def process() -> int | None:
        return next((int(host["pid"]) for host in hosts(vscode) if host["model"] == "fake:1 + 1"), None)

    plain.open("killed_engine.py", HOLE)
    plain.ask_until(lambda: plain.ghost() == "1 + 1")
    killed = process()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    plain.open("next_engine.py", HOLE)
    plain.ask_until(lambda: plain.ghost() == "1 + 1")
    assert process() not in (None, killed)
    assert plain.messages() == ""


def hosts(vscode: VSCode) -> list[dict[str, Any]]:
    """The engine hosts that run in the folders of a VS Code."""
    shown = subprocess.run(
        [sys.executable, "-m", "infill_lsp", "serve", "--status", "--json"],
        env=dict(vscode.environment),
        capture_output=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(shown.stdout)["hosts"]
    return found


def test_a_missing_model_is_told_and_another_one_taken_without_a_restart(plain: Window) -> None:
    plain.open("missing.py", HOLE)
    plain.ask_until(lambda: plain.ghost() == "1 + 1")
    plain.configure("infill-lsp.model", "/there/is/no/model")
    plain.press("Escape")
    plain.ask_until(lambda: "/there/is/no/model: no such checkpoint" in plain.status())
    assert plain.messages() == ""
    plain.configure("infill-lsp.model", "fake:2 + 2")
    plain.ask_until(lambda: plain.ghost() == "2 + 2")
    plain.wait_for_status("ready")


def test_the_doctor_is_asked(plain: Window) -> None:
    plain.command("infill.doctor")
    end = re.compile(r"(Everything is in place|The doctor ended with status \d)\.\n\Z")
    poll(lambda: end.search(plain.text()), plain.story)
    told = plain.text()
    assert re.match(r"\S+/infill-lsp doctor\n", told), told
    assert "python" in told


def test_the_server_of_the_active_python_environment_is_taken(plain: Window) -> None:
    programs = plain.folder / ".venv/bin"
    programs.mkdir(parents=True)
    own = program(programs / "infill-lsp", "infill_lsp")
    plain.command("infill.restart")
    poll(Path(f"{own}.pid").exists, plain.story)
    shutil.rmtree(plain.folder / ".venv")
    plain.command("infill.restart")
    plain.wait_for_status("ready")


def test_without_a_server_one_message_says_what_to_do(plain: Window) -> None:
    plain.open("nothing.py", HOLE)
    plain.configure("infill-lsp.path", "/there/is/no/server")
    plain.wait_for_status("there is no program /there/is/no/server")
    poll(lambda: "there is no program /there/is/no/server" in plain.messages(), plain.story)
    plain.page.click(".notification-toast .monaco-button:has-text('How to Install')")
    plain.wait_for_screen(".gettingStartedContainer", "Install the server")
    plain.open("nothing.py", HOLE)
    plain.press("Alt+Backslash")
    plain.command("infill.fillHole")
    assert plain.messages() == ""
    plain.configure("infill-lsp.path", None)
    plain.wait_for_status("ready")
