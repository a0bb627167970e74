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
    """Stand in a method."""
    return f"class A {{\n    int f(int a) {{\n        int b = 1;\n{code}    }}\n}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("class A {\n    int x = $0;\n}\n", "expression"),
    hole(f("        int c = $0\n"), "expression"),
    hole(f("        int c = a + $0;\n"), "expression"),
    hole(f("        int c =\n            $0;\n"), "expression", indent="            "),
    hole(f("        return $0;\n"), "expression"),
    hole(f("        int c = b[$0];\n"), "expression"),
    hole(f("        g(x -> $0);\n"), "arguments"),
    hole(f("        if ($0) {\n        }\n"), "expression"),
    hole(f("        for (int i = 0; $0; i++) {\n        }\n"), "expression"),
    hole(f("        a.$0;\n"), "expression"),
    hole(f("        throw new $0;\n"), "expression"),
    hole(f("        g(a, $0);\n"), "arguments"),
    hole(f("        g(/* ) */ \"(\", ')', $0);\n"), "arguments"),
    hole(f("        g(\n            a,\n            $0\n        );\n"), "arguments"),
    hole("class A {\n    void f($0) {\n    }\n}\n", "arguments"),
    broken(hole(f("        g(a, $0\n        a = 2;\n"), "arguments")),
    hole(f("        g(a)$0\n"), "line"),
    hole(f("        a = 2$0\n        a = 3;\n"), "line"),
    hole(f("        if (a > 1)$0\n"), "line"),
    hole(f("        if (a > 1) {\n        } else$0\n"), "line"),
    hole(f("        resul$0\n"), "line"),
    hole("class A {\n    int x;\n    int y$0\n}\n", "line"),
    hole(f("        int[] c = {$0};\n"), "member"),
    hole(f("        int[] c = {1, $0};\n"), "member"),
    hole(f("        if (a > 1) {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("        $0\n"), "        "),
    blank(f("$0\n"), "        "),
    blank(f("        $0\n        return b;\n"), "        "),
    blank(f("        if (a > 1)\n            return 1;\n$0\n"), "        "),
    blank("class A {\n\tvoid f() {\n\t\tint b = 1;\n\t\t$0\n\t}\n}\n", "\t\t"),
    blank("class A {\r\n    void f() {\r\n        int b = 1;\r\n        $0\r\n    }\r\n}\r\n", "        "),
    blank(f("        /* { */ // {\n        $0\n"), "        "),
    blank(f("        int c = a\n            .b()\n            .c();\n$0\n"), "        "),
    blank(f("        g(x -> {\n            h(x);\n        });\n$0\n"), "        "),
    blank(f('        String c = """\n            {\n            """;\n$0\n'), "        "),
    blank(
        f("        switch (a) {\n        case 1:\n            g();\n            $0\n        default:\n        }\n"),
        "            ",
    ),
    blank("import a.b;\n$0\n\nclass A {\n}\n", ""),
    blank("class A {\n    int x;\n\n    $0\n}\n", "    ", "member"),
    blank("interface A {\n    int x();\n    $0\n}\n", "    ", "member"),
    blank("class A {\n    void f() {\n    }\n\n    $0\n}\n", "    ", "member"),
    blank("enum A {\n    X,\n    $0\n}\n", "    ", "member"),
    # Closing braces are missing.
    broken(blank("class A {\n    void f() {\n        g();\n        $0\n", "        ")),
    broken(
        blank(
            "class A {\n    void f() {\n        g();\n        $0\n\n    void g() {\n        f();\n    }\n}\n",
            "        ",
        )
    ),
    # The body of an empty block.
    body("class A {\n    void f() {\n        $0\n    }\n}\n", "        "),
    body("class A {\n    void f() {\n$0\n    }\n}\n", "        "),
    body("class A\n        extends B {\n    $0\n}\n", "    "),
    body("class A {\n    void f()\n            throws E {\n$0\n    }\n}\n", "        "),
    broken(body("class A {\n    void f() {  // {\n        $0\n\n    void g() {\n        f();\n    }\n}\n", "        ")),
    body(f("        for (int i : a) {\n            $0\n        }\n"), "            "),
    body(f("        try {\n            g();\n        } catch (E e) {\n$0\n        }\n"), "            "),
    body("class A {\r\n\tvoid f() {\r\n\t\t$0\r\n\t}\r\n}\r\n", "\t\t"),
    # Placeholders, and what actions fill.
    placeholder(
        f('        $0throw new UnsupportedOperationException("TODO");\n'),
        f('        $0throw new UnsupportedOperationException("TODO");$0\n'),
    ),
    placeholder(
        f('        throw new RuntimeException("not implemented")$0;\n'),
        f('        $0throw new RuntimeException("not implemented");$0\n'),
    ),
    action(f("        return $0a + 1$0;\n"), "selection", lines=False),
    action(f("        fo$0o(a, b$0ar);\n"), "selection", f("        $0foo(a, bar$0);\n"), lines=False),
    action(f("        $0a = 2;\n        a = 3;$0\n"), "selection"),
    action(
        "class A {\n    void f$0() {\n    }\n}\n", "body", "class A {\n    void f() {$0\n    }\n}\n", indent="        "
    ),
    action("class A {\n    void f() {$0}\n}\n", "body", lines=False),
    action(
        "class A {\n    void f() {\n        // TODO: co$0unt\n    }\n}\n",
        "placeholder",
        "class A {\n    void f() {\n        $0// TODO: count$0\n    }\n}\n",
    ),
    action(f("        return a$0\n"), "error", lines=False),
    # Strings and comments.
    in_text('class A {\n    String x = "he $0";\n}\n', "string"),
    broken(in_text('class A {\n    String x = "he $0\n}\n', "string")),
    in_text("// he $0\nclass A {\n}\n", "comment"),
    in_text("/* he $0 */\nclass A {\n}\n", "comment"),
    none('class A {\n    String x = """\n        he $0\n        """;\n}\n', STRING),
    none("/** he\n * $0\n */\nclass A {\n}\n", COMMENT),
    # Nothing is missing.
    none(f("        g();$0\n"), COMPLETE),
    none(f("        g()$0\n            .h();\n"), COMPLETE),
    none(f("        return b;$0\n"), COMPLETE),
    none(f("        if (a > 1) {$0\n            g();\n        }\n"), COMPLETE),
    none(f("        if (a > 1) {\n        }$0\n"), COMPLETE),
    none(f("        g(a,$0\n            b);\n"), COMPLETE),
    none("class A {\n    @Override$0\n    void f() {\n    }\n\n    @Override\n    void g() {\n    }\n}\n", COMPLETE),
    none("enum A {\n    X,$0\n    Y,\n}\n", COMPLETE),
    none(f("        $0a = 2;\n"), WORD),
    none(f("        $0(a).b();\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("java", parses=True)
