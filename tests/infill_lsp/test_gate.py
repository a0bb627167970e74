from __future__ import annotations

import pytest

from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.judging import near_check
from infill_lsp.judging.gate import rejection
from infill_lsp.judging.validity import CompilerError, first_error
from infill_lsp.trees import syntax
from tests.check import check_rejected, check_shown
from tests.fixture import marked, snapshot_of

EMPTY = "the fill is empty"
COMMENT = "the fill is only a comment"
STRING = "the fill is only a string"
PLACEHOLDER = "the fill is only a placeholder"
NOTHING = "the fill changes nothing"
PARSE = "the fill adds a parse error"
AFTER = "the fill repeats the text after the hole"
BELOW = "the fill repeats the line below"
ABOVE = "the fill repeats the line above"
ITSELF = "the fill repeats itself"
INDENT = "the fill breaks the indentation"
TABS = "the fill mixes tabs and blanks"
BREAK = "the fill holds a line break"


@pytest.mark.parametrize(
    ("text", "fill", "reason"),
    [
        ("x = $0\n", "", EMPTY),
        ("x = $0\n", " \t", EMPTY),
        ("x = $0\n", "# one", COMMENT),
        ("def f():\n    $0\n", "# one\n    # two", COMMENT),
        ("def f():\n    $0\n", '"""Say why."""', STRING),
        ("def f():\n    x = 1\n    $0\n", "'x'", STRING),
        ("def f():\n    $0\n", "pass", PLACEHOLDER),
        ("def f():\n    pass$0\n", "...", PLACEHOLDER),
        ("def f():\n    pass$0\n", "pass", NOTHING),
        ("$0x = 1$0\n", "x = 1", NOTHING),
        # The parse.
        ("x = $0\n", "1 +", PARSE),
        ("x = $0\n", "foo(a", PARSE),
        ("x = $0\n", "= 1", PARSE),
        ("x = $0\n", "'a", PARSE),
        ("x = $0\n", "f'{a'", PARSE),
        ("x = $0\n", "1 2", PARSE),
        ("x = $0\n", "if", PARSE),
        ("foo($0)\n", "a b", PARSE),
        ("foo($0)\n", "a))(", PARSE),
        ("foo(a, $0, c)\n", "b c", PARSE),
        ("foo($0\ny = 1\n", "a", PARSE),
        ("if $0:\n    pass\n", "x ==", PARSE),
        ("if $0:\n    pass\n", "x = 1", PARSE),
        ("def f(x):\n    if $0\n    return x\n", "x > 1", PARSE),
        ("def f(x):\n    if $0\n    return x\n", "x = 1:", PARSE),
        ("for x in xs$0\n    pass\n", " y:", PARSE),
        ("for x in xs$0\n    pass\n", "and y", PARSE),
        ("def f():\n    $0\n", "if x:", PARSE),
        ("def f():\n    $0\n", "x = 1\n        y = 2", PARSE),
        ("def f():\n    $0\n", "return (1,", PARSE),
        ("def f():\n    $0\n", 'x = """a', PARSE),
        ("def f():\n    x = 1\n    $0\n    return x\n", "try:", PARSE),
        ("a = )\nx = $0\n", "1 +", PARSE),
        ("x = $0\n\n\ndef g(:\n    pass\n", "(1", PARSE),
        ("x = f'{$0}'\n", "a b", PARSE),
        ("def f():\n    ...$0\n", "return return", PARSE),
        ("@cache\n$0\n\n\nx = 1\n", "def f():", PARSE),
        # Said again.
        ("if $0:\n    pass\n", "x:", AFTER),
        ("foo(a, $0, c)\n", "b, c", AFTER),
        ("x = $0 + 1\n", "a + 1", AFTER),
        ("x = $0\nx = 1\n", "1", BELOW),
        ("x = 1\nx = $0\n", "1", ABOVE),
        ("def f():\n    $0\n\n    return 1\n", "return 1", BELOW),
        ("def f():\n    x = 1\n    $0\n", "x = 1", ABOVE),
        ("def f():\r\n    x = 1\r\n    $0\r\n", "x = 1", ABOVE),
        ("def f():\n    $0\n", "x = 1\n    y = 2\n    y = 2\n    y = 2", ITSELF),
        ("x = $0\n", "self.rentalalal", ITSELF),
        ("x = $0\n", "None0000000000", ITSELF),
        # Indentation.
        ("def f():\n    $0\n", "x = 1\n  y = 2", INDENT),
        ("def f():\n    $0\n", "x = 1\ny = 2", INDENT),
        ("def f():\n    $0\n", "  x = 1", INDENT),
        ("def f():\n    $0\n", "x = 1  # (\n  y = 2", INDENT),
        ("def f():\n$0\n", "x = 1", INDENT),
        ("def f():\n    $0\n", "if x:\n    \ty = 2", TABS),
        ("def f():\n\t$0\n\nif a:\n\tb()\n", "if x:\n\t    y = 2", TABS),
        ("x = $0\n", "1\ny = 2", BREAK),
        ("foo($0)\n", "a,\n    b", BREAK),
        ("def f():\n    x = 1\n    $0\n", "y = 1\n    z = 2", BREAK),
    ],
)
def test_a_fill_that_does_harm_or_says_nothing_is_not_shown(text: str, fill: str, reason: str) -> None:
    check_rejected(text, fill, reason)


@pytest.mark.parametrize(
    ("text", "fill"),
    [
        ("x = $0\n", "1"),
        ("x = $0\n", "'a'"),
        ("x = $0", "foo(a)[1]"),
        ("x = $0\n", "banana.__init__(1000000)"),
        ("x = $0\ny = 2\n", "1"),
        ("foo($0)\n", "a, b=1"),
        ("foo(a=1, $0)\n", "b=2"),
        ("foo(a, $0, c)\n", "*b"),
        ("foo($0\ny = 1\n", "a)"),
        ("if $0:\n    pass\n", "x > 1 and not y"),
        ("if $0:\n", "x > 1"),
        ("def f(x):\n    if $0\n    return x\n", "x > 1:"),
        ("for $0\nprint(1)\n", "x in xs:"),
        ("for x in xs$0\n    pass\n", ":"),
        ("for $0:\n    pass\n", "x in xs"),
        ("def f($0):\n    pass\n", "a: int = 1, *, b"),
        ("x = [$0]\n", "y for y in ys"),
        ("x = {'a': 1, $0}\n", "'b': 2"),
        ("x = f'{$0}'\n", "a + 1"),
        ("import $0\n", "os"),
        ("return $0\n", "x"),
        ("@$0\ndef f(): ...\n", "cache"),
        ("@cache\n$0\n\n\nx = 1\n", "def f(): return 1"),
        ("pri$0", "nt(1)"),
        ("def f():\n    $0\n", "return 1"),
        ("def f():\n    $0\n", "x = 1\n    return x"),
        ("def f():\n    $0\n", "x = foo(\n  a,\n    )\n    return x"),
        ("def f():\n    $0\n", 's = """\nraw"""\n    return s'),
        ("def f():\n$0\n", "    return 1"),
        ("def f():\n\t$0\n", "if x:\n\t\treturn 1"),
        ("class A:\n    def f(self):\n        $0\n\n    def g(self):\n        return 1\n", "return 1"),
        ("def f():\n    ...$0\n", "return 1"),
        ("x = ...$0\n", "1"),
        ("$0x = 1\ny = 2$0\n", "x, y = 1, 2"),
        ("# over\nx = $0\n", "1  # one"),
        # Broken elsewhere, before and after: not the fill's fault.
        ("a = )\nx = $0\n", "1"),
        ("x = $0\n\n\ndef g(:\n    pass\n", "1"),
        ("print 'old'\nx = $0\n", "1"),
        # Lines that say the same without saying anything.
        ("foo(\n    (1),\n    $0\n)\n", "(2),"),
        ("x = [\n    [\n        1,\n    ],\n    $0\n]\n", "[2],"),
    ],
)
def test_a_good_fill_is_shown(text: str, fill: str) -> None:
    check_shown(text, fill)


def test_a_fill_that_cannot_be_checked_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "MAX_BYTES", 8)
    reason = "the file with the fill could not be checked in time"
    check_rejected("x = $0\n", "12345", reason, language="javascript")


def test_a_second_candidate_costs_one_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def counting(text: str, language: str) -> CompilerError | None:
        compiled.append(text)
        return first_error(text, language)

    monkeypatch.setattr(near_check, "first_error", counting)
    at = marked("a = )\npri$0\n")
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole)
    assert hole.kind == "line"
    assert rejection(snapshot, hole, "nt(1)") is None
    assert len(compiled) > 4, "the file is broken elsewhere, so harmless fills were tried"
    compiled.clear()
    assert rejection(snapshot, hole, "nt(2)") is None
    assert compiled == ["a = )\nprint(2)\n"]


@pytest.mark.parametrize(
    "fill", ["(" * 3_000, "-" * 50_000 + "1", "a" + ".b" * 20_000, "'" + "x" * 100_000, "\0", "\ud83d"]
)
def test_a_hostile_fill_is_judged_without_a_crash(fill: str) -> None:
    at = marked("x = $0\n")
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole)
    rejection(snapshot, hole, fill)
