"""What else a user of the Neovim plugin meets: commands, status, health, help and the documented configurations."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from conftest import SERVER
from neovim_driver import Neovim, neovim_binary
from test_neovim_ghost_text import AREA, engine, open_and_type

from engine.client import HostClient

pytestmark = pytest.mark.editor

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "editors/neovim"


def test_subcommands_are_completed(scripted: Neovim) -> None:
    scripted.open("\n")

    def completed(line: str) -> list[str]:
        return list(scripted.lua("return vim.fn.getcompletion(..., 'cmdline')", line))

    assert completed("Infill re") == ["reroll", "restart", "rewrite"]
    assert completed("2,3Infill rewrite ") == ["tidy", "rework", "redo"]
    assert completed("Infill fill-all f") == ["file", "function"]
    assert {"trigger", "fill", "instruct", "pin", "why", "doctor", "toggle", "status", "log"} <= set(
        completed("Infill ")
    )


def test_a_subcommand_that_does_not_exist(scripted: Neovim) -> None:
    scripted.open("\n")
    scripted.command("Infill fil")
    scripted.told("there is no subcommand fil; there are cancel, doctor, fill")


def test_the_user_learns_why_there_was_no_suggestion(scripted: Neovim) -> None:
    open_and_type(scripted, "# a comment $0\n", "x")
    scripted.silent_because("the caret is in a comment")
    scripted.press("<Esc>")
    scripted.command("Infill why")
    scripted.wait_for("vim.b.infill_report == 'why'")
    assert scripted.lines()[1].endswith(": the caret is in a comment")
    scripted.press("q")
    scripted.wait_for("vim.b.infill_report == nil")


def test_the_status_follows_the_server(scripted: Neovim) -> None:
    open_and_type(scripted, engine(reason="r", error="unavailable") + AREA, "return ")
    scripted.wait_for("require('infill').status() == 'infill ✗'")
    scripted.press("<Esc>")
    scripted.command("Infill status")
    scripted.told("error: the engine cannot answer; do this and that")
    open_and_type(scripted, engine("width * height") + AREA, "return ")
    scripted.ghost()
    scripted.wait_for("require('infill').status() == 'infill'")


def test_no_failure_while_typing_is_a_message(scripted: Neovim) -> None:
    open_and_type(scripted, engine(error="unavailable") + AREA, "return ")
    scripted.silent_because("the engine cannot answer")
    assert scripted.lua("return { _G.said, vim.v.errmsg }") == [[], ""]


def test_an_excluded_file_is_left_alone(scripted: Neovim) -> None:
    open_and_type(scripted, engine("1") + "KEY = $0\n", " ", name="secrets.py.pem.py")
    scripted.ghost()
    scripted.lua("vim.filetype.add({ extension = { pem = 'python' } })")
    open_and_type(scripted, engine("1") + "KEY = $0\n", " ", name="secrets.pem")
    scripted.silent_because("*.pem")
    assert scripted.lua("return require('ghost').shown()") is None
    assert scripted.lua("return require('infill').status()") == "infill –"
    scripted.press("<Esc>")
    scripted.command("Infill status")
    scripted.told("inactive: this file is never sent to a model")


def test_help_has_tags(tmp_path: Path) -> None:
    shutil.copytree(PLUGIN / "doc", tmp_path / "doc")
    subprocess.run([neovim_binary(), "--clean", "-es", f"+helptags {tmp_path}/doc", "+q"], check=True, timeout=60)
    tags = {line.split("\t")[0] for line in (tmp_path / "doc/tags").read_text().splitlines()}
    assert {"infill.txt", ":Infill", "infill.accept()", "<Plug>(infill-accept-word)", "infill-options"} <= tags


def test_nothing_is_loaded_before_the_server_is_attached() -> None:
    loaded = "vim.tbl_filter(function(m) return m:find('^infill') end, vim.tbl_keys(package.loaded))"
    asked = f"+lua io.stdout:write(vim.inspect({loaded}))"
    done = subprocess.run(
        [
            neovim_binary(),
            "--clean",
            "--headless",
            "--cmd",
            f"set runtimepath+={PLUGIN}",
            asked,
            "+verbose command Infill",
            "+qall",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "{}" in done.stdout
    assert "Infill" in done.stderr + done.stdout


def engine_hosts(folder: Path) -> list[int]:
    """The process ids of the engine hosts in a test's folders."""

    async def ask(socket: Path) -> int | None:
        client = HostClient(socket_path=socket, start=False)
        try:
            status = await client.status()
        finally:
            await client.aclose()
        return status.pid if status else None

    found = [asyncio.run(ask(socket)) for socket in folder.rglob("*.sock") if not socket.name.startswith("neovim")]
    return [pid for pid in found if pid is not None]


def test_two_neovims_share_one_engine_and_health_and_doctor_tell_about_it(
    private_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFILL_MODEL", "fake:width * height")
    with closing(Neovim(private_folders, SERVER)) as one, closing(Neovim(private_folders, SERVER)) as two:
        for editor in (one, two):
            editor.open(AREA.replace("$0", "return "))
            editor.type_at(1, 11, "")
        for editor in (one, two):
            editor.ghost("width * height")
            editor.press("<Esc>")
        assert len(engine_hosts(private_folders)) == 1
        one.command("Infill doctor")
        two.command("checkhealth infill")
        report = "\n".join(two.lines())
        assert "infill-lsp 0." in report
        assert "checks of the doctor found nothing wrong" in report
        painter = "vim.lsp.inline_completion" if two.lua("return vim.fn.has('nvim-0.12')") else "this plugin"
        assert f"ghost text drawn by {painter}" in report
        assert "attached to 1 buffer" in report
        one.wait_for("vim.b.infill_report == 'doctor'")
        assert any("checkpoint" in line for line in one.lines())
        one.command("close")
        one.command("Infill log")
        one.wait_for("vim.api.nvim_buf_get_name(0):find('server.log', 1, true)")


def test_a_missing_model_is_told_once(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFILL_MODEL", str(private_folders / "no-such-checkpoint"))
    with closing(Neovim(private_folders, SERVER)) as editor:
        editor.open(AREA.replace("$0", "return "))
        editor.type_at(1, 11, "")
        editor.wait_for("require('infill').status() == 'infill ✗'")
        assert "no-such-checkpoint" in editor.lua("return require('infill.status').of(0).reason")
        assert editor.lua("return _G.said") == []
        editor.press("<Esc>")
        editor.command("2,2Infill fill")
        editor.told("no-such-checkpoint")


def test_a_missing_server_is_told_by_health(tmp_path: Path) -> None:
    with closing(Neovim(tmp_path, ("/nowhere/infill-lsp",))) as editor:
        editor.open("x = 1\n", attached=False)
        editor.command("Infill fill")
        editor.told("not attached to this buffer")
        editor.command("checkhealth infill")
        report = "\n".join(editor.lines())
        assert "/nowhere/infill-lsp does not run" in report
        assert "docs/editors.md" in report


def documented(heading: str) -> str:
    """The first piece of Lua below a heading of docs/editors.md."""
    text = (ROOT / "docs/editors.md").read_text()
    return text.partition(f"\n{heading}\n")[2].partition("```lua\n")[2].partition("```")[0]


@pytest.fixture
def on_the_path(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for files, and `infill-lsp` on the PATH, as its users have it."""
    binaries = private_folders / "bin"
    binaries.mkdir()
    (binaries / "infill-lsp").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m infill_lsp "$@"\n')
    (binaries / "infill-lsp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    monkeypatch.setenv("INFILL_MODEL", "fake:width * height")
    return private_folders


def test_what_the_documentation_says_is_all_that_is_needed(on_the_path: Path) -> None:
    init = on_the_path / "documented.lua"
    init.write_text(documented("### Install").replace("~/src/infill-lsp", str(ROOT)))
    with closing(Neovim(on_the_path, (), init=init)) as editor:
        editor.open(AREA.replace("$0", "return "))
        editor.type_at(1, 11, "")
        editor.ghost("width * height")
        editor.press("<Tab>")
        editor.wait_for_text(AREA.replace("$0", "return width * height"))
        editor.press("<Esc>")
        editor.wait_for("vim.fn.exists(':Infill') == 2")


@pytest.mark.neovim_0_12(reason="Neovim 0.11 draws no ghost text of its own")
def test_the_configuration_alone_shows_ghost_text(on_the_path: Path) -> None:
    (on_the_path / "lsp").mkdir()
    shutil.copy(PLUGIN / "lsp/infill_lsp.lua", on_the_path / "lsp")
    init = on_the_path / "documented.lua"
    init.write_text(f"vim.opt.runtimepath:append('{on_the_path}')\n" + documented("### Without the plugin"))
    with closing(Neovim(on_the_path, (), init=init)) as editor:
        editor.open(AREA.replace("$0", "return "))
        editor.type_at(1, 11, "")
        editor.ghost("width * height")
        editor.press("<Tab>")
        editor.wait_for_text(AREA.replace("$0", "return width * height"))
