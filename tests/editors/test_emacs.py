"""Ghost text and filled holes in a real Emacs with lsp-mode, configured with what docs/editors.md says.

Places are marked with `$0` in the source; the first line tells the scripted engine what to answer.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from documented import SCRIPTED_SERVER, documented, on_the_path, private_environment
from emacs_driver import Emacs

pytestmark = pytest.mark.editor


@pytest.fixture(scope="module")
def emacs() -> Iterator[Emacs]:
    """An Emacs for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        environment = {**private_environment(folder), **on_the_path(folder, SCRIPTED_SERVER)}
        with closing(Emacs(folder, documented("## Emacs", "elisp"), environment)) as editor:
            yield editor


def engine(*texts: str, **more: object) -> str:
    """The first line of a file, which tells the engine what to answer."""
    told = {"texts": texts, **more} if texts else more
    return "# " + json.dumps(told, ensure_ascii=False) + "\n"


def open_at(editor: Emacs, marked: str) -> str:
    """Open a source with point at its `$0`, and return it without the mark."""
    before, caret, after = marked.partition("$0")
    assert caret, "the source has no $0"
    editor.open(before + after, before.count("\n"), len(before.rpartition("\n")[2]))
    return before + after


def crlf(text: str) -> str:
    """The same text as Windows writes it."""
    return text.replace("\n", "\r\n")


AREA = "def area(width, height):\n    $0\n\n\nprint(area(2, 3))\n"
BODY = "size = 1\n    return size"


@pytest.mark.parametrize(
    ("source", "typed", "ghost", "expect"),
    [
        (AREA, "return ", "width * height", AREA.replace("$0", "return width * height")),
        (AREA.replace("    $0", "   $0"), " ", BODY, AREA.replace("$0", BODY)),
        ("size = max($0)\n", "width, ", "height", "size = max(width, height)\n"),
        ("label = '🙂é'; $0\n", "size = ", "len(label)", "label = '🙂é'; size = len(label)\n"),
        ("if ok:\n\t$0\n", "label = ", "'🙂'", "if ok:\n\tlabel = '🙂'\n"),
        (crlf(AREA.replace("    $0", "   $0")), " ", BODY, crlf(AREA.replace("$0", BODY))),
    ],
    ids=["a line", "several lines", "before a bracket", "after an emoji", "after a tab", "crlf"],
)
def test_ghost_text_is_shown_and_accepted(emacs: Emacs, source: str, typed: str, ghost: str, expect: str) -> None:
    head = engine(ghost)
    head = crlf(head) if "\r\n" in source else head
    open_at(emacs, head + source)
    emacs.press(typed)
    emacs.ghost(ghost)
    emacs.terminal.shows(ghost.splitlines()[0])
    typed_text = head + source.replace("$0", typed)
    assert emacs.text() == typed_text.replace("\r", "")
    emacs.press("<Tab>")
    emacs.wait_for_text(head + expect)
    assert emacs.save().decode() == head + expect
    emacs.press("\x1f")  # C-_, which undoes.
    emacs.wait_for_text(typed_text)


def test_the_server_hears_that_ghost_text_was_accepted(emacs: Emacs) -> None:
    emacs.eval(
        "(progn (setq infill-test-sent nil)"
        " (advice-add 'lsp-send-execute-command :before (lambda (name &rest _) (push name infill-test-sent))) t)"
    )
    open_at(emacs, engine("width * height") + AREA)
    emacs.press("return ")
    emacs.ghost("width * height")
    emacs.press("<Tab>")
    assert emacs.wait_for("(and infill-test-sent (vconcat infill-test-sent))") == ["infill.accepted"]


def test_ghost_text_is_asked_for_and_candidates_are_cycled(emacs: Emacs) -> None:
    head = engine("width * height", "width + height")
    open_at(emacs, head + AREA.replace("$0", "return $0"))
    emacs.press("\x03i")
    emacs.ghost("width * height")
    emacs.press("<C-n>")
    emacs.ghost("width + height")
    emacs.press("<C-n>")
    emacs.ghost("width * height")
    emacs.press("\x10")  # C-p
    emacs.ghost("width + height")
    emacs.press("<Tab>")
    emacs.wait_for_text(head + AREA.replace("$0", "return width + height"))


def test_ghost_text_is_dismissed_and_a_key_without_it_is_that_key(emacs: Emacs) -> None:
    head = engine("width * height")
    open_at(emacs, head + AREA)
    emacs.press("return ")
    emacs.ghost("width * height")
    emacs.press("\x03\x0b")  # C-c C-k; C-g would do, but ends what Emacs is at instead, such as our own question.
    emacs.ghost_gone()
    emacs.wait_for_text(head + AREA.replace("$0", "return "))
    emacs.press("wid")
    emacs.ghost("th * height")
    emacs.press("<Enter>")
    emacs.wait_for_text(head + AREA.replace("$0", "return wid\n"))


FILL, FILL_ALL, UNDO = "\x03f", "\x03F", "\x1f"
HOLE = "def area(width, height):\n    $0...\n"
FILLED = "def area(width, height):\n    size = width * height\n    return size\n"
TWO = "first = $0...\n\n\ndef f():\n\tsecond = ...\n\treturn second\n"


@pytest.mark.parametrize(
    ("head", "source", "keys", "expect"),
    [
        (engine("size = width * height\n    return size"), HOLE, FILL, FILLED),
        (engine("3 * 4") + "label, size = '🙂', ", "$0...\n", FILL, "3 * 4\n"),
        (
            engine("{name}_filled"),
            TWO,
            FILL_ALL,
            TWO.replace("first = $0...", "first = first_filled").replace("second = ...", "second = second_filled"),
        ),
    ],
    ids=["body", "after an emoji", "all"],
)
@pytest.mark.parametrize("spell", [str, crlf], ids=["lf", "crlf"])
def test_holes_are_filled_in_one_undo_step(
    emacs: Emacs, spell: Callable[[str], str], head: str, source: str, keys: str, expect: str
) -> None:
    text = open_at(emacs, spell(head + source))
    emacs.press(keys)
    emacs.wait_for_text(head + expect)
    assert emacs.save().decode() == spell(head + expect)
    emacs.press(UNDO)
    emacs.wait_for_text(text)


def test_the_region_is_rewritten(emacs: Emacs) -> None:
    head, source = (
        engine(replace={"found": "result"}),
        "found = []\nfor number in range(9):\n    found.append(number)\n",
    )
    text = open_at(emacs, head + "$0" + source)
    emacs.press("\x00", "\x0e" * 3)  # Set the mark, three lines down.
    emacs.press("\x1bxlsp-execute-code-action\r")
    emacs.terminal.shows("Select code action")
    emacs.press("Rewrite: rework\r")
    emacs.wait_for_text(head + source.replace("found", "result"))
    emacs.press(UNDO)
    emacs.wait_for_text(text)


def test_where_there_is_no_hole_the_user_is_told(emacs: Emacs) -> None:
    open_at(emacs, "size = 1 +$0 1\n")
    emacs.press(FILL)
    emacs.terminal.shows("infill-lsp does not offer this here: Fill hole")


def test_the_user_learns_why_there_was_no_suggestion_and_how_the_server_is(emacs: Emacs) -> None:
    open_at(emacs, engine("1") + "# a comment$0\n")
    emacs.terminal.shows("infill:")
    emacs.press("\x03i")
    emacs.terminal.shows("No Suggestions!")
    emacs.press("\x1bxinfill-why\r")
    emacs.terminal.shows("the caret is in a comment")
