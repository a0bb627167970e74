from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp.holes.hole import Hole, HoleKind, NoHole, hole_at, hole_for_action, hole_on_request
from infill_lsp.languages import Language
from infill_lsp.reading import scan
from infill_lsp.reading.scan import Bracket, Frame
from tests.check import check_action, check_always, check_hole, check_no_hole
from tests.fixture import marked, snapshot_of

COMPLETE = "the line is complete"
TEXT = "text follows the caret"
WORD = "a word begins right of the caret"


@pytest.mark.parametrize(
    ("text", "kind", "hole"),
    [
        # The right-hand side, an expression, the rest of a line.
        ("x = $0", "expression", "="),
        ("x = $0\n", "expression", "="),
        ("x = $0   \n", "expression", "x = $0   $0\n"),
        ("x = $0\t\r\ny = 1\r\n", "expression", "x = $0\t$0\r\ny = 1\r\n"),
        ("x =$0\n", "expression", "="),
        ("x: $0\n", "expression", "="),
        ("x = a + $0\n", "expression", "="),
        ("x = $0 + a\n", "expression", "="),
        ("x = a.$0\n", "expression", "="),
        ("x += $0  # why\n", "expression", "="),
        ("def f(a):\n    return $0\n", "expression", "="),
        ("def f(a):\n    return $0 if a else b\n", "expression", "="),
        ("if $0:\n    pass\n", "expression", "="),
        ("if a and $0:\n    pass\n", "expression", "="),
        ("for x in $0:\n    pass\n", "expression", "="),
        ("if a: return $0\n", "expression", "="),
        ("import $0\n", "expression", "="),
        ("from os import path, $0\n", "expression", "="),
        ("@$0\ndef f(): ...\n", "expression", "="),
        ("def $0(a):\n    return a\n", "expression", "="),
        ("x = a or \\\n    $0\n", "expression", "="),
        ("x = a \\\n    $0\n", "expression", "="),
        ("x = f'{a + $0}'\n", "expression", "="),
        ("x = f'{a}' + $0\n", "expression", "="),
        ("x = 'it\\'s' + $0\n", "expression", "="),
        ("x = '# no comment' + $0\n", "expression", "="),
        # Brackets.
        ("foo($0)\n", "arguments", "="),
        ("foo($0\ny = 1\n", "arguments", "="),
        ("foo(a, $0, c)\n", "arguments", "="),
        ("foo(a, $0)\n", "arguments", "="),
        ("foo(a, b=$0)\n", "arguments", "="),
        ("foo(1$0\n", "arguments", "="),
        ("foo(bar(1)$0\n", "arguments", "="),
        ("def f($0):\n    pass\n", "arguments", "="),
        ("foo(\n    a,\n    $0\n)\n", "arguments", "="),
        ("foo(\n    $0\n)\n", "arguments", "="),
        ("foo(  # all of it\n    $0\n)\n", "arguments", "="),
        ("foo(\n    a,\n    $0)\n", "arguments", "="),
        ("foo()($0)\n", "arguments", "="),
        ("x = ($0)\n", "expression", "="),
        ("return ($0)\n", "expression", "="),
        ("x = [$0]\n", "expression", "="),
        ("x = {'a': $0}\n", "expression", "="),
        ("x = y[1:$0]\n", "expression", "="),
        ("x = [y for y in $0]\n", "expression", "="),
        # A name that is being typed, a header without its end.
        ("pri$0", "line", "="),
        ("x = pri$0\n", "expression", "="),
        ("foo(pri$0)\n", "arguments", "="),
        ("return some$0\n", "expression", "="),
        ("for x in xs$0\n", "line", "="),
        ("def f(a, b)$0\n", "line", "="),
        ("if x:\n    pass\nelse$0\n", "line", "="),
    ],
)
def test_a_line_that_must_go_on_has_a_hole_at_the_caret(text: str, kind: HoleKind, hole: str) -> None:
    check_hole(text, kind, hole)


@pytest.mark.parametrize(
    ("text", "hole", "indent"),
    [
        ("$0", "=", ""),
        ("x = 1\n$0", "=", ""),
        ("x = 1\n$0\ny = 2\n", "=", ""),
        ("def f():\n    x = 1\n    $0\n    return x\n", "=", "    "),
        ("def f():\n    x = 1\n    $0  \n    return x\n", "def f():\n    x = 1\n    $0  $0\n    return x\n", "    "),
        ("def f():\n    x = 1\n$0\n    return x\n", "=", "    "),
        ("def f():\n    x = 1\n$0\n", "=", "    "),
        ("def f():\n    x = 1\n  $0\n", "=", "    "),
        ("def f():\n    x = 1\n   $0   \n", "def f():\n    x = 1\n   $0   $0\n", "    "),
        ("def f():\n    x = 1\n      $0\n", "def f():\n    x = 1\n$0      $0\n", "    "),
        ("def f():\n\tx = 1\n\t$0\n\treturn x\n", "=", "\t"),
        ("def f():\n    return 1\n$0\n", "=", ""),
        ("class A:\n    def f(self):\n        return 1\n$0\n    def g(self): ...\n", "=", "    "),
        ("class A:\n    def f(self):\n        return 1\n    $0\n", "=", "    "),
        ("def f():\n    x = 1\n\n\n$0\n\ndef g(): ...\n", "=", ""),
        ("def f():\n$0\n    return 1\n", "=", "    "),
        ("def f():\r\n    x = 1\r\n    $0\r\n    return x\r\n", "=", "    "),
        ("def f(a,\n      b):\n    x = foo(a,\n            b)\n$0\n", "=", "    "),
    ],
)
def test_a_blank_line_has_a_hole_for_one_statement(text: str, hole: str, indent: str) -> None:
    check_hole(text, "statement", hole, indent=indent)


@pytest.mark.parametrize(
    ("text", "indent"),
    [
        ("def f():\n    $0\n", "    "),
        ("def f():\n$0", "    "),
        ("def f():  # why\n    $0\n", "    "),
        ("def f(a,\n      b):\n$0\n\n\ndef g(): ...\n", "    "),
        ("class A:\n    def f(self):\n        $0\n\n    def g(self):\n        return 1\n", "        "),
        ("class A:\n\tdef f(self):\n$0\n", "\t\t"),
        ("if a:\n  x = 1\nelse:\n$0\n", "  "),
        ("if a:\n  $0\n", "  "),
        ("if a:\n  b()\nif c:\n      \nif d:\n$0\n", "  "),
        ('def f():\n    """Say why."""\n    $0\n', "    "),
        ('def f():\n    """Say why.\n\n    At length.\n    """\n$0\n', "    "),
        ("def f():\n    # Count them all.\n    $0\n", "    "),
        ("x = {'a:': 1}\nwith open(x[1:]) as f:\n    $0\n", "    "),
    ],
)
def test_the_first_line_of_an_empty_block_has_a_hole_for_the_whole_body(text: str, indent: str) -> None:
    check_hole(text, "body", "=", multiline=True, indent=indent)


@pytest.mark.parametrize(
    ("text", "hole", "multiline"),
    [
        ("def f():\n    $0...\n", "def f():\n    $0...$0\n", True),
        ("def f():\n    ...$0\n", "def f():\n    $0...$0\n", True),
        ("def f():\n    .$0..\n", "def f():\n    $0...$0\n", True),
        ("def f():\n    pa$0ss\n", "def f():\n    $0pass$0\n", True),
        ("def f():\n    pass$0\n    # more\n", "def f():\n    $0pass$0\n    # more\n", True),
        (
            "def f():\n    raise Not$0ImplementedError('later')\n",
            "def f():\n    $0raise NotImplementedError('later')$0\n",
            True,
        ),
        ("def f(): ...$0\n", "def f(): $0...$0\n", False),
        ("x = ...$0\n", "x = $0...$0\n", False),
        ("foo(a, $0...)\n", "foo(a, $0...$0)\n", False),
        ("return ..$0.\n", "return $0...$0\n", False),
        ("if a: pass$0  # why\n", "if a: $0pass$0  # why\n", False),
    ],
)
def test_a_placeholder_that_the_caret_touches_is_the_hole(text: str, hole: str, multiline: bool) -> None:
    check_hole(text, "placeholder", hole, multiline=multiline)
    check_action(text, "placeholder", hole, multiline=multiline)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("def f():\n    $0pass\n", True),
        ("x = $0...\n", True),
        ("def f():\n    pass$0\n", False),
        ("def f():\n    pa$0ss\n", False),
        ("def f():\n    ...$0\n", False),
        ("def f():\n    raise NotImplementedError$0\n", False),
        ("x = .$0..\n", False),
        ("foo(a, ...$0\n", False),
    ],
)
def test_for_who_only_types_a_placeholder_is_a_hole_with_the_caret_at_its_start_alone(text: str, taken: bool) -> None:
    at = marked(text)
    found = hole_at(snapshot_of(at.text), at.offset, explicit=False)
    if taken:
        assert isinstance(found, Hole)
        assert found.kind == "placeholder"
    else:
        assert found == NoHole("the placeholder is filled on request, or with the caret at its start")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# he$0llo\n", "the caret is in a comment"),
        ("x = 1  # hello$0\n", "the caret is in a comment"),
        ("# ...$0\n", "the caret is in a comment"),
        ("x = 'he$0llo'\n", "the caret is in a string"),
        ("x = 'hello $0\ny = 1\n", "the caret is in a string"),
        ("x = f'he$0llo {a}'\n", "the caret is in a string"),
        ('def f():\n    """Say\n    return $0\n    why."""\n', "the caret is in a string"),
        ('def f():\n    """Say\n\n    raise $0\n\n\nx = 1\n', "the caret is in a string"),
        ('"""\n' + "def f(): it's\n" * 500 + '$0\n"""\n', "the caret is in a string"),
        ("x = na$0me\n", WORD),
        ("x = $0name\n", WORD),
        ("$0x = 1\n", WORD),
        ("x = 1 $0# why\n", COMPLETE),
        ("    $0# why\n", TEXT),
        ("$0(a)\n", TEXT),
        ("foo(\n    $0+ 1)\n", TEXT),
        ("x = $0 'a'\n", TEXT),
        ("x = $0 name\n", TEXT),
        ("x = 1$0\n", COMPLETE),
        ("x = 1 $0\n", COMPLETE),
        ("x = 1.$0\n", COMPLETE),
        ("x = 'a'$0\n", COMPLETE),
        ("foo(a)$0\n", COMPLETE),
        ("foo('a'$0)\n", COMPLETE),
        ("foo(\n    'a'$0\n)\n", COMPLETE),
        ("foo(\n    'a'\n    $0\n)\n", COMPLETE),
        ("def f(x):\n    return x$0\n", COMPLETE),
        ("def f(x):\n    return x $0\n", COMPLETE),
        ("def f(x):\n    return$0\n", COMPLETE),
        ("return None$0\n", COMPLETE),
        ("break$0\n", COMPLETE),
        ("x = bypass\nbypass$0\n", COMPLETE),
        ("if x:$0\n", COMPLETE),
        ("if x:  $0\n    y = 1\n", COMPLETE),
        ("if x: y(1)$0\n", COMPLETE),
        ("x = y[...$0]\n", COMPLETE),
        ("x: Tuple[int, ...$0]\n", COMPLETE),
        ("match = 1$0\n", COMPLETE),
    ],
)
def test_there_is_no_hole_where_nothing_is_missing(text: str, reason: str) -> None:
    check_no_hole(text, reason)


@pytest.mark.parametrize(
    ("text", "kind", "indent"),
    [
        ("def f():\n    x = int(a\n    y = 1\n    $0\n    z = g(1)\n", "statement", "    "),
        ("def f():\n    x = int(a\n    if y:\n        $0\n    z = g(1)\n", "body", "        "),
        ("def f(a, b:\n    x = 1\n    $0\n    return x\n", "statement", "    "),
        ("def f():\n    x = [1,\n\n    $0\n\ndef g(a):\n    return a\n", "statement", "    "),
        ("x = [\n1,\n$0\n]\n", "expression", ""),
    ],
)
def test_a_bracket_above_that_was_never_closed_does_not_change_the_hole(text: str, kind: HoleKind, indent: str) -> None:
    check_hole(text, kind, "=", multiline=kind == "body", indent=indent)


@pytest.mark.parametrize(
    ("text", "kind", "hole"),
    [
        ("x = 'he $0'\n", "string", "="),
        ("x = 'he $0\n", "string", "="),
        ("x = f'{a} $0 {b}'\n", "string", "="),
        ("x = 'he $0 you'\n", "string", "="),
        ('"""He $0  \nyou."""\n', "string", '"""He $0  $0\nyou."""\n'),
        ("# he $0\n", "comment", "="),
        ("x = 1  # he $0  \r\n", "comment", "x = 1  # he $0  $0\r\n"),
    ],
)
def test_strings_and_comments_are_filled_for_who_wants_it(text: str, kind: HoleKind, hole: str) -> None:
    check_hole(text, kind, hole, in_text=True)
    check_no_hole(text, f"the caret is in a {kind}")


def test_each_of_strings_and_comments_is_asked_for_by_itself() -> None:
    snapshot = snapshot_of("x = 'a '  # b \n")
    assert isinstance(hole_at(snapshot, 7, in_strings=True), Hole)
    assert hole_at(snapshot, 7, in_comments=True) == NoHole("the caret is in a string")
    assert isinstance(hole_at(snapshot, 14, in_comments=True), Hole)
    assert hole_at(snapshot, 14, in_strings=True) == NoHole("the caret is in a comment")


@pytest.mark.parametrize(
    ("text", "kind", "hole", "multiline"),
    [
        ("x = $0foo(a)$0\n", "selection", "=", False),
        ("x =$0 foo(a) $0\n", "selection", "x = $0foo(a)$0 \n", False),
        ("x = fo$0o + ba$0r\n", "selection", "x = $0foo + bar$0\n", False),
        ("def f():\n$0    return 1\n$0\n", "selection", "def f():\n    $0return 1$0\n\n", True),
        (
            "def f():\n    $0x = 1\n    return x$0\n\n",
            "selection",
            "def f():\n    $0x = 1\n    return x$0\n\n",
            True,
        ),
        ("foo($0a,\n    b$0)\n", "selection", "=", True),
        ("$0# old\nx = 1$0\n", "selection", "=", True),
        ("$0x = 1$0  \n", "selection", "=", True),
        ("def f$0():\n", "body", "def f():$0\n", True),
        ("def f():  # why$0\n\n\nx = 1\n", "body", "=", True),
        ("class A:\n    def f(self):$0\n    def g(self): ...\n", "body", "=", True),
        ("if x$0:\n", "body", "if x:$0\n", True),
        ("def f():\n    $0\n", "body", "=", True),
        ("def f():\n    # TO$0DO: count\n", "placeholder", "def f():\n    $0# TODO: count$0\n", True),
        ("x = {1:$0\n}\n", "error", "x = {1$0:$0\n}\n", False),
        ("def f():\n    # TO$0D$0O: count\n", "placeholder", "def f():\n    $0# TODO: count$0\n", True),
        ("x = .$0.$0.\n", "placeholder", "x = $0...$0\n", False),
        ("x = .$0..$0\n", "selection", "=", False),
        ("foo(...$0,$0 x)\n", "selection", "=", False),
        ("def f():\n    # todo$0\n\nx = 1\n", "placeholder", "def f():\n    $0# todo$0\n\nx = 1\n", True),
    ],
)
def test_an_action_fills_a_selection_an_empty_body_a_todo_or_what_does_not_parse(
    text: str, kind: HoleKind, hole: str, multiline: bool
) -> None:
    check_action(text, kind, hole, multiline=multiline)


@pytest.mark.parametrize(
    "text",
    [
        "x = $0\n",
        "$0",
        "x = 1$0\n",
        "def f():$0\n    return 1\n",
        "def f():\n    # TODO$0\n    return 1\n",
        "# TODO$0\nx = 1\n",
        "def f():\n    return 1\n    $0\n",
        "x = 1\n$0   $0\n",
    ],
)
def test_an_action_is_not_offered_elsewhere(text: str) -> None:
    at = marked(text)
    assert hole_for_action(snapshot_of(at.text), at.start, at.end) == NoHole("nothing to fill here")


@pytest.mark.parametrize(
    ("text", "kind", "hole"),
    [
        ("def f(a):\n    return $0\n", "expression", ""),
        ("x = f($0)\n", "arguments", ""),
        ("x = f($0\ny = 1\n", "arguments", ""),
        ("for x in ra$0\n", "line", ""),
        ("def f(): ...$0\n", "placeholder", "..."),
        ("def f():$0\n", "body", ""),
    ],
)
def test_who_asks_may_fill_the_rest_of_a_line(text: str, kind: HoleKind, hole: str) -> None:
    at = marked(text)
    found = hole_on_request(snapshot_of(at.text), at.start, at.end)
    assert isinstance(found, Hole), found
    assert (found.kind, at.text[found.start : found.end]) == (kind, hole)


def test_an_empty_block_comes_before_the_rest_of_its_header() -> None:
    found = hole_on_request(snapshot_of("def f\nend\n", "ruby"), 5, 5)
    assert isinstance(found, Hole)
    assert (found.kind, found.multiline) == ("body", True)


@pytest.mark.parametrize("text", ["x = 1$0\n", "x = a$0.b\n", "x = a$0 + b\n", "x = 'a$0'\n", "x = 1\n$0   $0\n"])
def test_who_asks_where_nothing_is_missing_changes_nothing(text: str) -> None:
    at = marked(text)
    assert hole_on_request(snapshot_of(at.text), at.start, at.end) == NoHole("nothing to fill here")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 'a $0b c$0 d'\n", "the selection begins in a comment or a string"),
        ("x = $0foo('a$0')\n", "the selection ends in a string"),
        ("x = 1  # a $0b$0\n", "the selection begins in a comment or a string"),
    ],
)
def test_a_selection_does_not_cut_a_string(text: str, reason: str) -> None:
    at = marked(text)
    assert hole_for_action(snapshot_of(at.text), at.start, at.end) == NoHole(reason)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x = $0\n", "expression"),
        ("foo($0)\n", "arguments"),
        ("def f():\n    x = 1\n    $0\n", "statement"),
        ("foo(\n    a,\n    $0\n)\n", "arguments"),
    ],
)
def test_without_a_tree_brackets_and_indentation_still_tell(text: str, kind: HoleKind) -> None:
    at = marked(text)
    for language in ("plaintext", "python"):
        snapshot = snapshot_of(at.text, language)
        if language == "python":
            snapshot = snapshot_of("\0" + at.text, language)
            assert snapshot.tree is None
        found = hole_at(snapshot, at.offset + (language == "python"))
        assert isinstance(found, Hole)
        assert found.kind == kind


def test_a_caret_outside_the_text_is_moved_into_it() -> None:
    snapshot = snapshot_of("x = ")
    assert hole_at(snapshot, 99) == hole_at(snapshot, 4)
    assert isinstance(hole_at(snapshot, -1), NoHole)


def test_a_caret_within_a_line_break_is_at_the_lines_end() -> None:
    snapshot = snapshot_of("x = \r\ny = 1\r\n")
    assert hole_at(snapshot, 5) == hole_at(snapshot, 4)


def test_nothing_may_follow_the_backslash_that_joins_two_lines() -> None:
    assert hole_at(snapshot_of("x = a + \\\n"), 9) == NoHole(COMPLETE)


@pytest.mark.parametrize(
    "text",
    [
        "x = [\n" + "    1,\n" * 20_000 + "]\ny = $0\n",
        "def f():\n" + "    x = (1, 2)\n" * 20_000 + "    y = $0\n",
        "x = [" + "1, " * 60_000 + "$0]\n",
        '"""\n' + "text (\n" * 20_000 + '"""\ny = $0\n',
    ],
    ids=["list", "function", "line", "string"],
)
def test_the_work_does_not_grow_with_the_file(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = marked(text)
    snapshot = snapshot_of(at.text)
    num_read = 0
    walk = scan.walk

    def counting(text: str, start: int, end: int, language: Language, frames: list[Frame]) -> Iterator[Bracket]:
        nonlocal num_read
        num_read += end - start
        return walk(text, start, end, language, frames)

    monkeypatch.setattr(scan, "walk", counting)
    assert isinstance(hole_at(snapshot, at.offset), Hole)
    assert num_read < 300_000


# Fixed names, so that a failure can be met again; all of them exist in every supported Python.
STDLIB = (
    "argparse.py",
    "ast.py",
    "bisect.py",
    "contextlib.py",
    "dataclasses.py",
    "heapq.py",
    "inspect.py",
    "textwrap.py",
    "tokenize.py",
    "string.py",
)


@pytest.mark.parametrize("name", STDLIB)
def test_every_end_of_a_token_in_the_standard_library_has_a_hole_or_a_reason(name: str) -> None:
    text = (Path(sysconfig.get_path("stdlib")) / name).read_text("utf-8")
    snapshot = snapshot_of(text)
    num_holes = 0
    ends = [
        offset
        for offset in range(1, len(text) + 1)
        if not text[offset - 1].isspace() and (offset == len(text) or not (text[offset - 1 : offset + 1]).isalnum())
    ]
    for offset in ends[:: max(len(ends) // 400, 1)]:
        for found in (hole_at(snapshot, offset), hole_for_action(snapshot, offset, offset)):
            if isinstance(found, Hole):
                num_holes += 1
                check_always(snapshot, found)
                line = snapshot.index.line_of(offset)
                assert snapshot.index.line_start(line) <= found.start <= found.end <= snapshot.index.line_end(line)
            else:
                assert found.reason
    assert num_holes > 0


@pytest.mark.parametrize("opener", ["(", "[", "{"])
def test_where_more_brackets_are_open_than_any_code_has_there_is_no_hole(opener: str) -> None:
    text = "\n".join(opener * 100 for _ in range(1_000))
    snapshot = snapshot_of(text)
    found = hole_at(snapshot, len(text))
    assert isinstance(found, NoHole)
    assert found.reason == "more brackets are open here than any code has"
    assert isinstance(hole_for_action(snapshot, len(text), len(text)), NoHole)
