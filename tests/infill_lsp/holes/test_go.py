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
    return f"package a\n\nfunc f(a int) int {{\n\tb := 1\n{code}}}\n"


CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("package a\n\nvar x = $0\n", "expression"),
    hole(f("\tc := $0\n"), "expression"),
    hole(f("\tc := a + $0\n"), "expression"),
    hole(f("\tc := a +\n\t\t$0\n"), "expression", indent="\t\t"),
    hole(f("\treturn $0\n"), "expression"),
    hole(f("\tc = b[$0]\n"), "expression"),
    hole(f("\tif $0 {\n\t}\n"), "expression"),
    hole(f("\tfor _, v := range $0 {\n\t}\n"), "expression"),
    hole(f("\tc := P{X: $0}\n"), "expression"),
    hole(f("\tfmt.$0\n"), "expression"),
    hole(f("\tswitch a {\n\tcase $0:\n\t\tb = 2\n\t}\n"), "expression"),
    hole(f("\tfoo(a, $0)\n"), "arguments"),
    hole(f("\tfoo($0)\n"), "arguments"),
    hole(f("\tfoo(/* ) */ \"(\", ')', $0)\n"), "arguments"),
    hole(f("\tfoo(\n\t\ta,\n\t\t$0\n\t)\n"), "arguments"),
    hole("package a\n\nfunc f($0) {\n}\n", "arguments"),
    broken(hole(f("\tfoo(a, $0\n\tb = 2\n"), "arguments")),
    hole(f("\tif a == b$0\n"), "line"),
    hole(f("\tfor $0\n"), "expression"),
    hole(f("\tif a == b {\n\t} else$0\n"), "line"),
    hole(f("\tresul$0\n"), "line"),
    hole("package a\n\nfunc g(x int) error$0\n", "line"),
    hole("package a\n\nvar x = P{$0}\n", "member"),
    hole("package a\n\nvar x = P{X: 1, $0}\n", "member"),
    hole(f("\tif a == b {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("\t$0\n"), "\t"),
    blank(f("$0\n"), "\t"),
    blank(f("\t$0\n\treturn b\n"), "\t"),
    blank(f("\tif a == b {\n\t\treturn 1\n\t}\n$0\n\treturn b\n"), "\t"),
    blank("package a\r\n\r\nfunc f() {\r\n\tb := 1\r\n\t$0\r\n}\r\n", "\t"),
    blank(f("\t/* { */ // {\n\t$0\n"), "\t"),
    blank(f("\tfoo(a,\n\t\tb)\n$0\n"), "\t"),
    blank(f("\tc := `{\n(`\n$0\n"), "\t"),
    blank(f("\tgo func() {\n\t\tb()\n\t}()\n$0\n"), "\t"),
    blank(f("\tswitch a {\n\tcase 1:\n\t\tb()\n\t\t$0\n\tcase 2:\n\t\tc()\n\t}\n"), "\t\t"),
    blank("package a\n\nimport (\n)\n$0\n", ""),
    blank("package a\n\ntype P struct {\n\tX int\n\t$0\n}\n", "\t", "member"),
    blank("package a\n\ntype P interface {\n\tX() int\n\t$0\n}\n", "\t", "member"),
    blank("package a\n\nvar x = P{\n\tX: 1,\n\t$0\n}\n", "\t", "member"),
    blank(f("\tswitch a {\n\t$0\n\tcase 2:\n\t\tc()\n\t}\n"), "\t", "member"),
    # Closing braces are missing.
    broken(blank("package a\n\nfunc f() {\n\tb := 1\n\t$0\n", "\t")),
    broken(blank("package a\n\nfunc f() {\n\tb := 1\n\t$0\n\nfunc g() {\n\tc()\n}\n", "\t")),
    broken(blank("package a\n\nfunc f() {\n\tif a {\n\t\tb()\n\t}\n\nfunc g() {\n\tb()\n\t$0\n}\n", "\t")),
    # The body of an empty block.
    body("package a\n\nfunc f() {\n\t$0\n}\n", "\t"),
    body("package a\n\nfunc f() {\n$0\n}\n", "\t"),
    broken(body("package a\n\nfunc f() {\n\t$0\n\nfunc g() {\n\tc()\n}\n", "\t")),
    broken(body("package a\n\nfunc f() {  // {\n$0\n", "\t")),
    body("package a\n\nfunc f(\n\ta int,\n) error {\n$0\n}\n", "\t"),
    body(f("\tfor i := range a {\n\t\t$0\n\t}\n"), "\t\t"),
    body(f("\tdefer func() {\n$0\n\t}()\n"), "\t\t"),
    body(f("\tselect {\n\tcase <-a.Done():\n\t\t$0\n\tcase b <- 1:\n\t\tc()\n\t}\n"), "\t\t"),
    body("package a\r\n\r\nfunc f() {\r\n    $0\r\n}\r\n", "    "),
    # Placeholders, and what actions fill.
    placeholder(f('\t$0panic("TODO")\n'), f('\t$0panic("TODO")$0\n')),
    placeholder(f('\tpanic("not implemented")$0\n'), f('\t$0panic("not implemented")$0\n')),
    action(f("\treturn $0a + 1$0\n"), "selection", lines=False),
    action(f("\tfo$0o(a, b$0ar)\n"), "selection", f("\t$0foo(a, bar$0)\n"), lines=False),
    action(f("\t$0a = 2\n\ta = 3$0\n"), "selection"),
    action("package a\n\nfunc f$0() {\n}\n", "body", "package a\n\nfunc f() {$0\n}\n", indent="\t"),
    action("package a\n\nfunc f() {$0}\n", "body", lines=False),
    action(
        "package a\n\nfunc f() {\n\t// TODO: co$0unt\n}\n",
        "placeholder",
        "package a\n\nfunc f() {\n\t$0// TODO: count$0\n}\n",
    ),
    action(f("\ta = b $0? c\n\ta = 3\n"), "error", f("\ta = $0b ?$0 c\n\ta = 3\n"), lines=False),
    # Strings and comments.
    in_text('package a\n\nvar x = "he $0"\n', "string"),
    broken(in_text('package a\n\nvar x = "he $0\n', "string")),
    in_text("package a\n\nvar x = `he $0\nyou`\n", "string"),
    in_text("package a\n\n// he $0\nvar x int\n", "comment"),
    in_text("package a\n\n/* he $0 */\nvar x int\n", "comment"),
    none('package a\n\nvar x = "he $0"\n', STRING),
    none("package a\n\n/* he\n $0\n */\nvar x int\n", COMMENT),
    # Nothing is missing.
    none(f("\tfoo()$0\n"), COMPLETE),
    none(f("\tfoo() $0\n"), COMPLETE),
    none(f("\treturn b$0\n"), COMPLETE),
    none(f("\treturn$0\n"), COMPLETE),
    none(f("\tb++$0\n"), COMPLETE),
    none(f("\tif a == b {$0\n\t\tfoo()\n\t}\n"), COMPLETE),
    none(f("\tif a == b {\n\t}$0\n"), COMPLETE),
    none(f("\tfoo(a,$0\n\t\tb)\n"), COMPLETE),
    none(f("\tswitch a {\n\tcase 1:$0\n\t\tfoo()\n\t}\n"), COMPLETE),
    none("package a\n\nvar x = P{\n\tX: 1,$0\n\tY: 2,\n}\n", COMPLETE),
    none("package a\n\ntype P struct {\n\tX int$0\n}\n", COMPLETE),
    none(f("\t$0a = 2\n"), WORD),
    none(f("\t$0(a) = 2\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("go", parses=True)
