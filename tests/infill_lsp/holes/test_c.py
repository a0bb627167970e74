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
    return f"int f(void) {{\n    int a = 1;\n{code}}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("int x = $0;\n", "expression"),
    hole("int x = $0\n", "expression"),
    hole("int x = a + $0;\n", "expression"),
    hole(f("    return $0\n"), "expression"),
    hole(f("    a = b ? c : $0;\n"), "expression"),
    hole(f("    a =\n        $0;\n"), "expression", indent="        "),
    hole(f("    a = b[$0];\n"), "expression"),
    hole(f("    for (int i = 0; $0; i++) {\n    }\n"), "expression"),
    hole(f("    if ($0) {\n        a = 2;\n    }\n"), "expression"),
    hole("struct s x = { .a = $0 };\n", "expression"),
    hole(f("    foo(a, $0);\n"), "arguments"),
    hole(f("    foo(/* ) */ \"(\", ')', $0);\n"), "arguments"),
    hole("int f($0) {\n    return 1;\n}\n", "arguments"),
    hole(f("    foo(\n        a,\n        $0\n    );\n"), "arguments"),
    broken(hole(f("    foo($0)\n"), "arguments")),
    broken(hole(f("    foo(a, $0\n    a = 2;\n"), "arguments")),
    hole(f("    foo(a)$0\n"), "line"),
    hole(f("    foo(a)$0\n    a = 2;\n"), "line"),
    hole(f("    a = 2$0\n    a = 3;\n"), "line"),
    hole(f("    if (a)$0\n"), "line"),
    hole(f("    while (a) $0\n"), "line"),
    hole(f("    if (a) {\n    } else$0\n"), "line"),
    hole(f("    resu$0\n"), "line"),
    hole("struct s {\n    int a;\n    int b$0\n};\n", "line"),
    hole("struct s x = { $0 };\n", "member"),
    hole("struct s x = { .a = 1, $0 };\n", "member"),
    hole(f("    if (a) {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("    $0\n"), "    "),
    blank(f("$0\n"), "    "),
    blank(f("    $0\n    return a;\n"), "    "),
    blank("int f(void) {\n\tint a = 1;\n\t$0\n}\n", "\t"),
    blank("int f(void) {\r\n    int a = 1;\r\n    $0\r\n}\r\n", "    "),
    blank(f("    if (a)\n        return 1;\n$0\n"), "    "),
    blank(f("    /* { */ // {\n    $0\n"), "    "),
    blank(f("    foo(a,\n        b);\n$0\n"), "    "),
    blank(f("    switch (a) {\n    case 1:\n        b();\n        $0\n    case 2:\n    }\n"), "        "),
    blank(f("#ifdef X\n$0\n#endif\n"), "    "),
    blank(f("    if (a) {\n        foo();\n    }\n$0\n"), "    "),
    blank(f("    return a;\nout:\n$0\n    free(a);\n"), "    "),
    blank("int f(void) {\n    int a,\n        b;\n$0\n}\n", "    "),
    blank("#include <stdio.h>\n$0\nint x;\n", ""),
    blank("struct s {\n    int a;\n    $0\n};\n", "    ", "member"),
    blank("enum e {\n    A,\n    $0\n};\n", "    ", "member"),
    blank("struct s x = {\n    .a = 1,\n    $0\n};\n", "    ", "member"),
    blank(f("    switch (a) {\n    $0\n    case 2:\n        break;\n    }\n"), "    ", "member"),
    # Closing braces are missing.
    broken(blank("int f(void) {\n    if (a) {\n        b();\n    $0\n}\n", "    ")),
    broken(blank("int f(void) {\n    int a = 1;\n    $0\n", "    ")),
    broken(blank("int f(void) {\n    int a = 1;\n    $0\n\nint g(void) {\n    return 1;\n}\n", "    ")),
    broken(blank("int f(void) {\n    if (a) {\n        b();\n    }\n\nint g(void) {\n    int b;\n    $0\n}\n", "    ")),
    broken(blank("int f(void) {\n    if (a) {\n        b();\n\n    c();\n$0\n}\n", "    ")),
    # The body of an empty block.
    body("int f(void) {\n    $0\n}\n", "    "),
    body("int f(void) {\n$0\n}\n", "    "),
    body("int f(void)\n{\n\t$0\n}\n", "\t"),
    broken(body("int f(void) {\n    $0\n\nint g(void) {\n    return 1;\n}\n", "    ")),
    broken(body("int f(void) {  // {\n    $0\n", "    ")),
    body("int f(int a,\n      int b) {\n$0\n}\n", "    "),
    body(f("    for (;;) {\n        $0\n    }\n"), "        "),
    body(f("    switch (a) {\n    case 1:\n        $0\n    case 2:\n        break;\n    }\n"), "        "),
    body("int f(void) {\r\n\t$0\r\n}\r\n", "\t"),
    # Placeholders, and what actions fill.
    placeholder("int f(void) {\n    TODO($0);\n}\n", "int f(void) {\n    $0TODO();$0\n}\n"),
    placeholder('int f(void) {\n    $0assert(!"todo");\n}\n', 'int f(void) {\n    $0assert(!"todo");$0\n}\n'),
    placeholder("int f(void) { TODO($0); }\n", "int f(void) { $0TODO();$0 }\n", lines=False),
    action(f("    return $0a + 1$0;\n"), "selection", lines=False),
    action(f("    fo$0o(a, b$0ar);\n"), "selection", f("    $0foo(a, bar$0);\n"), lines=False),
    action(f("    $0a = 2;\n    a = 3;$0\n"), "selection"),
    action("int f(voi$0d) {\n}\n", "body", "int f(void) {$0\n}\n", indent="    "),
    action("int f(void) {$0}\n", "body", lines=False),
    action("int f(void) {\n    // TODO: co$0unt\n}\n", "placeholder", "int f(void) {\n    $0// TODO: count$0\n}\n"),
    action("int f(void) {\n    /* TODO */$0\n}\n", "placeholder", "int f(void) {\n    $0/* TODO */$0\n}\n"),
    action(f("    return a$0\n"), "error", lines=False),
    action(f("    a = b $0@ c;\n    a = 3;\n"), "error", f("    a = b $0@ c$0;\n    a = 3;\n"), lines=False),
    # Strings and comments.
    in_text('char *x = "he $0";\n', "string"),
    broken(in_text('char *x = "he $0\n', "string")),
    in_text("// he $0\nint x;\n", "comment"),
    in_text("/* he $0 */\nint x;\n", "comment"),
    in_text("int x; // he $0  \n", "comment", "int x; // he $0  $0\n"),
    none('char *x = "he $0";\n', STRING),
    none("/* he\n * $0\n */\nint x;\n", COMMENT),
    # Nothing is missing.
    none(f("    foo();$0\n"), COMPLETE),
    none(f("    return a;$0\n"), COMPLETE),
    none(f("    return$0;\n"), COMPLETE),
    none(f("    a++;$0\n"), COMPLETE),
    none(f("    if (a) {$0\n        foo();\n    }\n"), COMPLETE),
    none(f("    if (a) {\n    }$0\n"), COMPLETE),
    none(f("    if (a)$0\n        foo();\n"), COMPLETE),
    none(f("    foo(a,$0\n        b);\n"), COMPLETE),
    none(f("out:$0\n    return a;\n"), COMPLETE),
    none(f("    switch (a) {\n    case 1:$0\n        break;\n    }\n"), COMPLETE),
    none("enum e {\n    A,$0\n    B,\n};\n", COMPLETE),
    none("int f(void)$0\n{\n}\n", COMPLETE),
    none("#include <stdio.h>$0\n", COMPLETE),
    none(f("    $0a = 2;\n"), WORD),
    none(f("    $0(a) = 2;\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("c", parses=True)
