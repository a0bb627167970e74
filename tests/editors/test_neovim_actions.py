"""Holes filled and code rewritten by `:Infill` in a real Neovim, with the drafts on the screen and Esc to stop it.

Places are marked with `$0` in the source; the first line tells the scripted engine what to answer.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from neovim_driver import Neovim
from test_neovim_ghost_text import engine

pytestmark = pytest.mark.editor

SQUARES = """\
def squares(numbers):
    found = []
    for number in numbers:
        found.append(number * number)
    return found
"""


def open_at(editor: Neovim, marked: str) -> str:
    """Open a source with the cursor at its `$0`, or at its start; return it without the mark."""
    before, caret, after = marked.partition("$0")
    editor.open(before + after)
    if caret:
        editor.place_cursor(before.count("\n"), len(before.rpartition("\n")[2].encode()))
    return before + after


def check_change(editor: Neovim, marked: str, command: str, expect: str) -> None:
    """Run a command; the buffer and then the file hold what is expected, and one undo takes all of it back."""
    text = open_at(editor, marked)
    editor.command(command)
    editor.wait_for_text(expect)
    assert editor.save().decode() == expect
    editor.press("u")
    editor.wait_for_text(text)


def crlf(text: str) -> str:
    """The same text as Windows writes it."""
    return text.replace("\n", "\r\n")


AREA = "def area(width, height):\n    $0...\n"
FILLED_AREA = "def area(width, height):\n    size = width * height\n    return size\n"
BODY = engine("size = width * height\n    return size")
NAMES = engine("{name}_filled")


@pytest.mark.parametrize("spell", [str, crlf], ids=["lf", "crlf"])
def test_a_body_is_filled_in_one_undo_step(scripted: Neovim, spell: Callable[[str], str]) -> None:
    emoji = "print('🙂')\n"
    check_change(scripted, spell(BODY + emoji + AREA), "Infill fill", spell(BODY + emoji + FILLED_AREA))


def test_a_hole_after_an_emoji_is_filled(scripted: Neovim) -> None:
    head = engine("3 * 4") + "label, size = '🙂', "
    check_change(scripted, head + "$0...\n", "Infill fill", head + "3 * 4\n")


def test_lines_are_filled(scripted: Neovim) -> None:
    head = engine("3 * 4")
    check_change(scripted, head + "if True:\n\t1 + 1\n", "3,3Infill fill", head + "if True:\n\t3 * 4\n")


def test_all_holes_of_a_file_are_filled_in_one_undo_step(scripted: Neovim) -> None:
    text = "first = ...\n\n\ndef f():\n\tsecond = ...\n\treturn second\n"
    expect = text.replace("first = ...", "first = first_filled").replace("second = ...", "second = second_filled")
    check_change(scripted, NAMES + text, "Infill fill-all", NAMES + expect)


def test_all_holes_of_a_function_are_filled_in_one_undo_step(scripted: Neovim) -> None:
    text = "first = ...\n\n\ndef f():\n    second = $0...\n    third = ...\n    return second\n"
    expect = text.replace("second = $0...", "second = second_filled").replace("third = ...", "third = third_filled")
    check_change(scripted, NAMES + text, "Infill fill-all function", NAMES + expect)


@pytest.mark.parametrize(
    ("line", "rest", "filled"),
    [
        ("size =$0 ", "3", "size = 3"),
        ("size = max$0(", "3)", "size = max(3)"),
        ("size = max($0)", "3", "size = max(3)"),
    ],
)
def test_the_rest_of_a_line_is_filled(scripted: Neovim, line: str, rest: str, filled: str) -> None:
    """The cursor of normal mode stands on the line's last character."""
    head = engine(rest)
    check_change(scripted, f"{head}{line}\n", "Infill fill", f"{head}{filled}\n")


def test_the_caret_of_insert_mode_is_where_it_is(scripted: Neovim) -> None:
    open_at(scripted, engine("1") + "size = $0q\n")
    scripted.press("i")
    scripted.wait_for("vim.api.nvim_get_mode().mode == 'i'")
    scripted.command("Infill fill")
    scripted.told("there is no hole here")
    scripted.press("<Esc>")


def test_where_there_is_no_hole_the_user_is_told(scripted: Neovim) -> None:
    open_at(scripted, "size = 1 + 1\n")
    scripted.command("Infill fill")
    scripted.told("there is no hole here")


@pytest.mark.parametrize("command", ["2,6Infill rewrite tidy", "2,6Infill rewrite 0.4"])
def test_lines_are_rewritten(scripted: Neovim, command: str) -> None:
    head = engine(replace={"found": "result"})
    check_change(scripted, head + SQUARES, command, head + SQUARES.replace("found", "result"))


def test_lines_are_rewritten_by_an_instruction(instructed: Neovim) -> None:
    head = engine(replace={"found.append(number * number)": "{instruction}"})
    expect = head + SQUARES.replace("found.append", "found.insert")
    check_change(instructed, head + SQUARES, "2,6Infill instruct found.insert(number * number)", expect)


def test_an_instruction_that_the_model_cannot_follow_is_answered_with_the_reason(scripted: Neovim) -> None:
    text = open_at(scripted, engine("1") + SQUARES)
    scripted.command("2,6Infill instruct use a comprehension")
    scripted.told("takes no instructions")
    scripted.wait_for_text(text)


def test_pinned_lines_stay_and_the_rest_is_rolled_again(scripted: Neovim) -> None:
    head = engine(replace={"number": "n"})
    open_at(scripted, head + SQUARES)
    scripted.command("5Infill pin")
    scripted.command("2,6Infill rewrite rework")
    kept = SQUARES.replace("number", "n").replace("found.append(n * n)", "found.append(number * number)")
    scripted.wait_for_text(head + kept)
    assert scripted.wait_for("not require('infill.running').is_busy(0) and require('infill.pins').within(0, 0, 9)") == [
        4
    ]
    scripted.command("5Infill pin")
    scripted.command("Infill reroll")
    scripted.wait_for_text(head + SQUARES.replace("number", "n"))


def hold(editor: Neovim, marked: str, command: str) -> str:
    """Run a command whose fill waits after its first step, and wait until its draft is on the screen."""
    text = open_at(editor, marked)
    editor.command(command)
    editor.wait_for("require('ghost').draft()")
    return text


@pytest.mark.parametrize(
    ("source", "command", "expect"),
    [
        ("def area():\n    $0...\n", "Infill fill", "def area():\n    return width * height\n"),
        ("def area():\n    return size * 2\n", "3Infill rewrite redo", "def area():\n    return width * 2\n"),
        ("size = 1\nprint(size)\n", "2,3Infill rewrite redo", "width = 1\nprint(width)\n"),
    ],
    ids=["fill", "rewrite", "rewrite lines"],
)
def test_drafts_are_drawn_until_the_fill_is_there(scripted: Neovim, source: str, command: str, expect: str) -> None:
    head = engine("return width * height", hold=True, replace={"size": "width"})
    text = hold(scripted, head + source, command)
    shown, groups = scripted.wait_for("require('ghost').draft()")
    assert "_" in shown
    assert set(groups) == {"InfillSettled", "InfillUnsettled"}
    scripted.wait_for_text(text)
    os.kill(scripted.server_process(), signal.SIGUSR1)
    scripted.wait_for_text(head + expect)
    scripted.wait_for("require('ghost').draft() == nil")
    scripted.press("u")
    scripted.wait_for_text(text)


@pytest.mark.parametrize(
    ("source", "command"),
    [("size = $0...\n", "Infill fill"), ("size = 1 + 1\n", "2Infill rewrite redo")],
    ids=["fill", "rewrite"],
)
def test_escape_stops_it(scripted: Neovim, source: str, command: str) -> None:
    text = hold(scripted, engine("3 * 4", hold=True, replace={"1": "2"}) + source, command)
    scripted.press("<Esc>")
    scripted.wait_for("require('ghost').draft() == nil")
    scripted.wait_for("next(vim.lsp.get_clients({ bufnr = 0 })[1].requests) == nil")
    scripted.wait_for_text(text)
    assert scripted.lua("return _G.said") == []
    # Esc is the user's again, and the next fill is not held up by the one before.
    scripted.press("i<Esc>")
    scripted.wait_for("vim.api.nvim_get_mode().mode == 'n'")
    head = engine("5 * 6")
    check_change(scripted, head + "size = $0...\n", "Infill fill", head + "size = 5 * 6\n")


@pytest.mark.parametrize("command", ["Infill fill", "3Infill rewrite redo"], ids=["fill", "rewrite"])
def test_an_edit_ends_the_preview_and_nothing_is_changed_over_it(scripted: Neovim, command: str) -> None:
    head = engine("3 * 4", hold=True, replace={"1": "2"})
    source = "size = ...\n" if command == "Infill fill" else "size = 1\n"
    text = hold(scripted, head + "\n" + source.replace("= ", "= $0"), command)
    # The fill is there before Neovim has told the server of the edit.
    scripted.lua("vim.api.nvim_buf_set_lines(0, 1, 1, true, { 'print()' })")
    scripted.wait_for("require('ghost').draft() == nil")
    os.kill(scripted.server_process(), signal.SIGUSR1)
    scripted.told("the document changed meanwhile")
    scripted.wait_for_text(text.replace(head, head + "print()\n"))


def test_no_draft_is_drawn_for_ghost_text(scripted: Neovim) -> None:
    scripted.open(engine("3 * 4") + "size = \n")
    scripted.type_at(1, 7, "")
    scripted.ghost("3 * 4")
    assert scripted.lua("return require('ghost').draft()") is None


def test_a_code_action_works_without_the_commands(scripted: Neovim) -> None:
    head = engine("3 * 4")
    text = open_at(scripted, head + "size = $0...\n")
    scripted.lua("vim.lsp.buf.code_action({ apply = true, filter = function(a) return a.title == 'Fill hole' end })")
    scripted.wait_for_text(head + "size = 3 * 4\n")
    scripted.press("u")
    scripted.wait_for_text(text)
