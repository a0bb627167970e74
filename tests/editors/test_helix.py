"""Holes filled and code rewritten in a real Helix, configured with what docs/editors.md says.

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
from helix_driver import Helix

pytestmark = pytest.mark.editor


@pytest.fixture(scope="module")
def helix() -> Iterator[Helix]:
    """A Helix for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        environment = {**private_environment(folder), **on_the_path(folder, SCRIPTED_SERVER)}
        with closing(Helix(folder, documented("## Helix", "toml"), environment)) as editor:
            yield editor


def engine(*texts: str, **more: object) -> str:
    """The first line of a file, which tells the engine what to answer."""
    told = {"texts": texts, **more} if texts else more
    return "# " + json.dumps(told, ensure_ascii=False) + "\n"


def crlf(text: str) -> str:
    """The same text as Windows writes it."""
    return text.replace("\n", "\r\n")


def open_at(editor: Helix, marked: str) -> str:
    """Open a source with the cursor at its `$0`, and return it without the mark."""
    before, caret, after = marked.partition("$0")
    assert caret, "the source has no $0"
    editor.open(before + after, before.count("\n"), len(before.rpartition("\n")[2]))
    return before + after


def check_change(editor: Helix, marked: str, action: str, expect: str, *, selecting: str = "") -> None:
    """Pick an action; the screen and then the file hold what is expected, and one undo takes all of it back."""
    text = open_at(editor, marked)
    editor.press(selecting)
    editor.choose(action)
    editor.wait_for_text(expect)
    assert editor.save().decode() == expect
    editor.press("u")
    editor.wait_for_text(text)


NAMES = engine("{name}_filled")
TWO = "first = ...\n\n\ndef f():\n    second = $0...\n    third = ...\n    return second\n"
TWO_FILLED = TWO.replace("second = $0...", "second = second_filled").replace("third = ...", "third = third_filled")


@pytest.mark.parametrize("spell", [str, crlf], ids=["lf", "crlf"])
@pytest.mark.parametrize(
    ("head", "source", "expect"),
    [
        (engine("width * height"), "def area(width, height):\n    return $0...\n", "width * height"),
        (engine("size = 1\n    return size"), "def area(width, height):\n    $0pass\n", "size = 1\n    return size"),
        (engine("3 * 4"), "label, size = '🙂é', .$0..\n", "3 * 4"),
        (engine("return 1"), "def f():\n    # TO$0DO: count\n", "return 1"),
    ],
    ids=["value", "body", "after an emoji", "todo"],
)
def test_a_hole_is_filled(helix: Helix, spell: Callable[[str], str], head: str, source: str, expect: str) -> None:
    text = source.replace("$0", "")
    placeholder = next(each for each in ("...", "pass", "# TODO: count") if each in text)
    check_change(helix, spell(head + source), "Fill hole", spell(head + text.replace(placeholder, expect)))


def test_an_empty_body_is_filled(helix: Helix) -> None:
    source = "def area(width, height):$0\n"
    expect = "def area(width, height):\n    return width * height\n"
    head = engine("return width * height")
    check_change(helix, head + source, "Fill hole", head + expect)


def test_a_selection_is_filled(helix: Helix) -> None:
    head = engine("3 * 4")
    check_change(helix, head + "size = $01 + 1\n", "Fill hole", head + "size = 3 * 4\n", selecting="vgl")


def test_all_holes_of_a_function_and_of_a_file_are_filled(helix: Helix) -> None:
    check_change(helix, NAMES + TWO, "Fill all holes in this function", NAMES + TWO_FILLED)
    everywhere = TWO_FILLED.replace("first = ...", "first = first_filled")
    check_change(helix, NAMES + TWO, "Fill all holes in this file", NAMES + everywhere)


def test_a_selection_is_rewritten(helix: Helix) -> None:
    head = engine(replace={"found": "result"})
    source = "$0found = []\nfor number in range(9):\n    found.append(number)\n"
    expect = source.replace("$0", "").replace("found", "result")
    check_change(helix, head + source, "Rewrite: rework", head + expect, selecting="x2x")


def test_a_hole_that_cannot_be_filled_is_told(helix: Helix) -> None:
    text = open_at(helix, engine(error="unavailable") + "size = $0...\n")
    helix.choose("Fill hole")
    helix.terminal.shows("the engine cannot answer; do this and that")
    helix.wait_for_text(text)
