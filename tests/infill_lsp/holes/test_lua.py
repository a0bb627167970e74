from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("local x = $0\n", "expression"),
    hole("return x .. $0\n", "expression"),
    hole("foo(a, $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole("local t = { a = $0 }\n", "expression"),
    hole("local s = [[it's]] .. $0\n", "expression"),
    hole("if x$0\n", "line"),
    hole("for _, v in ipairs(xs)$0\n", "line"),
    blank("local function f(x)\n  local y = x\n  $0\n  return y\nend\n", "  "),
    blank("function M.f()\n  if x then\n    return 1\n  end\n$0\nend\n", "  "),
    body("local function f(x)\n$0\nend\n", "  "),
    body("if x then\n$0\nend\n", "  "),
    body("M.f = function(a, b)\n    $0\nend\n", "    "),
    body("if x then\n  a()\nelse\n$0\nend\n", "  "),
    placeholder(
        "function f()\n  $0error('not implemented')\nend\n", "function f()\n  $0error('not implemented')$0\nend\n"
    ),
    action("function f()$0\nend\n", "body", indent="  "),
    action("function f()\n  -- TODO$0\nend\n", "placeholder", "function f()\n  $0-- TODO$0\nend\n"),
    none("x = 'a $0'\n", STRING),
    none("x = [[a\n$0\n]]\n", STRING),
    none("-- a $0\n", COMMENT),
    none("--[[ a\n$0\n]]\n", COMMENT),
    none("local x = 1\nx = x$0\n", COMPLETE),
    none("if x then$0\nend\n", COMPLETE),
    none("function f()$0\n", COMPLETE),
    blank("function f()\n  x()\n\n$0\nend\n", "  "),
    none("for i = 1, 3 do x(i)$0\nend\n", COMPLETE),
    none("local x = 1;$0\n", COMPLETE),
    hole("return $0\n", "expression"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("lua", parses=True)
