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
    return f"fn f(a: i32) -> i32 {{\n    let b = 1;\n{code}}}\n"


TODO_ARM = "fn f() {\n    match a {\n        1 => $0todo!()$0,\n    }\n}\n"

CASES = [
    # The rest of an expression, of arguments, of a line.
    hole("const X: i32 = $0;\n", "expression"),
    hole(f("    let c = $0;\n"), "expression"),
    hole(f("    let c = $0\n"), "expression"),
    hole(f("    let c = a + $0;\n"), "expression"),
    hole(f("    let c =\n        $0;\n"), "expression", indent="        "),
    hole(f("    return $0;\n"), "expression"),
    hole(f("    let c = b[$0];\n"), "expression"),
    hole(f("    if $0 {\n    }\n"), "expression"),
    hole(f("    for v in $0 {\n    }\n"), "expression"),
    hole(f("    let c = P { x: $0 };\n"), "expression"),
    hole(f("    Vec::$0;\n"), "expression"),
    hole(f("    foo(a, $0);\n"), "arguments"),
    hole(f("    println!($0);\n"), "arguments"),
    hole(f("    foo::<'a>(/* ) /* ( */ */ \"(\", ')', $0);\n"), "arguments"),
    hole(f('    foo(r#"("#, $0);\n'), "arguments"),
    hole(f("    foo(\n        a,\n        $0\n    );\n"), "arguments"),
    hole("fn f($0) {\n}\n", "arguments"),
    broken(hole(f("    foo(a, $0\n    let c = 2;\n"), "arguments")),
    hole(f("    foo(a)$0\n    foo(b);\n"), "line"),
    hole(f("    let c = 2$0\n"), "line"),
    hole(f("    if a == b$0\n"), "line"),
    hole(f("    if a == b {\n    } else$0\n"), "line"),
    hole(f("    match a$0\n"), "line"),
    hole(f("    resul$0\n"), "line"),
    hole("fn g(x: i32) -> i32$0\n", "line"),
    hole(f("    let c = P { $0 };\n"), "member"),
    hole(f("    let c = P { x: 1, $0 };\n"), "member"),
    hole(f("    if a == b {$0}\n"), "body"),
    # A whole statement or member.
    blank(f("    $0\n"), "    "),
    blank(f("$0\n"), "    "),
    blank(f("    $0\n    b\n"), "    "),
    blank(f("    if a == b {\n        return 1;\n    }\n$0\n    b\n"), "    "),
    blank("fn f() {\n\tlet b = 1;\n\t$0\n}\n", "\t"),
    blank("fn f() {\r\n    let b = 1;\r\n    $0\r\n}\r\n", "    "),
    blank(f("    /* { */ // {\n    $0\n"), "    "),
    blank(f("    let c = a\n        .b()\n        .c();\n$0\n"), "    "),
    blank(f("    foo(|x| {\n        b(x);\n    });\n$0\n"), "    "),
    blank(f("    foo(|x| {\n        b(x);\n        $0\n    });\n"), "        "),
    blank(f("    let c = '{';\n$0\n"), "    "),
    blank("use std::fmt;\n$0\n\nfn f() {}\n", ""),
    blank("struct P {\n    x: i32,\n    $0\n}\n", "    ", "member"),
    blank("enum P {\n    A,\n    $0\n}\n", "    ", "member"),
    blank("impl P {\n    fn a() {\n    }\n\n    $0\n}\n", "    ", "member"),
    blank(f("    let c = P {\n        x: 1,\n        $0\n    };\n"), "        ", "member"),
    blank(f("    match a {\n        1 => 2,\n        $0\n    }\n"), "        ", "member"),
    # Closing braces are missing.
    broken(blank("fn f() {\n    let b = 1;\n    $0\n", "    ")),
    broken(blank("fn f() {\n    let b = 1;\n    $0\n\nfn g() {\n    c();\n}\n", "    ")),
    broken(blank("fn f() {\n    if a {\n        b();\n    }\n\nfn g() {\n    b();\n    $0\n}\n", "    ")),
    # The body of an empty block.
    body("fn f() {\n    $0\n}\n", "    "),
    body("fn f() {\n$0\n}\n", "    "),
    body("fn f<T>(a: T)\nwhere\n    T: Clone,\n{\n    $0\n}\n", "    "),
    broken(body("fn f() {\n    $0\n\nfn g() {\n    c();\n}\n", "    ")),
    broken(body("fn f() {  // {\n$0\n", "    ")),
    body("fn f(\n    a: i32,\n) -> i32 {\n$0\n}\n", "    "),
    body(f("    for i in a {\n        $0\n    }\n"), "        "),
    body(f("    a.map(|x| {\n        $0\n    });\n"), "        "),
    body(f("    match a {\n        1 => {\n$0\n        }\n    }\n"), "            "),
    body(f("    match a {\n        $0\n    }\n"), "        "),
    body("fn f() {\r\n\t$0\r\n}\r\n", "\t"),
    # Placeholders, and what actions fill.
    placeholder(f("    $0todo!()\n"), f("    $0todo!()$0\n")),
    placeholder(f("    unimplemented!()$0;\n"), f("    $0unimplemented!();$0\n")),
    placeholder("fn f() { todo!($0) }\n", "fn f() { $0todo!()$0 }\n", lines=False),
    placeholder(f("    let c = $0todo!();\n"), f("    let c = $0todo!()$0;\n"), lines=False),
    placeholder(
        f("    match a {\n        1 => $0todo!(),\n    }\n"),
        f("    match a {\n        1 => $0todo!()$0,\n    }\n"),
        lines=False,
    ),
    action(f("    return $0a + 1$0;\n"), "selection", lines=False),
    action(f("    fo$0o(a, b$0ar);\n"), "selection", f("    $0foo(a, bar$0);\n"), lines=False),
    action(f("    $0a = 2;\n    a = 3;$0\n"), "selection"),
    action("fn f$0() {\n}\n", "body", "fn f() {$0\n}\n", indent="    "),
    action("fn f() {$0}\n", "body", lines=False),
    action("fn f() {\n    // TODO: co$0unt\n}\n", "placeholder", "fn f() {\n    $0// TODO: count$0\n}\n"),
    action(f("    let c = b $0$ c;\n"), "error", f("    let c = b $0$ c$0;\n"), lines=False),
    action(f("    let c = (b;$0\n"), "error", f("    let c = (b$0;\n"), lines=False),
    # Strings and comments.
    in_text('const X: &str = "he $0";\n', "string"),
    in_text('const X: &str = "he $0\nyou";\n', "string"),
    in_text("// he $0\nfn f() {}\n", "comment"),
    in_text("/* he $0 */\nfn f() {}\n", "comment"),
    none('const X: &str = r#"he $0"#;\n', STRING),
    none("/* he /* you */ $0 */\nfn f() {}\n", COMMENT),
    # Nothing is missing.
    none(f("    foo();$0\n"), COMPLETE),
    none(f("    foo()$0\n"), COMPLETE),
    none(f("    foo()$0\n        .bar();\n"), COMPLETE),
    none(f("    return b;$0\n"), COMPLETE),
    none(f("    if a == b {$0\n        foo();\n    }\n"), COMPLETE),
    none(f("    if a == b {\n    }$0\n"), COMPLETE),
    none(f("    foo(a,$0\n        b);\n"), COMPLETE),
    none(f("    match a {\n        1 => 2,$0\n        _ => 3,\n    }\n"), COMPLETE),
    none("struct P {\n    x: i32,$0\n    y: i32,\n}\n", COMPLETE),
    none("#[derive(Debug)]$0\nstruct P;\n", COMPLETE),
    none(f("    $0a = 2;\n"), WORD),
    none(f("    $0(a).b();\n"), TEXT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("rust", parses=True)
