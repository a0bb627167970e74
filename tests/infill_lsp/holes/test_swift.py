from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("let x = $0\n", "expression"),
    hole("func f(x: Int) -> Int {\n    return x + $0\n}\n", "expression"),
    hole("foo(a, b: $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole('let s = "a \\(x + $0) b"\n', "expression"),
    hole('let s = #"c:\\"# + $0\n', "expression"),
    blank("func f() {\n    let x = 1\n    $0\n    print(x)\n}\n", "    "),
    blank("struct A {\n    var x: Int\n\n    $0\n}\n", "    ", "member"),
    body("func f() {\n$0\n}\n", "    "),
    body("if let x = y {\n    $0\n}\n", "    "),
    placeholder(
        'func f() {\n    $0fatalError("not implemented")\n}\n', 'func f() {\n    $0fatalError("not implemented")$0\n}\n'
    ),
    action("func f() {$0\n}\n", "body", indent="    "),
    action("func f() {\n    // TODO$0\n}\n", "placeholder", "func f() {\n    $0// TODO$0\n}\n"),
    none('let x = "a $0"\n', STRING),
    none('let x = """\n  a $0\n  """\n', STRING),
    none("/* a /* b */ $0 */\n", COMMENT),
    none("let x = 1\nlet y = x$0\n", COMPLETE),
    hole("import $0\n", "expression"),
    none("// it's $0\n", COMMENT),
    body("let ys = xs.map { x in\n    $0\n}\n", "    "),
    hole("let x = $0<#Int#>\n", "placeholder", "let x = $0<#Int#>$0\n"),
    blank(
        "func f() {\n    switch x {\n    case 1:\n        y()\n        $0\n    default:\n        z()\n    }\n}\n",
        "        ",
    ),
    hole("if x > y$0\n", "line"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("swift", parses=True)
