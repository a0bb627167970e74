"""What a user of the Neovim plugin is told, and what goes on, where something is not as it should be."""

from __future__ import annotations

import os
import signal

import pytest
from neovim_driver import Neovim
from test_neovim_ghost_text import AREA, engine, open_and_type

pytestmark = pytest.mark.editor

# What stands at the end of a line to say why there is no ghost text.
REASON = (
    "((vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_create_namespace('infill.reason'), 0, -1, { details = true })[1]"
    " or { 0, 0, 0, { virt_text = { {} } } })[4].virt_text[1][1])"
)


def test_a_killed_server_is_started_again_but_not_again_and_again(scripted: Neovim) -> None:
    open_and_type(scripted, engine("width * height") + AREA, "return ")
    scripted.ghost()
    scripted.press("<Esc>")
    killed = scripted.server_process()
    os.kill(killed, signal.SIGKILL)
    scripted.told("the language server ended and was started again")
    scripted.wait_for("#vim.lsp.get_clients({ bufnr = 0 }) == 1")
    assert scripted.server_process() != killed
    scripted.press("A")
    scripted.ghost("width * height")
    scripted.press("<Esc>")
    os.kill(scripted.server_process(), signal.SIGKILL)
    scripted.told("the language server ended again; :Infill restart starts it")
    scripted.wait_for("#vim.lsp.get_clients() == 0")
    assert scripted.lua("return require('infill').status()") == ""
    scripted.command("Infill fill")
    scripted.told("the language server has ended; :Infill restart starts it again")
    scripted.command("Infill restart")
    scripted.wait_for("#vim.lsp.get_clients({ bufnr = 0 }) == 1")
    scripted.press("A")
    scripted.ghost("width * height")
    scripted.press("<Esc>")
    scripted.lua("_G.said = {}; vim.lsp.get_clients()[1]:stop(true)")
    scripted.wait_for("#vim.lsp.get_clients() == 0")
    assert not [line for line in scripted.lua("return _G.said") if "the language server" in line]
    scripted.command("Infill restart")
    scripted.wait_for("#vim.lsp.get_clients({ bufnr = 0 }) == 1")


def test_what_happened_in_insert_mode_is_told_after_it(scripted: Neovim) -> None:
    scripted.open("x = 1\n")
    scripted.press("A")
    scripted.wait_for("vim.api.nvim_get_mode().mode == 'i'")
    scripted.lua("require('infill.server').tell_unasked('something happened')")
    assert scripted.lua("return _G.said") == []
    scripted.press("<Esc>")
    scripted.told("infill: something happened")


def test_a_running_server_is_restarted(scripted: Neovim) -> None:
    open_and_type(scripted, engine("width * height") + AREA, "return ")
    before = scripted.lua("return vim.lsp.get_clients()[1].id")
    scripted.press("<Esc>")
    scripted.command("Infill restart")
    scripted.wait_for(f"(vim.lsp.get_clients({{ bufnr = 0 }})[1] or {{ id = {before} }}).id ~= {before}")
    scripted.press("A")
    scripted.ghost("width * height")
    scripted.press("<Esc>")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        ("enew", "this buffer has no filetype"),
        ("enew | setfiletype text", "the filetype text is not among those"),
        ("enew | set buftype=nofile", "this buffer is no file (buftype nofile)"),
    ],
)
@pytest.mark.parametrize("command", ["fill", "trigger", "why", "status"])
def test_a_buffer_without_a_server_says_why(scripted: Neovim, make: str, reason: str, command: str) -> None:
    scripted.open("\n")
    scripted.command(make)
    scripted.command(f"Infill {command}")
    scripted.told(reason)
    assert scripted.lua("return vim.api.nvim_get_mode().mode") == "n"


def test_who_asks_for_ghost_text_reads_why_there_is_none_until_the_next_key(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, "# a comment $0\n", "x")
    editor.press("<M-Bslash>")
    editor.wait_for(f"({REASON} or ''):find('no suggestion: the caret is in a comment', 1, true)")
    editor.press("y")
    editor.wait_for(f"{REASON} == nil")
    editor.press("<Esc>")


def test_who_asks_to_fill_a_file_that_is_left_alone_is_told_why(scripted: Neovim) -> None:
    scripted.lua("vim.filetype.add({ extension = { pem = 'python' } })")
    scripted.open("x = ...\n", name="secrets.pem")
    for command in ("fill", "fill-all", "fill"):
        scripted.lua("_G.said = {}")
        scripted.command(f"Infill {command}")
        scripted.told("this file is never sent to a model: its name matches *.pem")
        scripted.command("Infill toggle")  # It is told with ghost text off, too.
    scripted.command("Infill toggle")


@pytest.mark.parametrize("command", ["2,2Infill fill", "2,2Infill rewrite tidy", "Infill fill-all"])
def test_a_buffer_that_cannot_be_changed_is_told_before_any_work(scripted: Neovim, command: str) -> None:
    scripted.open(engine("1") + "x = ...\n")
    scripted.command("setlocal nomodifiable")
    scripted.command(command)
    scripted.told("this buffer is not 'modifiable'")
    assert not scripted.lua("return require('infill.running').is_busy(vim.api.nvim_get_current_buf())")


def test_a_file_is_filled_under_its_new_name(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("width * height") + AREA, "return ")
    editor.ghost("width * height")
    editor.press("<Esc>")
    editor.command(f"file {editor.file.with_name('renamed.py')}")
    editor.press("A")
    editor.ghost("width * height")
    editor.press("<Esc>")
    editor.command("silent write!")
    editor.press("A")
    editor.ghost("width * height")
    editor.press("<Esc>")


def test_a_buffer_that_was_detached_stays_so_under_its_new_name(scripted: Neovim) -> None:
    scripted.open("x = 1\n")
    scripted.lua("vim.lsp.buf_detach_client(0, vim.lsp.get_clients()[1].id)")
    scripted.command(f"file {scripted.file.with_name('detached.py')}")
    assert scripted.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 0


def test_a_buffer_that_is_closed_stops_no_work_on_another_one(scripted: Neovim) -> None:
    head = engine("width * height", hold=True)
    scripted.open("x = 1\n")
    other = scripted.lua("return vim.api.nvim_get_current_buf()")
    file = scripted.file.with_name("held.py")
    file.write_text(head + AREA.replace("$0", "return ..."))
    scripted.command(f"edit {file}")
    scripted.wait_for("#vim.lsp.get_clients({ bufnr = 0 }) == 1")
    scripted.place_cursor(2, 11)
    scripted.command("Infill fill")
    scripted.wait_for("require('ghost').draft()")
    scripted.command(f"bwipeout! {other}")
    assert scripted.lua("return require('infill.running').is_busy(vim.api.nvim_get_current_buf())")
    os.kill(scripted.server_process(), signal.SIGUSR1)
    scripted.wait_for_text(head + AREA.replace("$0", "return width * height"))


def test_a_report_is_as_high_as_its_lines_in_a_narrow_window(scripted: Neovim) -> None:
    open_and_type(scripted, "# a comment $0\n", "x")
    scripted.silent_because("the caret is in a comment")
    scripted.press("<Esc>")
    columns = scripted.lua("return vim.o.columns")
    try:
        scripted.lua("vim.o.columns = 30")
        scripted.command("Infill why")
        scripted.wait_for("vim.b.infill_report == 'why'")
        assert scripted.lua("return vim.api.nvim_win_text_height(0, {}).all - vim.fn.winheight(0)") == 0
        scripted.press("q")
        scripted.wait_for("vim.b.infill_report == nil")
    finally:
        scripted.lua("vim.o.columns = ...", columns)
