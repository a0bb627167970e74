from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("val x = $0\n", "expression"),
    hole("object A {\n  def f(x: Int): Int = x + $0\n}\n", "expression"),
    hole("foo(a, $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole('val s = s"a ${x + $0} b"\n', "expression"),
    hole("val c = '\"' + $0\n", "expression"),
    blank("def f() = {\n  val x = 1\n  $0\n  x\n}\n", "  "),
    blank("class A {\n  val x = 1\n\n  $0\n}\n", "  ", "member"),
    body("def f(x: Int): Int = {\n$0\n}\n", "  "),
    body("xs.foreach { x =>\n  $0\n}\n", "  "),
    placeholder("def f: Int = $0???\n", "def f: Int = $0???$0\n", lines=False),
    action("def f = {$0\n}\n", "body", indent="  "),
    action("def f = {\n  // TODO$0\n}\n", "placeholder", "def f = {\n  $0// TODO$0\n}\n"),
    none('val x = "a $0"\n', STRING),
    none('val x = """a\n$0"""\n', STRING),
    none("/* a /* b */ $0 */\n", COMMENT),
    none("val x = 1\nval y = x$0\n", COMPLETE),
    hole("import $0\n", "expression"),
    none("// it's $0\n", COMMENT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("scala", parses=True)
