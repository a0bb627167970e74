from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("val x = $0\n", "expression"),
    hole("fun f(x: Int): Int {\n    return x + $0\n}\n", "expression"),
    hole("foo(a, $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole('val s = "a ${x + $0} b"\n', "expression"),
    hole('val s = """c:\\""" + $0\n', "expression"),
    hole("fun `it's empty`() {\n    val x = $0\n}\n", "expression"),
    blank("fun f() {\n    val x = 1\n    $0\n    return x\n}\n", "    "),
    blank("class A {\n    val x = 1\n\n    $0\n}\n", "    ", "member"),
    body("fun f() {\n$0\n}\n", "    "),
    body("class A {\n    fun f(): Int {\n        $0\n    }\n}\n", "        "),
    placeholder("fun f() {\n    $0TODO()\n}\n", "fun f() {\n    $0TODO()$0\n}\n"),
    placeholder("val x = $0TODO()\n", "val x = $0TODO()$0\n", lines=False),
    action("fun f() {$0\n}\n", "body", indent="    "),
    action("fun f() {\n    // TODO: later$0\n}\n", "placeholder", "fun f() {\n    $0// TODO: later$0\n}\n"),
    none('val x = "a $0"\n', STRING),
    none("/* a /* b */ $0 */\n", COMMENT),
    none("val x = 1\nval y = x$0\n", COMPLETE),
    hole("val x = `it's` + $0\n", "expression"),
    hole("import $0\n", "expression"),
    none("// it's $0\n", COMMENT),
    body("val ys = xs.map { x ->\n    $0\n}\n", "    "),
    blank("enum class E {\n    A,\n    $0\n}\n", "    ", "member"),
    blank("fun f() {\n    when (x) {\n        1 -> 2\n        $0\n    }\n}\n", "        ", "member"),
    hole("class A$0\n", "line"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("kotlin", parses=True)
