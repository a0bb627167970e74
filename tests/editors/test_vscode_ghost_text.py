"""Ghost text in a real VS Code with the packaged extension: seen on the screen, taken with VS Code's own keys.

Files begin with a line that directs the scripted engine; places in them are marked with `$0`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vscode_driver import VSCode
from vscode_setting import directed
from vscode_window import Window, poll

from infill_lsp.ghost.feedback import NOTHING

pytestmark = [pytest.mark.editor, pytest.mark.vscode]

AREA = "def area(width, height):\n    $0\n\n\nprint(area(2, 3))\n"


def check_ghost_text(window: Window, name: str, source: str, *, typed: str, ghost: str, expect: str) -> None:
    """Type at `$0`, see the ghost text, accept it with Tab, and take all of it back.

    What always holds: nothing is in the text before it is accepted, and the file that is saved is exactly that text.
    """
    window.open(name, source)
    before = window.text()
    window.type(typed)
    window.wait_for_ghost(ghost)
    assert window.text().count(ghost) == before.count(ghost)
    window.press("Tab")
    window.wait_for_text(expect)
    window.wait_for_ghost("")
    assert window.saved(name) == expect.encode()
    window.undo_until(before)


def test_ghost_text_is_shown_and_accepted(window: Window) -> None:
    source = directed(AREA, "width * height")
    expect = source.replace("$0", "return width * height")
    check_ghost_text(window, "area.py", source, typed="return ", ghost="width * height", expect=expect)


def test_ghost_text_of_several_lines(window: Window) -> None:
    lines = "product = width * height\n    return product"
    source = directed(AREA.replace("    $0", "$0"), lines)
    expect = source.replace("$0", "    " + lines)
    check_ghost_text(window, "lines.py", source, typed="    ", ghost=lines, expect=expect)


def test_a_closing_bracket_that_the_editor_typed(window: Window) -> None:
    source = directed("def area(width, height):\n    return $0\n", "width, height")
    expect = source.replace("$0", "max(width, height)")
    check_ghost_text(window, "bracket.py", source, typed="max(", ghost="width, height", expect=expect)


def test_a_file_with_crlf(window: Window) -> None:
    lines = "product = width * height\n    return product"
    source = directed("def area(width, height):\n$0\n\n\nprint('🙂', area(2, 3))\n", lines).replace("\n", "\r\n")
    expect = source.replace("$0", "    " + lines.replace("\n", "\r\n"))
    check_ghost_text(window, "crlf.py", source, typed="    ", ghost=lines, expect=expect)


def test_a_file_with_tabs(window: Window) -> None:
    lines = "product = width * height\n\treturn product"
    source = directed("def area(width, height):\n$0\n\n\ndef both():\n\treturn 1\n", lines)
    expect = source.replace("$0", "\t" + lines)
    shown = lines.replace("\t", "    ")
    window.open("tabs.py", source)
    window.press("Tab")
    window.wait_for_ghost(shown)
    window.press("Tab")
    window.wait_for_text(expect)


def test_an_emoji_before_the_caret(window: Window) -> None:
    source = directed("label = '🙂é'; $0\n", "len(label)")
    expect = source.replace("$0", "size = len(label)")
    check_ghost_text(window, "emoji.py", source, typed="size = ", ghost="len(label)", expect=expect)


def test_one_word_is_accepted_and_the_server_learns_of_it(window: Window, vscode: VSCode) -> None:
    source = directed(AREA, "width * height", confidences=[0.04])
    window.open("word.py", source)
    window.type("return ")
    window.wait_for_ghost("width * height")
    window.press("Control+ArrowRight")
    window.wait_for_text(source.replace("$0", "return width"))
    window.wait_for_ghost(" * height")
    poll(lambda: num_taken(vscode, bucket=0) > 0, lambda: f"the server learnt nothing\n{window.story()}")


def test_one_line_is_accepted_and_the_server_learns_of_it(window: Window, vscode: VSCode) -> None:
    source = directed(AREA.replace("    $0", "$0"), "product = width * height\n    return product", confidences=[0.3])
    window.open("line.py", source)
    window.type("    ")
    window.wait_for_ghost("product = width * height\n    return product")
    window.command("editor.action.inlineSuggest.acceptNextLine")
    # VS Code takes the line's end along.
    window.wait_for_text(source.replace("$0", "    product = width * height\n"))
    window.wait_for_ghost("    return product")
    poll(lambda: num_taken(vscode, bucket=3) > 0, lambda: f"the server learnt nothing\n{window.story()}")


def num_taken(vscode: VSCode, bucket: int) -> float:
    """How many suggestions of a bucket of confidence were taken, as the server counts."""
    file = Path(vscode.environment["XDG_STATE_HOME"]) / "infill-lsp/feedback.json"
    if not file.exists():
        return 0.0
    counts = json.loads(file.read_text())["languages"].get("python", [[0.0, 0.0]] * len(NOTHING))
    return float(counts[bucket][0])


def test_ghost_text_is_dismissed(window: Window) -> None:
    source = directed(AREA, "width * height")
    window.open("dismissed.py", source)
    window.type("return ")
    window.wait_for_ghost("width * height")
    window.press("Escape")
    window.wait_for_ghost("")
    assert window.text() == source.replace("$0", "return ")


def test_who_asks_is_shown_several_and_takes_the_second(window: Window) -> None:
    source = directed(AREA, "width * height", "height * width", "sum((width, height))")
    window.open("cycled.py", source)
    window.type("return")
    window.press("Escape", "Space", "Alt+Backslash")
    window.wait_for_ghost("width * height")
    window.press("Alt+BracketRight")
    window.wait_for_ghost("height * width")
    window.press("Alt+BracketRight")
    window.wait_for_ghost("sum((width, height))")
    window.press("Alt+BracketLeft")
    window.wait_for_ghost("height * width")
    window.press("Tab")
    window.wait_for_text(source.replace("$0", "return height * width"))


def test_what_is_typed_through_leaves_the_rest(window: Window) -> None:
    source = directed(AREA, "width * height")
    window.open("through.py", source)
    window.type("return ")
    window.wait_for_ghost("width * height")
    window.type("wid")
    window.wait_for_ghost("th * height")
    window.press("Tab")
    window.wait_for_text(source.replace("$0", "return width * height"))


def test_what_is_typed_otherwise_gets_another_suggestion(window: Window) -> None:
    source = directed(AREA, "_of_{name}")
    window.open("diverged.py", source)
    window.type("size")
    window.wait_for_ghost("_of_size")
    window.type("s")
    window.wait_for_ghost("_of_sizes")
    window.press("Tab")
    window.wait_for_text(source.replace("$0", "sizes_of_sizes"))


def test_who_asks_and_gets_nothing_reads_why(window: Window) -> None:
    window.open("silent.py", directed("value = $0\n", reason="nothing fits here"))
    window.press("Alt+Backslash")
    window.wait_for_screen(".statusbar", "Infill: nothing fits here")
    assert window.messages() == ""


def test_an_excluded_file_is_left_alone_and_says_why(window: Window) -> None:
    window.open(".env.py", directed("token = $0\n", "'secret'"))
    window.press("Alt+Backslash")
    window.wait_for_status(r"left alone.*\.env")
    assert window.ghost() == ""
    window.open("not_excluded.py", directed("token = $0\n", "'secret'"))
    window.wait_for_status("ready")


def test_an_engine_in_trouble_interrupts_nobody(window: Window) -> None:
    window.open("trouble.py", directed("value = $0\n", error="unavailable"))
    window.press("Alt+Backslash")
    window.wait_for_status("the engine cannot answer; do this and that")
    assert window.messages() == ""
    window.open("no_trouble.py", directed("value = $0\n", "1"))
    window.press("Alt+Backslash")
    window.wait_for_ghost("1")
    window.wait_for_status("ready")
