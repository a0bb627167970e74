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
    return f"function f(a: number): number {{\n  const b = 1;\n{code}}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("const x: number = $0;\n", "expression"),
    hole(f("  const c: $0 = 1;\n"), "expression"),
    hole(f("  const c = a + $0;\n"), "expression"),
    hole(f("  const c =\n    $0\n"), "expression", indent="    "),
    hole(f("  return $0\n"), "expression"),
    hole(f("  const c = (x: number): number => $0\n"), "expression"),
    hole(f("  const c = `a ${$0} b`;\n"), "expression"),
    hole(f("  if ($0) {\n  }\n"), "expression"),
    hole("const x = { a: $0 };\n", "expression"),
    hole("type A = $0;\n", "expression"),
    hole(f("  foo(a, $0);\n"), "arguments"),
    hole(f("  foo(/* ) */ \"(\", ')', /[(]/, $0)\n"), "arguments"),
    hole("function f($0): void {\n}\n", "arguments"),
    broken(hole(f("  foo(a, $0\n  const c = 2;\n"), "arguments")),
    hole(f("  if (a)$0\n"), "line"),
    hole(f("  resul$0\n"), "line"),
    hole("function g(x: number): Promise<void>$0\n", "line"),
    hole("interface A extends B$0\n", "line"),
    hole("const x = {$0};\n", "member"),
    hole('import type { $0 } from "a";\n', "member"),
    hole(f("  if (a) {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("  $0\n"), "  "),
    blank(f("$0\n  return b;\n"), "  "),
    blank(f("  if (a)\n    return 1;\n$0\n"), "  "),
    blank("function f() {\n\tconst b = 1;\n\t$0\n}\n", "\t"),
    blank("function f() {\r\n    const b = 1;\r\n    $0\r\n}\r\n", "    "),
    blank(f("  /* { */ // {\n  $0\n"), "  "),
    blank(f("  foo(async (x: A): Promise<void> => {\n    b(x);\n    $0\n  });\n"), "    "),
    blank(f("  switch (a) {\n    case 1:\n      b();\n      $0\n    default:\n      c();\n  }\n"), "      "),
    blank("interface A {\n  x: number;\n  $0\n}\n", "  ", "member"),
    blank("enum A {\n  X,\n  $0\n}\n", "  ", "member"),
    blank("type A = {\n  x: number;\n  $0\n};\n", "  ", "member"),
    blank("class A {\n  private x: number = 1;\n\n  $0\n}\n", "  ", "member"),
    # Closing braces are missing.
    broken(blank("function f() {\n  const b = 1;\n  $0\n\nfunction g() {\n  c();\n}\n", "  ")),
    broken(blank("class A {\n  f(): void {\n    b();\n\n  g(): void {\n    c();\n    $0\n  }\n}\n", "    ")),
    # The body of an empty block.
    body("function f(): void {\n  $0\n}\n", "  "),
    body("async function f(): Promise<Map<string, A>> {\n$0\n}\n", "  "),
    broken(body("function f(): void {  // {\n$0\n\nfunction g() {\n  c();\n}\n", "  ")),
    body("class A {\n  async [x](): Promise<void> {\n    $0\n  }\n}\n", "    "),
    body("class A implements B {\n  $0\n}\n", "  "),
    body(f("  a.map((x: number) => {\n    $0\n  });\n"), "    "),
    # Placeholders, and what actions fill.
    placeholder(f('  $0throw new Error("not implemented");\n'), f('  $0throw new Error("not implemented");$0\n')),
    action(f("  return $0a + 1$0;\n"), "selection", lines=False),
    action("function f$0(): void {\n}\n", "body", "function f(): void {$0\n}\n", indent="  "),
    action("function f(): void {$0}\n", "body", lines=False),
    action("function f() {\n  // TODO: co$0unt\n}\n", "placeholder", "function f() {\n  $0// TODO: count$0\n}\n"),
    action(f("  const c = [1, 2;$0\n"), "error", f("  const c = [1, 2$0;\n"), lines=False),
    # Strings and comments.
    in_text('const x = "he $0";\n', "string"),
    in_text("// he $0\nfoo();\n", "comment"),
    none("const x = `a ${b} $0`;\n", STRING),
    none("/** he\n * $0\n */\nfoo();\n", COMMENT),
    # Nothing is missing.
    none(f("  foo()$0\n"), COMPLETE),
    none(f("  return$0\n"), COMPLETE),
    none(f("  if (a) foo()$0\n"), COMPLETE),
    none("interface A {\n  x: number;$0\n}\n", COMPLETE),
    none("enum A {\n  X,$0\n  Y,\n}\n", COMPLETE),
    none(f("  $0a = 2;\n"), WORD),
    none(f("  $0[a] = b;\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("typescript", parses=True)
