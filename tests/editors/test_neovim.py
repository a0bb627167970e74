"""A real Neovim with the real server: ghost text is seen and accepted, holes are filled, and nothing else changes.

Places are marked with `$0` in the source. The engine is scripted where a test must know the fill, and real in the last.
"""

from __future__ import annotations

import ast
import asyncio
import os
import signal

import pytest
from conftest import Start
from neovim_driver import Neovim

from engine.client import HostClient

pytestmark = pytest.mark.editor

AREA = "def area(width, height):\n    $0\n\n\nprint(area(2, 3))\n"


def split_at_caret(marked: str) -> tuple[str, int, int]:
    """Return the text without its `$0`, and the line and byte column where it stood, counted from 0."""
    before, caret, after = marked.partition("$0")
    assert caret, "the source has no $0"
    line = before.count("\n")
    return before + after, line, len(before.rpartition("\n")[2].encode())


def check_ghost_text(neovim: Start, source: str, *, typed: str, ghost: str, expect: str) -> None:
    """Type at `$0`, see the ghost text right of the cursor, accept it with the mapped key.

    What always holds: nothing is in the buffer before it is accepted, the file on disk has exactly the accepted text
    more, and one undo takes all of it back.
    """
    text, line, column = split_at_caret(source)
    editor = neovim(text, model=f"fake:{ghost}")
    before = editor.lines()
    editor.type_at(line, column, typed)
    shown = editor.ghost()
    assert shown.text == ghost
    assert (shown.line, shown.byte_column) == (line, column + len(typed.encode()))
    with_typed = editor.lines()
    assert with_typed[line].encode()[column:].startswith(typed.encode())
    assert with_typed[:line] + with_typed[line + 1 :] == before[:line] + before[line + 1 :]
    editor.press("<Tab>")
    editor.wait_for_lines(*expect.replace("\r", "").removesuffix("\n").split("\n"))
    assert editor.save().decode() == expect
    editor.press("u")
    editor.wait_for_lines(*before)


def test_ghost_text_is_shown_and_accepted(neovim: Start) -> None:
    check_ghost_text(
        neovim,
        AREA,
        typed="return ",
        ghost="width * height",
        expect="def area(width, height):\n    return width * height\n\n\nprint(area(2, 3))\n",
    )


def test_ghost_text_before_the_rest_of_the_line(neovim: Start) -> None:
    check_ghost_text(
        neovim,
        "def area(width, height):\n    return max($0)\n",
        typed="width, ",
        ghost="height",
        expect="def area(width, height):\n    return max(width, height)\n",
    )


def test_ghost_text_of_several_lines(neovim: Start) -> None:
    check_ghost_text(
        neovim,
        AREA.replace("    $0", "$0"),
        typed="    ",
        ghost="product = width * height\n    return product",
        expect="def area(width, height):\n    product = width * height\n    return product\n\n\nprint(area(2, 3))\n",
    )


def test_an_emoji_earlier_on_the_line(neovim: Start) -> None:
    check_ghost_text(
        neovim,
        "label = '🙂é'; $0\n",
        typed="size = ",
        ghost="len(label)",
        expect="label = '🙂é'; size = len(label)\n",
    )


def test_a_file_with_crlf(neovim: Start) -> None:
    check_ghost_text(
        neovim,
        "def area(width, height):\r\n$0\r\n\r\n\r\nprint('🙂', area(2, 3))\r\n",
        typed="    ",
        ghost="product = width * height\n    return product",
        expect="def area(width, height):\r\n    product = width * height\r\n    return product\r\n\r\n\r\n"
        "print('🙂', area(2, 3))\r\n",
    )


def fill_hole(editor: Neovim) -> None:
    """Run the code action as a user's mapping does."""
    editor.lua("vim.lsp.buf.code_action({ apply = true, filter = function(a) return a.title == 'Fill hole' end })")


@pytest.mark.parametrize(
    ("source", "model", "expect"),
    [
        (
            "def area(width, height):\n    $0...\n",
            "return width * height",
            "def area(width, height):\n    return width * height\n",
        ),
        (
            "def area(width, height):\r\n    '''🙂'''\r\n    $0pass\r\n",
            "product = width * height\n    return product",
            "def area(width, height):\r\n    '''🙂'''\r\n    product = width * height\r\n    return product\r\n",
        ),
        (
            "label, size = '🙂', $0...\n",
            "3 * 4",
            "label, size = '🙂', 3 * 4\n",
        ),
    ],
    ids=["a body", "a body of two lines with crlf", "an expression after an emoji"],
)
def test_the_code_action_fills_the_hole(neovim: Start, source: str, model: str, expect: str) -> None:
    text, line, column = split_at_caret(source)
    editor = neovim(text, model=f"fake:{model}")
    before = editor.lines()
    editor.place_cursor(line, column)
    fill_hole(editor)
    editor.wait_for_lines(*expect.replace("\r", "").removesuffix("\n").split("\n"))
    assert editor.save().decode() == expect
    editor.press("u")
    editor.wait_for_lines(*before)


def test_a_killed_engine_comes_back_with_the_next_fill(neovim: Start) -> None:
    model = "fake:width * height"
    editor = neovim("def area(width, height):\n    \n\n\ndef both(width, height):\n    \n", model=model)
    editor.type_at(1, 4, "return ")
    assert editor.ghost().line == 1
    first = host_process(model)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    editor.press("<Esc>")
    editor.ghost_gone()
    editor.type_at(5, 4, "return ")
    assert editor.ghost().line == 5
    assert host_process(model) not in (None, first)


def host_process(model: str) -> int | None:
    """Ask the engine host of this test's folders for its process id."""

    async def ask() -> int | None:
        client = HostClient(model, start=False)
        try:
            status = await client.status()
        finally:
            await client.aclose()
        return status.pid if status else None

    return asyncio.run(ask())


@pytest.mark.checkpoint
def test_the_bundled_checkpoint_fills_or_says_why_not(neovim: Start) -> None:
    source = "def total(prices):\n    result = 0\n    for price in prices:\n        $0\n    return result\n"
    text, line, column = split_at_caret(source)
    editor = neovim(text, model="bundled")
    editor.type_at(line, column, "result += ")
    answer = editor.wait_for("require('ghost').shown() or require('ghost').silence()")
    if isinstance(answer, str):
        assert answer
        editor.press("<Esc>u")
        editor.wait_for_lines(*text.removesuffix("\n").split("\n"))
        editor.type_at(line, column, "pass")
    else:
        editor.press("<Tab>")
    editor.wait_for("require('ghost').shown() == nil")
    ast.parse(editor.save().decode())
