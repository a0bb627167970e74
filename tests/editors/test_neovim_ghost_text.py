"""Ghost text in a real Neovim, as its user meets it: once drawn by Neovim 0.12 itself, once by our plugin as in 0.11.

Places are marked with `$0` in the source; the first line tells the scripted engine what to answer.
"""

from __future__ import annotations

import json

import pytest
from neovim_driver import Neovim

pytestmark = pytest.mark.editor


def engine(*texts: str, **more: object) -> str:
    """The first line of a file, which tells the engine what to answer."""
    told = {"texts": texts, **more} if texts else more
    return "# " + json.dumps(told, ensure_ascii=False) + "\n"


def open_and_type(editor: Neovim, marked: str, typed: str, name: str | None = None) -> str:
    """Open a source, type at its `$0`, and return the source without the mark."""
    before, caret, after = marked.partition("$0")
    assert caret, "the source has no $0"
    editor.open(before + after, name)
    editor.type_at(before.count("\n"), len(before.rpartition("\n")[2].encode()), typed)
    return before + after


def text_of(editor: Neovim) -> str:
    """The buffer but for the engine's line."""
    return "\n".join(editor.lines()[1:]) + "\n"


AREA = "def area(width, height):\n    $0\n\n\nprint(area(2, 3))\n"


def check_ghost_text(editor: Neovim, source: str, *, typed: str, ghost: str, expect: str) -> None:
    """Type at `$0`, see the ghost text right of the cursor, accept it with the mapped key.

    What always holds: nothing is in the buffer before it is accepted, the file on disk has exactly the accepted text
    more, and one undo takes all of it back.
    """
    head = engine(ghost)
    source = head.replace("\n", "\r\n") + source if "\r\n" in source else head + source
    text = open_and_type(editor, source, typed)
    before, _, _ = source.partition("$0")
    line, column = before.count("\n"), len(before.rpartition("\n")[2].encode())
    shown = editor.ghost(ghost)
    assert (shown.line, shown.byte_column) == (line, column + len(typed.encode()))
    assert editor.lines() == source.replace("$0", typed).replace("\r", "").removesuffix("\n").split("\n")
    editor.press("<Tab>")
    editor.wait_for_lines(*(head + expect.replace("\r", "")).removesuffix("\n").split("\n"))
    assert editor.save().decode().partition("\n")[2] == expect
    editor.press("u")
    editor.wait_for_text(text)


BODY = "size = 1\n    return size"
FILLED_BODY = AREA.replace("$0", BODY)


@pytest.mark.parametrize(
    ("source", "typed", "ghost", "expect"),
    [
        (AREA, "return ", "width * height", AREA.replace("$0", "return width * height")),
        (AREA.replace("    $0", "$0"), "    ", BODY, FILLED_BODY),
        ("size = max($0)\n", "width, ", "height", "size = max(width, height)\n"),
        ("label = '🙂é'; $0\n", "size = ", "len(label)", "label = '🙂é'; size = len(label)\n"),
        ("if ok:\n\t$0\n", "label = ", "'🙂'", "if ok:\n\tlabel = '🙂'\n"),
        (AREA.replace("    $0", "$0").replace("\n", "\r\n"), "    ", BODY, FILLED_BODY.replace("\n", "\r\n")),
    ],
    ids=["a line", "several lines", "before a bracket", "after an emoji", "after a tab", "crlf"],
)
def test_ghost_text_is_shown_and_accepted(
    scripted_twice: Neovim, source: str, typed: str, ghost: str, expect: str
) -> None:
    check_ghost_text(scripted_twice, source, typed=typed, ghost=ghost, expect=expect)


def test_a_key_without_ghost_text_is_that_key(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("1") + "# a comment $0\n", "x")
    editor.silent_because("comment")
    editor.press("<Tab>y")
    editor.wait_for_lines(engine("1").strip(), "# a comment x   y")


def test_a_word_and_a_line_are_accepted(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    head = engine("size = width * height\n    return size")
    source = AREA.replace("    $0", "$0")
    open_and_type(editor, head + source, "    ")
    editor.ghost("size = width * height\n    return size")
    editor.press("<M-w>")
    assert editor.ghost(" = width * height\n    return size").byte_column == len("    size")
    assert text_of(editor) == source.replace("$0", "    size")
    editor.press("<M-l>")
    editor.ghost("\n    return size")
    assert text_of(editor) == source.replace("$0", "    size = width * height")
    editor.press("<M-w>")
    assert editor.ghost(" size").line == 3
    editor.press("<M-w>")
    editor.wait_for_text(head + source.replace("$0", "    size = width * height\n    return size"))
    editor.ghost_gone()


def test_dismissed_ghost_text_stays_away_until_the_next_key(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("width * height") + AREA, "return ")
    editor.ghost("width * height")
    editor.press("<C-]>")
    editor.ghost_gone()
    assert editor.lua("return { require('infill').is_visible(), require('infill').accept() }") == [False, False]
    editor.press("<Left><Right>")  # To move is no key that asks for it again.
    editor.wait_for("require('infill.ghost_text').wants_quiet(vim.api.nvim_get_current_buf())")
    editor.press("w")
    editor.ghost("idth * height")


def test_candidates_are_cycled(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    head = engine("width * height", "width + height", "2 * width")
    open_and_type(editor, head + AREA, "return ")
    editor.ghost("width * height")
    editor.press("<M-]>")  # There is one while typing; more are asked for.
    editor.ghost("width + height")
    editor.press("<M-]>")
    editor.ghost("2 * width")
    editor.press("<M-]>")
    editor.ghost("width * height")
    editor.press("<M-[>")
    editor.ghost("2 * width")
    editor.press("2 ")
    editor.ghost("* width")
    editor.press("<Tab>")
    editor.wait_for_text(head + AREA.replace("$0", "return 2 * width"))


def test_ghost_text_is_asked_for(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    head = engine("width * height", "width + height")
    editor.open(head + AREA.replace("$0", "return "))
    editor.place_cursor(2, 10)
    editor.command("Infill trigger")
    editor.ghost("width * height")
    editor.press("<M-]>")
    editor.ghost("width + height")
    editor.press("<Tab>")
    editor.wait_for_text(head + AREA.replace("$0", "return width + height"))


def test_ghost_text_is_typed_through(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    head = engine("width * height")
    open_and_type(editor, head + AREA, "return ")
    editor.ghost("width * height")
    editor.press("wid")
    assert editor.ghost("th * height").byte_column == len("    return wid")
    editor.press("th <Tab>")
    editor.wait_for_text(head + AREA.replace("$0", "return width * height"))


def test_ghost_text_is_replaced_after_other_keys(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("width * height") + AREA, "return ")
    editor.ghost("width * height")
    # It goes with the key that does not fit, before the server has said anything.
    editor.lua(
        """
        vim.api.nvim_create_autocmd('TextChangedI', { once = true, callback = vim.schedule_wrap(function()
          _G.shown_after_key = { require('ghost').shown() or false }
        end) })
        """
    )
    editor.press("2")
    assert editor.wait_for("_G.shown_after_key") == [False]
    editor.press(" + ")
    editor.wait_for("(require('ghost').shown() or {})[2] == #'    return 2 + '")
    assert editor.ghost().text == "width * height"


def test_a_bracket_that_the_editor_closed_itself(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    head = engine("max(width, height)")
    editor.lua("vim.keymap.set('i', '(', '()<Left>')")
    try:
        open_and_type(editor, head + AREA, "return ")
        editor.ghost("max(width, height)")
        editor.press("max(")
        editor.ghost("width, height")
        assert text_of(editor) == AREA.replace("$0", "return max()")
        editor.press("<Tab>")
        editor.wait_for_text(head + AREA.replace("$0", "return max(width, height)"))
    finally:
        editor.lua("vim.keymap.del('i', '(')")


def test_no_ghost_text_in_normal_and_select_mode(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("width * height") + AREA, "return ")
    editor.ghost()
    editor.press("<Esc>")
    editor.ghost_gone()
    editor.press("A")
    editor.ghost()
    editor.lua("vim.snippet.expand('max(${1:a}, ${2:b})')")
    editor.wait_for("vim.api.nvim_get_mode().mode == 's'")
    editor.ghost_gone()
    editor.press("<Esc>")


@pytest.mark.parametrize(
    ("module", "function"), [("blink.cmp", "is_visible"), ("cmp", "visible")], ids=["blink.cmp", "nvim-cmp"]
)
def test_ghost_text_hides_behind_the_menu_of_a_completion_plugin(
    scripted_twice: Neovim, module: str, function: str
) -> None:
    editor = scripted_twice
    # The plugin's public functions and events, and nothing else of it.
    editor.lua(
        """
        local module, name = ...
        _G.menu = { visible = false, listeners = {} }
        package.loaded[module] = {
          [name] = function() return _G.menu.visible end,
          event = { on = function(_, event, listener) _G.menu.listeners[event] = listener end },
        }
        function _G.menu.set(visible)
          _G.menu.visible = visible
          if module == 'cmp' then
            _G.menu.listeners[visible and 'menu_opened' or 'menu_closed']()
          else
            vim.api.nvim_exec_autocmds('User', { pattern = visible and 'BlinkCmpMenuOpen' or 'BlinkCmpMenuClose' })
          end
        end
        """,
        module,
        function,
    )
    try:
        open_and_type(editor, engine("width * height") + AREA, "return ")
        editor.ghost("width * height")
        editor.lua("_G.menu.set(true)")
        editor.ghost_gone()
        assert not editor.lua("return require('infill').accept()")  # The key is the menu's.
        editor.press("w")
        editor.wait_for("vim.api.nvim_get_current_line():find('w$')")
        assert editor.lua("return require('ghost').shown()") is None
        editor.lua("_G.menu.set(false)")
        editor.ghost("idth * height")
    finally:
        editor.lua("package.loaded[...] = nil", module)


def test_ghost_text_is_switched_off_and_on(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    open_and_type(editor, engine("width * height") + AREA, "return ")
    editor.ghost()
    editor.command("Infill toggle buffer")
    editor.ghost_gone()
    assert editor.lua("return require('infill').status()") == "infill off"
    editor.command("Infill toggle buffer")
    editor.press("w")
    editor.ghost("idth * height")
    editor.command("Infill toggle")
    editor.ghost_gone()
    editor.command("Infill toggle")
    editor.press("i")
    editor.ghost("dth * height")


def test_the_server_hears_what_becomes_of_ghost_text(scripted_twice: Neovim) -> None:
    editor = scripted_twice
    editor.lua(
        """
        _G.sent = {}
        local client = vim.lsp.get_clients({ name = 'infill_lsp' })[1]
        local notify, request = client.rpc.notify, client.rpc.request
        client.rpc.notify = function(method, params)
          table.insert(_G.sent, method:match('%w+$') .. ' ' .. tostring(params.acceptedLength))
          return notify(method, params)
        end
        client.rpc.request = function(method, params, ...)
          table.insert(_G.sent, method:match('%w+$') .. ' ' .. tostring(params.command))
          return request(method, params, ...)
        end
        """
    )
    open_and_type(editor, engine("'🙂' * 2 + 1") + AREA, "return ")
    editor.ghost()
    editor.press("<M-w><M-w>")
    editor.wait_for("vim.list_contains(_G.sent, 'didPartiallyAcceptCompletion 3')")
    editor.press("<Tab>")
    editor.wait_for("vim.list_contains(_G.sent, 'executeCommand infill.accepted')")
    assert "didShowCompletion nil" in editor.lua("return _G.sent")
