from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    TEXT,
    WORD,
    Case,
    action,
    blank,
    body,
    broken,
    hole,
    in_text,
    none,
    placeholder,
)


def f(code: str) -> str:
    """Stand in a function."""
    return f"int f(int a) {{\n  int b = 1;\n{code}}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("auto x = $0;\n", "expression"),
    hole(f("  auto c = a + $0;\n"), "expression"),
    hole(f("  auto c =\n      $0;\n"), "expression", indent="      "),
    hole(f("  return $0;\n"), "expression"),
    hole(f("  std::$0;\n"), "expression"),
    hole(f("  a->$0;\n"), "expression"),
    hole(f("  std::cout << $0;\n"), "expression"),
    hole(f("  if ($0) {\n  }\n"), "expression"),
    hole(f("  g<int>(a, $0);\n"), "arguments"),
    hole(f("  g(/* ) */ R\"x(()x\", ')', 1'000, $0);\n"), "arguments"),
    hole("void f($0) {\n}\n", "arguments"),
    broken(hole(f("  g(a, $0\n  a = 2;\n"), "arguments")),
    hole(f("  g(a)$0\n"), "line"),
    hole(f("  a = 2$0\n  a = 3;\n"), "line"),
    hole(f("  if (a)$0\n"), "line"),
    hole(f("  resul$0\n"), "line"),
    hole("class A {\n  int x;\n  int y$0\n};\n", "line"),
    hole(f("  std::vector<int> c = {$0};\n"), "member"),
    hole(f("  if (a) {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("  $0\n"), "  "),
    blank(f("$0\n  return b;\n"), "  "),
    blank(f("  if (a)\n    return 1;\n$0\n"), "  "),
    blank("void f() {\n\tint b = 1;\n\t$0\n}\n", "\t"),
    blank("void f() {\r\n  int b = 1;\r\n  $0\r\n}\r\n", "  "),
    blank(f("  /* { */ // {\n  $0\n"), "  "),
    blank(f("  g([&](int x) {\n    h(x);\n    $0\n  });\n"), "    "),
    blank(f("  g([&](int x) {\n    h(x);\n  });\n$0\n"), "  "),
    blank("namespace a {\n\nint x;\n$0\n\nint y;\n\n}\n", ""),
    blank("namespace a {\n$0\nclass B {};\n}\n", ""),
    blank("class A {\n public:\n  int x;\n  $0\n};\n", "  ", "member"),
    blank("class A {\n  int x;\n\n public:\n$0\n  int y;\n};\n", "  ", "member"),
    blank("enum class A {\n  X,\n  $0\n};\n", "  ", "member"),
    # Closing braces are missing.
    broken(blank("void f() {\n  g();\n  $0\n\nvoid g() {\n  f();\n}\n", "  ")),
    broken(blank("void f() {\n  if (a) {\n    b();\n  }\n\nvoid g() {\n  int b;\n  $0\n}\n", "  ")),
    # The body of an empty block.
    body("void f() {\n  $0\n}\n", "  "),
    body("A::A(int x)\n    : x_(x),\n      y_(x) {\n  $0\n}\n", "  "),
    body("void A::f() const\n{\n    $0\n}\n", "    "),
    broken(body("void f() {  // {\n  $0\n\nvoid g() {\n  f();\n}\n", "  ")),
    body(f("  for (auto& x : a) {\n    $0\n  }\n"), "    "),
    body("template <typename T>\nclass A : public B<T> {\n  $0\n};\n", "  "),
    # Placeholders, and what actions fill.
    placeholder(
        f('  $0throw std::runtime_error("todo");\n'),
        f('  $0throw std::runtime_error("todo");$0\n'),
    ),
    action(f("  return $0a + 1$0;\n"), "selection", lines=False),
    action("void f$0() {\n}\n", "body", "void f() {$0\n}\n"),
    action("void f() {$0}\n", "body", lines=False),
    action("void f() {\n  // TODO: co$0unt\n}\n", "placeholder", "void f() {\n  $0// TODO: count$0\n}\n"),
    action(f("  return a$0\n"), "error", lines=False),
    # Strings and comments.
    in_text('auto x = "he $0";\n', "string"),
    in_text("// he $0\nint x;\n", "comment"),
    none('auto x = R"(he $0)";\n', STRING),
    none("/* he\n * $0\n */\nint x;\n", COMMENT),
    # Nothing is missing.
    none(f("  g();$0\n"), COMPLETE),
    none(f("  if (a) {\n  }$0\n"), COMPLETE),
    none(f("  std::cout << a$0\n            << b;\n"), COMPLETE),
    none("class A {\n public:$0\n  int x;\n};\n", COMPLETE),
    none("#include <vector>$0\n", COMPLETE),
    none(f("  $0a = 2;\n"), WORD),
    none(f("  $0(a).b();\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("cpp", parses=True)
