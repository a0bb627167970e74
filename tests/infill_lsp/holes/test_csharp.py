from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    WORD,
    Case,
    action,
    blank,
    body,
    hole,
    none,
    placeholder,
)


def in_method(lines: str) -> str:
    """Put lines into a method; `\\n` in them is followed by the method's indent."""
    inner = lines.replace("\n", "\n        ")
    return f"namespace A;\n\nclass Cart\n{{\n    int Total(int x)\n    {{\n        {inner}\n    }}\n}}\n"


CASES = [
    hole(in_method("return x + $0;"), "expression"),
    hole(in_method("var total = $0"), "expression"),
    hole(in_method("var total = $0;"), "expression"),
    hole(in_method("if (x > $0)\n{\n    x = 1;\n}"), "expression"),
    hole(in_method("Add(x, $0);"), "arguments"),
    hole(in_method("Add(x, $0"), "arguments"),
    hole(in_method("Add(\n    x,\n    $0\n);"), "arguments"),
    hole(in_method("var xs = new List<int>($0);"), "arguments"),
    hole(in_method('var s = $"a {x + $0} b";'), "expression"),
    hole(in_method('var p = @"c:\\" + $0;'), "expression"),
    hole(in_method("var c = '\"' + $0;"), "expression"),
    hole(in_method("var xs = new[] { 1, $0 };"), "member"),
    hole(in_method("xs.Select(y => $0);"), "arguments"),
    hole(in_method("Comp$0"), "line"),
    hole("using $0\n", "expression"),
    blank(in_method("x += 1;\n$0\nreturn x;"), "        "),
    blank(in_method("if (x > 1)\n{\n    x = 1;\n}\n$0\nreturn x;"), "        "),
    blank("class A\n{\n    int x;\n\n    $0\n}\n", "    ", "member"),
    blank("enum E\n{\n    A,\n    $0\n}\n", "    ", "member"),
    body("class A\n{\n    void F()\n    {\n$0\n    }\n}\n", "        "),
    body("class A {\n    void F() {\n        $0\n    }\n}\n", "        "),
    body(in_method("foreach (var y in xs)\n{\n    $0\n}"), "            "),
    placeholder(
        in_method("$0throw new NotImplementedException();"), in_method("$0throw new NotImplementedException();$0")
    ),
    placeholder(
        in_method('throw new System.NotImplementedException$0("later");'),
        in_method('$0throw new System.NotImplementedException("later");$0'),
    ),
    action("class A\n{\n    void F()\n    {$0\n    }\n}\n", "body", indent="        "),
    action(in_method("// TODO: count$0"), "placeholder", in_method("$0// TODO: count$0")),
    action(in_method("return $0x + 1$0;"), "selection", lines=False),
    none(in_method('var s = "a $0";'), STRING),
    none(in_method('var s = @"c:\\ $0";'), STRING),
    none(in_method('var s = """\n"a $0"\n""";'), STRING),
    none(in_method("// Bob's $0"), COMMENT),
    none(in_method("/* a $0 */"), COMMENT),
    none(in_method("x = 1;$0"), COMPLETE),
    none(in_method("$0return x;"), WORD),
    hole(in_method("if (x > 1)$0"), "line"),
    hole(
        in_method("Func<int, int> f = y => $0throw new NotImplementedException();"),
        "placeholder",
        in_method("Func<int, int> f = y => $0throw new NotImplementedException();$0"),
    ),
    blank(in_method("switch (x)\n{\n    case 1:\n        x = 2;\n        $0\n        break;\n}"), "                "),
    body(in_method("switch (x)\n{\n    case 1:\n        $0\n}"), "                "),
    blank(in_method("var p = new P\n{\n    X = 1,\n    $0\n};"), "            ", "member"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("csharp", parses=True)


def test_the_apostrophe_of_a_region_opens_nothing() -> None:
    hole("#region Bob's part\nclass A\n{\n    int x = $0;\n}\n#endregion\n", "expression").check("csharp")
