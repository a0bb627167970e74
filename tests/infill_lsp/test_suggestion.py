from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole, hole_at, hole_for_action
from tests.check import check_shape
from tests.fixture import marked, snapshot_of


@pytest.mark.parametrize(
    ("text", "candidate", "expect"),
    [
        # Blanks and line breaks.
        ("x = $0\n", "1", "x = 1\n"),
        ("x = $0\n", " 1  ", "x = 1\n"),
        ("x =$0\n", " 1", "x = 1\n"),
        ("x = $0   \n", "1", "x = 1\n"),
        ("x = $0\ny = 2\n", "1\ny = 2\n", "x = 1\ny = 2\n"),
        ("x = $0\n", "\n1", "x = \n"),
        ("x = $0\n", "1\r\ny = 2", "x = 1\n"),
        ("x = $0\n", "1\ry = 2", "x = 1\n"),
        ("x = foo.$0\n", " bar", "x = foo.bar\n"),
        ("foo($0)\n", "\n    a, b\n", "foo(a, b)\n"),
        ("foo($0)\n", "  a", "foo(a)\n"),
        ("pri$0", "nt(x)", "print(x)"),
        # Closing brackets that are there already, or are not.
        ("foo($0)\n", "a, b)", "foo(a, b)\n"),
        ("foo($0)\n", "a) + bar(b)", "foo(a)\n"),
        ("foo($0)\n", "bar(a)", "foo(bar(a))\n"),
        ("foo($0)\n", "bar(a)))", "foo(bar(a))\n"),
        ("foo(bar($0))\n", "a))", "foo(bar(a))\n"),
        ("foo($0\ny = 1\n", "a)", "foo(a)\ny = 1\n"),
        ("foo($0\ny = 1\n", "a)))", "foo(a)\ny = 1\n"),
        ("foo(bar($0)\ny = 1\n", "a)", "foo(bar(a))\ny = 1\n"),
        ("foo(a[$0)\n", "1])", "foo(a[1])\n"),
        ("foo(\n    a,\n    $0\n)\n", "b)", "foo(\n    a,\n    b\n)\n"),
        ("x = {'a': $0}\n", "1}", "x = {'a': 1}\n"),
        ("x = f'{$0}'\n", "a}'", "x = f'{a}'\n"),
        ("print($0)\n", '")")', 'print(")")\n'),
        ("x = $0\n", "a)", "x = a\n"),
        ("x = [y for y in $0]\n", "ys if y]", "x = [y for y in ys if y]\n"),
        # Text that follows the hole and is said again.
        ("if $0:\n    pass\n", "x > 1:", "if x > 1:\n    pass\n"),
        ("if $0:\n    pass\n", "x > 1:\n        foo()", "if x > 1:\n    pass\n"),
        ("foo(a, $0, c)\n", "b, c)", "foo(a, b, c)\n"),
        ("foo(a, $0, c)\n", "b,", "foo(a, b, c)\n"),
        ("x = $0 + 1\n", "a + 1", "x = a + 1\n"),
        ("x = $0 if y else z\n", "a if y else z", "x = a if y else z\n"),
        ("x = $0 in ys\n", "a  in", "x = a in ys\n"),
        ("foo($0, c, c)\n", "b, c, c, c", "foo(b, c, c)\n"),
        ("foo($0, 'a')\n", "'b', 'a'", "foo('b', 'a')\n"),
        ("return $0  # why\n", "a  # why", "return a  # why\n"),
        # One statement.
        (
            "def f():\n    x = 1\n    $0\n    return x\n",
            "x += 1\n    x += 2\n",
            "def f():\n    x = 1\n    x += 1\n    return x\n",
        ),
        ("def f():\n    x = 1\n    $0\n", "\n\n    x += 1", "def f():\n    x = 1\n    x += 1\n"),
        ("def f():\n    x = 1\n$0\n    return x\n", "    x += 1", "def f():\n    x = 1\n    x += 1\n    return x\n"),
        ("def f():\n    x = 1\n$0\n    return x\n", "x += 1", "def f():\n    x = 1\n    x += 1\n    return x\n"),
        ("def f():\n    x = 1\n  $0\n", "x += 1", "def f():\n    x = 1\n    x += 1\n"),
        ("def f():\n    x = 1\n      $0\n", "x += 1", "def f():\n    x = 1\n    x += 1\n"),
        ("def f():\r\n\tx = 1\r\n$0\r\n", "x += 1", "def f():\r\n\tx = 1\r\n\tx += 1\r\n"),
        # A body: indent, line endings, the end of its scope.
        ("def f():\n    $0\n", "x = 1\n    return x\n", "def f():\n    x = 1\n    return x\n"),
        ("def f():\n    $0\n", "    x = 1\n    return x\n", "def f():\n    x = 1\n    return x\n"),
        ("def f():\n    $0\n", "x = 1\nreturn x\n", "def f():\n    x = 1\n    return x\n"),
        ("def f():\n    $0\n", " x = 1\n    return x\n", "def f():\n    x = 1\n    return x\n"),
        ("def f():\n$0\n", "x = 1\n    return x\n", "def f():\n    x = 1\n    return x\n"),
        (
            "def f():\n$0\n",
            "if x:\n    return 1\nreturn 2\n",
            "def f():\n    if x:\n        return 1\n    return 2\n",
        ),
        ("def f():\n    $0\n", "return 1\n\n\ndef g():\n    pass\n", "def f():\n    return 1\n"),
        ("def f():\n    $0\n", "return 1\nprint(f())\n", "def f():\n    return 1\n"),
        ("def f():\n    $0\n", "x = 1\nprint(f())\n", "def f():\n    x = 1\n"),
        ("def f():\n    $0\n", "x = 1\n\n\nprint(f())\n", "def f():\n    x = 1\n"),
        ("def f():\n    $0\n", "x = 1\n  \n    return x\n", "def f():\n    x = 1\n\n    return x\n"),
        ("def f():\r\n    $0", "x = 1\n    return x", "def f():\r\n    x = 1\r\n    return x"),
        ("def f():\n    $0\n", "x = 1\n\ny = 2\nreturn y\n", "def f():\n    x = 1\n\n    y = 2\n    return y\n"),
        (
            "class A:\n    def f(self):\n        $0\n",
            "return 1\n\n    def g(self):\n        return 2\n",
            "class A:\n    def f(self):\n        return 1\n",
        ),
        (
            "def f():\n    $0\n",
            "x = foo(\n  a,\n)\n    return x\n",
            "def f():\n    x = foo(\n    a,\n    )\n    return x\n",
        ),
        (
            "def f():\n    $0\n",
            's = """\nraw\n  text"""\n    return s\n',
            'def f():\n    s = """\nraw\n  text"""\n    return s\n',
        ),
        ("def f():\n    $0\n", "if x:\n    \treturn 1", "def f():\n    if x:\n        return 1\n"),
        ("def f():\n\t$0\n", "if x:\n\t\treturn 1\n\treturn 2", "def f():\n\tif x:\n\t\treturn 1\n\treturn 2\n"),
        (
            "def f():\n\t$0\n\nif a:\n\tb()\n",
            "if x:\n    return 1\nreturn 2",
            "def f():\n\tif x:\n\t\treturn 1\n\treturn 2\n\nif a:\n\tb()\n",
        ),
        (
            "if a:\n  b()\ndef f():\n  $0\n",
            "for x in y:\n\treturn x\nreturn 2",
            "if a:\n  b()\ndef f():\n  for x in y:\n    return x\n  return 2\n",
        ),
        ("def f():\r\n    $0\r\n", "x = 1\n    return x", "def f():\r\n    x = 1\r\n    return x\r\n"),
        ("def f():\r    $0\r", "x = 1\n    return x", "def f():\r    x = 1\r    return x\r"),
        ("def f():\n    ...$0\n\nx = 1\n", "a = 1\n    return a", "def f():\n    a = 1\n    return a\n\nx = 1\n"),
        (
            "def f():\n    x = 1\n    pass$0\n    return x\n",
            "x += 1\n    return x\n",
            "def f():\n    x = 1\n    x += 1\n    return x\n",
        ),
        ("def f(): ...$0\n", "return 1\n    x", "def f(): return 1\n"),
        ("x = ...$0\n", "1\ny = 2", "x = 1\n"),
        # Selections.
        ("$0x = 1\ny = 2$0\nz = 3\n", "a = 1\nb = 2\n", "a = 1\nb = 2\nz = 3\n"),
        ("def f():\n$0    x = 1\n    y = 2\n$0", "x, y = 1, 2\n", "def f():\n    x, y = 1, 2\n"),
        ("x = $0foo(a)$0 + 1\n", "bar(b) + 1", "x = bar(b) + 1\n"),
    ],
)
def test_the_fill_fits_its_place(text: str, candidate: str, expect: str) -> None:
    check_shape(text, candidate, expect)


@pytest.mark.parametrize(
    ("text", "candidate", "expect"),
    [
        ("def f():$0\n\nx = 1\n", "return 1", "def f():\n    return 1\n\nx = 1\n"),
        ("def f():  # why$0", "return 1\n", "def f():  # why\n    return 1"),
        ("class A:\r\n\tdef f(self):\r\n\t\tpass\r\n\tdef g(self):$0\r\n", "x = 1\nreturn x", None),
    ],
)
def test_a_body_below_its_header_begins_on_a_line_of_its_own(text: str, candidate: str, expect: str | None) -> None:
    at = marked(text)
    snapshot = snapshot_of(at.text)
    hole = hole_for_action(snapshot, at.start, at.end)
    assert isinstance(hole, Hole)
    filled = snapshot.text[: hole.start] + shape(snapshot, hole, candidate) + snapshot.text[hole.end :]
    assert filled == (expect or at.text[:-2] + "\r\n\t\tx = 1\r\n\t\treturn x\r\n")


@pytest.mark.parametrize("candidate", ["", " ", "\n\n", "\t\r\n", ")"])
def test_nothing_comes_of_a_candidate_without_text(candidate: str) -> None:
    at = marked("foo($0)\n")
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole)
    assert shape(snapshot, hole, candidate) == ""


FILES = (
    "x = $0\r\n",
    "foo(a, $0, c)\n",
    "def f():\n    $0\n\n\ny = 1\n",
    "class A:\n\tdef f(self):\n\t\tx = '😀'\n$0\n\t\treturn x\n",
    "if $0:\n    pass\n",
    "x = f'{$0}'\n",
    "def f():\n    ...$0\n",
)
candidates = st.lists(
    st.sampled_from([*"()[]{}:,.='\"\\# \t\n\rx1", "    ", "\r\n", "if a:", "return", "é", "😀", '"""', "f'{"]),
    max_size=15,
).map("".join)


@settings(deadline=None)
@given(st.sampled_from(FILES), candidates)
def test_whatever_the_engine_says_the_fill_has_the_files_line_endings_and_no_blanks_at_its_end(
    file: str, candidate: str
) -> None:
    at = marked(file)
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole)
    text = shape(snapshot, hole, candidate)
    assert text == text.rstrip()
    assert "\r" not in text or "\r\n" in file
    if not hole.multiline:
        assert "\n" not in text
        assert "\r" not in text
    assert shape(snapshot, hole, candidate) == text
