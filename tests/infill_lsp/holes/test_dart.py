from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("var x = $0;\n", "expression"),
    hole("int f(int x) {\n  return x + $0;\n}\n", "expression"),
    hole("void f() {\n  foo(a, $0);\n}\n", "arguments"),
    hole("void f() {\n  foo(a, $0\n}\n", "arguments"),
    hole("var s = 'a ${x + $0} b';\n", "expression"),
    hole("var s = r'c:\\' + $0;\n", "expression"),
    hole("var m = {'a': $0};\n", "expression"),
    blank("void f() {\n  var x = 1;\n  $0\n  g(x);\n}\n", "  "),
    blank("class A {\n  int x = 1;\n\n  $0\n}\n", "  ", "member"),
    body("void f() {\n$0\n}\n", "  "),
    body("void f() {\n  for (var x in xs) {\n    $0\n  }\n}\n", "    "),
    placeholder("int f() {\n  $0throw UnimplementedError();\n}\n", "int f() {\n  $0throw UnimplementedError();$0\n}\n"),
    action("void f() {$0\n}\n", "body", indent="  "),
    action("void f() {\n  // TODO$0\n}\n", "placeholder", "void f() {\n  $0// TODO$0\n}\n"),
    none("var x = 'a $0';\n", STRING),
    none('var x = """\na $0\n""";\n', STRING),
    none("// it's $0\n", COMMENT),
    none("var x = 1;$0\n", COMPLETE),
    blank("var m = {\n  'a': 1,\n  $0\n};\n", "  ", "member"),
    none("/* a /* b */ $0 */\n", COMMENT),
    blank("enum E {\n  a,\n  $0\n}\n", "  ", "member"),
    hole("void f() {\n  return $0;\n}\n", "expression"),
    hole("void f() {\n  if (x)$0\n}\n", "line"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("dart", parses=True)
