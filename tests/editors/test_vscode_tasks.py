"""The commands of the packaged extension in a real VS Code: filling and rewriting, with the live preview."""

from __future__ import annotations

import pytest
from vscode_setting import directed
from vscode_window import Window, poll

pytestmark = [pytest.mark.editor, pytest.mark.vscode]

SHOWN_OUTPUT = "() => document.querySelector('.panel select')?.selectedOptions[0].text"

CARET = "const { line, character } = vscode.window.activeTextEditor.selection.active; return [line, character]"

AREA = "def area(width, height):\n    $0...\n\n\nprint(area(2, 3))\n"
LINES = "product = width * height\n    return product"


def wait_for_preview(window: Window) -> None:
    """Wait until a draft is drawn whose pieces are settled in part."""
    poll(
        lambda: {"settled", "unsettled"} <= {kind for kind, _ in window.preview()},
        lambda: f"there is no preview: {window.preview()}\n{window.story()}",
    )


def wait_for_no_preview(window: Window) -> None:
    poll(lambda: not window.preview(), lambda: f"the preview stays: {window.preview()}\n{window.story()}")


def test_a_hole_is_filled_in_sight_and_undone_in_one_step(window: Window) -> None:
    source = directed(AREA, LINES, hold=True)
    window.open("fill.py", source)
    before = window.text()
    window.begin("infill.fillHole")
    wait_for_preview(window)
    window.wait_for_status("a hole is being filled")
    assert window.text() == before
    assert all(piece.strip("_") in LINES for _, text in window.preview() for piece in text.split())
    window.let_go()
    window.wait_for_text(source.replace("$0...", LINES))
    wait_for_no_preview(window)
    window.wait_for_status(r"ready, the last fill took \d+ ms")
    end = [3, len("    return product")]
    poll(lambda: window.host(CARET) == end, lambda: f"the caret should be at {end}, not {window.host(CARET)}")
    window.undo()
    window.wait_for_text(before)


def test_escape_cancels_a_fill(window: Window) -> None:
    window.open("cancel.py", directed(AREA, LINES, hold=True))
    before = window.text()
    window.begin("infill.fillHole")
    wait_for_preview(window)
    window.press("Escape")
    wait_for_no_preview(window)
    window.wait_for_status("ready")
    window.let_go()
    window.press("Escape")  # No longer ours: the selection and the text stay.
    assert window.text() == before
    assert window.messages() == ""


def test_an_edit_ends_the_preview(window: Window) -> None:
    source = directed(AREA, LINES, hold=True)
    window.open("edited.py", source)
    window.begin("infill.fillHole")
    wait_for_preview(window)
    window.type("#")
    wait_for_no_preview(window)
    window.let_go()
    window.wait_for_text(source.replace("$0", "#"))


def test_all_holes_are_filled_and_undone_in_one_step(window: Window) -> None:
    source = directed("first = ...\r\nlabel, second = '🙂', $0...\r\n\r\n\r\ndef three():\r\n\t...\r\n", "1 + 2")
    window.open("holes.py", source)
    before = window.text()
    window.command("infill.fillAllHoles")
    filled = before.replace("= ...", "= 1 + 2").replace("'🙂', ...", "'🙂', 1 + 2").replace("\t...", "\t1 + 2")
    window.wait_for_text(filled)
    window.undo()
    window.wait_for_text(before)


def test_the_light_bulb_fills_a_hole_in_sight(window: Window) -> None:
    source = directed(AREA, LINES, hold=True)
    window.open("bulb.py", source)
    window.press("Control+Period")
    window.page.click(".action-widget .monaco-list-row:has-text('Fill hole')")
    wait_for_preview(window)
    window.let_go()
    window.wait_for_text(source.replace("$0...", LINES))


REWRITTEN = "def area(width, height):\n    $0product = width * height\n    print(product)\n    return product\n$0"


def test_a_selection_is_rewritten_by_the_dial(window: Window) -> None:
    source = directed(REWRITTEN, replace={"product": "area"}, hold=True)
    window.open("rewrite.py", source)
    before = window.text()
    window.begin("infill.rewrite")
    window.pick("Rework")
    wait_for_preview(window)
    window.press("Escape")
    wait_for_no_preview(window)
    window.let_go()
    assert window.text() == before
    window.begin("infill.rewrite")
    window.pick("A number")
    window.answer("0.75")
    wait_for_preview(window)
    window.let_go()
    head, _, code = before.partition("\n")
    window.wait_for_text(head + "\n" + code.replace("product", "area"))
    window.undo()
    window.wait_for_text(before)


def test_a_selection_is_rewritten_by_an_instruction(window: Window) -> None:
    window.open("instruction.py", directed(REWRITTEN, replace={"print(product)": "{instruction}"}))
    before = window.text()
    window.begin("infill.rewriteByInstruction")
    window.answer("log(product)")
    head, _, code = before.partition("\n")
    window.wait_for_text(head + "\n" + code.replace("print", "log"))


def test_pinned_lines_stay_when_the_others_are_rolled_again(window: Window) -> None:
    window.open("pins.py", directed(REWRITTEN, replace={"product": "product_"}))
    before = window.text()
    selection = window.host("const { start, end } = vscode.window.activeTextEditor.selection; return [start, end]")
    window.select((3, 0), (3, 0))
    window.command("infill.pin")
    poll(lambda: "pinned" in "".join(window.page.drawn_after_lines()), window.story)
    window.select(*((each["line"], each["character"]) for each in selection))
    window.command("infill.reroll")
    head, *lines = before.split("\n")
    rolled = [line if "print" in line else line.replace("product", "product_") for line in lines]
    window.wait_for_text("\n".join([head, *rolled]))
    window.select((0, 0), (0, 0))
    window.command("infill.reroll")
    again = [line if "print" in line else line.replace("product", "product_") for line in rolled]
    window.wait_for_text("\n".join([head, *again]))


def test_the_reasons_are_listed(window: Window) -> None:
    window.open("reasons.py", directed("value = $0\n", reason="nothing fits there"))
    window.press("Alt+Backslash")
    window.wait_for_screen(".statusbar", "Infill: nothing fits there")
    window.begin("infill.whyNoSuggestion")
    window.wait_for_screen(".quick-input-widget .monaco-list-row", "nothing fits there")
    window.wait_for_screen(".quick-input-widget .monaco-list-row", "reasons.py")
    window.press("Escape")


def test_suggestions_are_switched_off_and_on(window: Window) -> None:
    source = directed("value = $0\n", "1 + 1")
    window.open("toggle.py", source)
    for command, elsewhere in (("infill.toggle", "paused"), ("infill.toggleLanguage", "ready")):
        window.command(command)
        window.wait_for_status("paused")
        window.wait_for_ghost("")
        window.press("Alt+Backslash")
        window.wait_for_screen(".statusbar", "switched off by the setting enabled")
        assert window.ghost() == ""
        window.open("toggle.rs", directed("let value = $0\n", "1 + 1"))
        window.wait_for_status(elsewhere)
        window.open("toggle.py", source)
        window.command(command)
        window.wait_for_status("ready")
        window.press("Alt+Backslash")
        window.wait_for_ghost("1 + 1")


def test_the_menu_of_the_status_item(window: Window) -> None:
    window.open("menu.py", directed("value = $0\n", "1 + 1"))
    window.page.click("[id='infill-lsp.infill-lsp.infill.status'] a")
    for entry in ("Switch suggestions off for python", "Why no suggestion?", "Restart server", "Settings"):
        window.wait_for_screen(".quick-input-widget .monaco-list-row", entry)
    window.pick("Show log")
    poll(lambda: window.page.evaluate(SHOWN_OUTPUT) == "Infill", window.story)
    window.command("workbench.action.closePanel")
