from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("x = $0\n", "expression"),
    hole("return a + $0\n", "expression"),
    hole("f(a, $0)\n", "arguments"),
    hole("f(a, $0\n", "arguments"),
    hole("x = [1, $0]\n", "expression"),
    hole('s = "a $(x + $0) b"\n', "expression"),
    hole("y = a' * $0\n", "expression"),
    hole("c = '\"' + $0\n", "expression"),
    blank("function f(x)\n    y = x\n    $0\n    y\nend\n", "    "),
    blank("function f(x)\n    if x\n        1\n    end\n$0\nend\n", "    "),
    body("function f(x)\n$0\nend\n", "    "),
    body("struct P\n$0\nend\n", "    "),
    body("map(xs) do x\n$0\nend\n", "    "),
    body("if x > 1\n    1\nelse\n$0\nend\n", "    "),
    placeholder(
        'function f()\n    $0error("not implemented")\nend\n', 'function f()\n    $0error("not implemented")$0\nend\n'
    ),
    action("function f(x)$0\nend\n", "body", indent="    "),
    action("function f(x)\n    # TODO$0\nend\n", "placeholder", "function f(x)\n    $0# TODO$0\nend\n"),
    none('x = "a $0"\n', STRING),
    none("# it's $0\n", COMMENT),
    none("#= a\n$0\n=#\n", COMMENT),
    none("x = 1\nx$0\n", COMPLETE),
    none("f(x) = x$0\n", COMPLETE),
    blank("function f()\n    x()\n\n$0\nend\n", "    "),
    none("#= a #= b =# $0 =#\n", COMMENT),
    hole("return $0\n", "expression"),
    placeholder('f(x) = $0error("not implemented")\n', 'f(x) = $0error("not implemented")$0\n', lines=False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("julia", parses=True)
