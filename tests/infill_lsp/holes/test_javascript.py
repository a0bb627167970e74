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
    return f"function f(a) {{\n  const b = 1;\n{code}}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("const x = $0;\n", "expression"),
    hole("const x = $0\n", "expression"),
    hole(f("  const c = a + $0;\n"), "expression"),
    hole(f("  const c =\n    $0\n"), "expression", indent="    "),
    hole(f("  const c = a ? b : $0;\n"), "expression"),
    hole(f("  return $0\n"), "expression"),
    hole(f("  const c = () => $0\n"), "expression"),
    hole(f("  c = b[$0];\n"), "expression"),
    hole(f("  const c = `a ${$0} b`;\n"), "expression"),
    hole(f("  if ($0) {\n  }\n"), "expression"),
    hole(f("  for (const v of $0) {\n  }\n"), "expression"),
    hole("const x = { a: $0 };\n", "expression"),
    hole(f("  a.$0\n"), "expression"),
    hole(f("  foo(a, $0);\n"), "arguments"),
    hole(f("  foo($0)\n"), "arguments"),
    hole(f("  foo(/* ) */ \"(\", ')', /[(]/, $0)\n"), "arguments"),
    hole(f("  foo(\n    a,\n    $0\n  );\n"), "arguments"),
    hole("function f($0) {\n}\n", "arguments"),
    broken(hole(f("  foo(a, $0\n  const c = 2;\n"), "arguments")),
    hole(f("  if (a)$0\n"), "line"),
    hole(f("  if (a) {\n  } else$0\n"), "line"),
    hole(f("  if (a) {\n  } else $0\n"), "expression"),
    hole(f("  resul$0\n"), "line"),
    hole("function g(x)$0\n", "line"),
    hole("class A extends B$0\n", "line"),
    hole("const x = {$0};\n", "member"),
    hole("const x = { a: 1, $0 };\n", "member"),
    hole('import { $0 } from "a";\n', "member"),
    hole(f("  if (a) {$0}\n"), "body"),
    hole(f("  foo(() => { $0 });\n"), "body"),
    # A whole statement or member.
    blank(f("  $0\n"), "  "),
    blank(f("$0\n"), "  "),
    blank(f("  $0\n  return b;\n"), "  "),
    blank(f("  if (a)\n    return 1;\n$0\n"), "  "),
    blank(f("  if (a) {\n    return 1;\n  }\n\n$0\n\n  return b;\n"), "  "),
    blank("function f() {\n\tconst b = 1;\n\t$0\n}\n", "\t"),
    blank("function f() {\r\n    const b = 1;\r\n    $0\r\n}\r\n", "    "),
    blank(f("  /* { */ // {\n  $0\n"), "  "),
    blank(f("  const c = a\n    .b()\n    .c();\n$0\n"), "  "),
    blank(f("  foo((x) => {\n    b(x);\n  });\n$0\n"), "  "),
    blank(f("  foo((x) => {\n    b(x);\n    $0\n  });\n"), "    "),
    blank(f("  const c = `\n{ ${b}`;\n$0\n"), "  "),
    blank(f("  switch (a) {\n    case 1:\n      b();\n      $0\n    default:\n      c();\n  }\n"), "      "),
    blank('import a from "a";\n$0\n\nfoo();\n', ""),
    blank("class A {\n  a() {\n  }\n\n  $0\n}\n", "  ", "member"),
    blank("const x = {\n  a: 1,\n  $0\n};\n", "  ", "member"),
    blank(f("  return {\n    a: 1,\n    $0\n  };\n"), "    ", "member"),
    blank(f("  switch (a) {\n    $0\n    case 2:\n      c();\n  }\n"), "    ", "member"),
    # Closing braces are missing.
    broken(blank("function f() {\n  if (a) {\n    b();\n  $0\n}\n", "  ")),
    broken(blank("function f() {\n  const b = 1;\n  $0\n", "  ")),
    broken(blank("function f() {\n  const b = 1;\n  $0\n\nfunction g() {\n  c();\n}\n", "  ")),
    broken(blank("function f() {\n  if (a) {\n    b();\n  }\n\nfunction g() {\n  b();\n  $0\n}\n", "  ")),
    broken(blank("class A {\n  f() {\n    b();\n\n  g() {\n    c();\n    $0\n  }\n}\n", "    ")),
    # The body of an empty block.
    body("function f() {\n  $0\n}\n", "  "),
    body("function f() {\n$0\n}\n", "  "),
    broken(body("function f() {\n  $0\n\nfunction g() {\n  c();\n}\n", "  ")),
    broken(body("function f() {  // {\n$0\n", "  ")),
    body("function f(\n  a,\n) {\n$0\n}\n", "  "),
    body(f("  for (const v of a) {\n    $0\n  }\n"), "    "),
    body(f("  a.map((x) => {\n    $0\n  });\n"), "    "),
    body(f("  try {\n    b();\n  } catch (e) {\n$0\n  }\n"), "    "),
    body("class A {\n  f() {\n$0\n  }\n}\n", "    "),
    body("class A {\n  $0\n}\n", "  "),
    body("function f() {\r\n\t$0\r\n}\r\n", "\t"),
    # Placeholders, and what actions fill.
    placeholder(f('  $0throw new Error("not implemented");\n'), f('  $0throw new Error("not implemented");$0\n')),
    placeholder(f('  throw new Error("TODO")$0\n'), f('  $0throw new Error("TODO")$0\n')),
    placeholder(
        'const f = () => { $0throw new Error("todo"); };\n',
        'const f = () => { $0throw new Error("todo");$0 };\n',
        lines=False,
    ),
    action(f("  return $0a + 1$0;\n"), "selection", lines=False),
    action(f("  fo$0o(a, b$0ar);\n"), "selection", f("  $0foo(a, bar$0);\n"), lines=False),
    action(f("  $0a = 2;\n  a = 3;$0\n"), "selection"),
    action("function f$0() {\n}\n", "body", "function f() {$0\n}\n", indent="  "),
    action("function f() {$0}\n", "body", lines=False),
    action("function f() {\n  // TODO: co$0unt\n}\n", "placeholder", "function f() {\n  $0// TODO: count$0\n}\n"),
    action(f("  a = b $0@ c;\n  a = 3;\n"), "error", f("  a = $0b @$0 c;\n  a = 3;\n"), lines=False),
    # Strings and comments.
    in_text('const x = "he $0";\n', "string"),
    broken(in_text("const x = 'he $0\n", "string")),
    in_text("const x = `he $0\nyou`;\n", "string"),
    in_text("// he $0\nfoo();\n", "comment"),
    in_text("/* he $0 */\nfoo();\n", "comment"),
    none('const x = "he $0";\n', STRING),
    none("const x = `a ${b} $0`;\n", STRING),
    none("/** he\n * $0\n */\nfoo();\n", COMMENT),
    # Nothing is missing.
    none(f("  foo();$0\n"), COMPLETE),
    none(f("  foo()$0\n"), COMPLETE),
    none(f("  return b$0\n"), COMPLETE),
    none(f("  return$0\n"), COMPLETE),
    none(f("  b++$0\n"), COMPLETE),
    none(f("  if (a) {$0\n    foo();\n  }\n"), COMPLETE),
    none(f("  if (a) {\n  }$0\n"), COMPLETE),
    none(f("  if (a)$0\n    foo();\n"), COMPLETE),
    none(f("  if (a) foo()$0\n"), COMPLETE),
    none(f("  foo(a,$0\n    b);\n"), COMPLETE),
    none(f("  switch (a) {\n    case 1:$0\n      foo();\n  }\n"), COMPLETE),
    none("const x = {\n  a: 1,$0\n  b: 2,\n};\n", COMPLETE),
    none(f("  $0a = 2;\n"), WORD),
    none(f("  $0[a] = b;\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("javascript", parses=True)
