"""Shaping in languages whose blocks end with a bracket or a word."""

from __future__ import annotations

import pytest

from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole, hole_at
from tests.check import check_shape
from tests.fixture import marked, snapshot_of

JS, TS, TSX = "javascript", "typescript", "typescriptreact"


@pytest.mark.parametrize(
    ("language", "text", "candidate", "expect"),
    [
        # What the suffix has already.
        (JS, "foo($0);\n", "a, b);", "foo(a, b);\n"),
        (JS, "const a = $0;\n", "b + 1;", "const a = b + 1;\n"),
        (JS, "const a = [$0];\n", "1, 2];", "const a = [1, 2];\n"),
        (JS, "foo(`${$0}`);\n", "a}`);", "foo(`${a}`);\n"),
        (JS, "foo(/\\)/, $0);\n", "bar(/[)]/));", "foo(/\\)/, bar(/[)]/));\n"),
        (TS, "let a: Map<string, $0>;\n", "number>;", "let a: Map<string, number>;\n"),
        (TSX, "const a = <B c={$0} />;\n", "d} />;", "const a = <B c={d} />;\n"),
        ("go", "\tfoo(a, $0)\n", "b)", "\tfoo(a, b)\n"),
        ("rust", "fn f<'a>(s: &'a str) {\n    g($0);\n}\n", "s, 'x');", "fn f<'a>(s: &'a str) {\n    g(s, 'x');\n}\n"),
        ("c", "int x = $0;\n", "(a + b) * 2;\n", "int x = (a + b) * 2;\n"),
        ("cpp", "std::vector<int> v{$0};\n", "1, 2};", "std::vector<int> v{1, 2};\n"),
        ("java", "class A { int x = f($0); }\n", "1);", "class A { int x = f(1); }\n"),
        # The editor has closed nothing.
        (JS, "foo($0\nbar();\n", "a);", "foo(a);\nbar();\n"),
        ("c", "void f(void) {\n    g($0\n}\n", "1);\n}", "void f(void) {\n    g(1);\n}\n"),
        # One line goes into one line.
        ("go", "func f() {\n\tx := $0\n}\n", "1\n\ty := 2\n}", "func f() {\n\tx := 1\n}\n"),
        (
            "rust",
            "fn f() {\n    let x = 1;\n    $0\n}\n",
            "g(x);\n    h(x);",
            "fn f() {\n    let x = 1;\n    g(x);\n}\n",
        ),
    ],
)
def test_a_line_keeps_what_fits_into_it(language: str, text: str, candidate: str, expect: str) -> None:
    check_shape(text, candidate, expect, language=language)


@pytest.mark.parametrize(
    ("language", "head", "foot"),
    [
        (JS, "function f(a) {", "}"),
        (JS, "const f = (a) => {", "};"),
        (TS, "function f(a: number): number {", "}"),
        (TSX, "function f(a: number): number {", "}"),
        ("go", "func f(a int) int {", "}"),
        ("rust", "fn f(a: i32) -> i32 {", "}"),
        ("c", "int f(int a) {", "}"),
        ("c", "int f(int a)\n{", "}"),
        ("cpp", "int f(int a) {", "}"),
    ],
)
@pytest.mark.parametrize(("unit", "end"), [("    ", "\n"), ("\t", "\n"), ("  ", "\r\n"), ("\t", "\r\n")])
def test_a_body_is_indented_as_the_file_and_ends_with_its_brace(
    language: str, head: str, foot: str, unit: str, end: str
) -> None:
    elsewhere = f"{head.replace('f(', 'g(').replace('f =', 'g =')}\n>if (a) {{\n>>h();\n>}}\n{foot}\n\n"
    body = ">if (a) {\n>>return g(a);\n>}\n\n>return 1;"
    file = (elsewhere + head + "\n>$0\n" + foot + "\n").replace("\n", end).replace(">>", unit * 2)
    file = file.replace("\n>", "\n" + unit)
    expect = file.replace("$0", body[1:].replace("\n", end).replace(">>", unit * 2).replace("\n>", "\n" + unit))
    spelled = [
        body.replace(">>", unit * 2).replace("\n>", "\n" + unit)[1:],  # in the file's columns
        body.replace("\n>>", "\n" + unit).replace("\n>", "\n")[1:],  # as if it stood alone
        body.replace("\n>>", "\n    ").replace("\n>", "\n")[1:],
        body.replace("\n>>", "\n\t").replace("\n>", "\n")[1:],
    ]
    for candidate in spelled:
        check_shape(file, candidate, expect, language=language)
        # The end of the scope, and what comes below it.
        check_shape(file, candidate + "\n}\n\nint next(void) {\n  return 2;\n}\n", expect, language=language)


@pytest.mark.parametrize(
    ("language", "text", "candidate", "expect"),
    [
        # Lines may stand left of their statement.
        (
            "c",
            "int f(int a) {\n    $0\n}\n",
            "#ifdef A\n    g();\n#endif\n    switch (a) {\n    case 1:\n        g();\n    }\nout:\n    return 1;\n}",
            "int f(int a) {\n    #ifdef A\n    g();\n#endif\n    switch (a) {\n    case 1:\n        g();\n    }\nout:\n"
            "    return 1;\n}\n",
        ),
        (
            JS,
            "function f() {\n  $0\n}\n",
            "return a\n    .b()\n    .c();\n",
            "function f() {\n  return a\n    .b()\n    .c();\n}\n",
        ),
        (
            "rust",
            "fn f() {\n    $0\n}\n",
            "a\n        .b()\n        .c(|x| {\n            x\n        })\n}",
            "fn f() {\n    a\n        .b()\n        .c(|x| {\n            x\n        })\n}\n",
        ),
        (
            "java",
            "class A {\n    int f() {\n        $0\n    }\n}\n",
            "return a\n    .b();\n    }\n\n    int g() {\n        return 1;",
            "class A {\n    int f() {\n        return a\n        .b();\n    }\n}\n",
        ),
        # A string keeps its lines.
        (
            JS,
            "function f() {\n\t$0\n}\n",
            "const a = `\n  raw\n    }`;\nreturn a;\n}",
            "function f() {\n\tconst a = `\n  raw\n    }`;\n\treturn a;\n}\n",
        ),
        # Lines that stand below already.
        (
            "go",
            "func f() error {\n\t$0x()$0\n\n\treturn nil\n}\n",
            "if a {\n\t\treturn b\n\t}\n\n\treturn nil\n}",
            "func f() error {\n\tif a {\n\t\treturn b\n\t}\n\n\treturn nil\n}\n",
        ),
        # A GNU file indents with both.
        (
            "c",
            "int\nf (int a)\n{\n  if (a)\n    {\n\tg ();\n    }\n}\nint\nh (int a)\n{\n  $0\n}\n",
            "if (a)\n    {\n      while (a)\n\tg ();\n    }",
            "int\nf (int a)\n{\n  if (a)\n    {\n\tg ();\n    }\n}\nint\nh (int a)\n{\n"
            "  if (a)\n    {\n      while (a)\n\tg ();\n    }\n}\n",
        ),
        # Braces with nothing between them.
        (JS, "const f = () => {$0};\n", "return 1;\n};", "const f = () => { return 1; };\n"),
        ("go", "func f() {$0}\n", "\n\tg()\n}", "func f() { g() }\n"),
        ("rust", "fn f() {$0}\n", "g()", "fn f() { g() }\n"),
        ("c", "void f(void) { $0 }\n", "g();\n", "void f(void) { g(); }\n"),
        ("java", "class A { void f() {$0} }\n", "g();", "class A { void f() { g(); } }\n"),
        # A bracket below is not the one that the fill ends with.
        (JS, "function f() {\n$0x();$0\n}\n", "if (a) {\n  b();\n}", "function f() {\nif (a) {\n  b();\n}\n}\n"),
        (
            "c",
            "void f(void) {\n    $0\n}\n",
            "a();\n#ifdef B\nb();\n#endif\nc();\n}",
            "void f(void) {\n    a();\n#ifdef B\n    b();\n#endif\n    c();\n}\n",
        ),
        # Selections.
        (
            JS,
            "if (a) {\n$0  b();\n  c();\n$0}\n",
            "d();\n}\nelse {\n  e();\n}",
            "if (a) {\n  d();\n}\n",
        ),
    ],
)
def test_blocks_of_other_shapes(language: str, text: str, candidate: str, expect: str) -> None:
    check_shape(text, candidate, expect, language=language)


@pytest.mark.parametrize(
    ("language", "text", "candidate", "expect"),
    [
        (
            "ruby",
            "def f(a)\n  $0\nend\n",
            "return 1 if a\n  2\nend\n\ndef g\nend",
            "def f(a)\n  return 1 if a\n  2\nend\n",
        ),
        (
            "ruby",
            "def f(a)\n  $0\nend\n",
            "a.each do |x|\n    g(x)\n  end\n  1\nend",
            "def f(a)\n  a.each do |x|\n    g(x)\n  end\n  1\nend\n",
        ),
        (
            "lua",
            "function f(a)\n  $0\nend\n",
            "if a then\n    g()\n  end\nend",
            "function f(a)\n  if a then\n    g()\n  end\nend\n",
        ),
        (
            "lua",
            "function f(a)\n  $0\nend\n",
            "if a then\n  g()\nend\nh()\n",
            "function f(a)\n  if a then\n    g()\n  end\n  h()\nend\n",
        ),
        (
            "julia",
            "function f(a)\n    $0\nend\n",
            "b = a\n    b + 1\nend",
            "function f(a)\n    b = a\n    b + 1\nend\n",
        ),
        ("elixir", "def f(a) do\n  $0\nend\n", "b = a\n  b + 1\nend", "def f(a) do\n  b = a\n  b + 1\nend\n"),
        ("shellscript", "if a; then\n  $0\nfi\n", "b\nfi\n", "if a; then\n  b\nfi\n"),
        ("lua", "function f(a)\n  $0\nend\n", "g()\n  end\n  h()\n", "function f(a)\n  g()\nend\n"),
        ("shellscript", "if a; then\n  $0\nfi\n", "b\n  fi\n  c\n", "if a; then\n  b\nfi\n"),
        (
            "csharp",
            "class A\n{\n    int F()\n    {\n        $0\n    }\n}\n",
            "return 1;\n    }",
            "class A\n{\n    int F()\n    {\n        return 1;\n    }\n}\n",
        ),
        ("php", "<?php\nfunction f($a) {\n    $0\n}\n", "return 1;\n}", "<?php\nfunction f($a) {\n    return 1;\n}\n"),
        ("kotlin", "fun f(): Int {\n    $0\n}\n", "return 1\n}", "fun f(): Int {\n    return 1\n}\n"),
        ("scala", "def f(): Int = {\n  $0\n}\n", "1\n}", "def f(): Int = {\n  1\n}\n"),
        ("swift", "func f() -> Int {\n    $0\n}\n", "return 1\n}", "func f() -> Int {\n    return 1\n}\n"),
        ("zig", "fn f() i32 {\n    $0\n}\n", "return 1;\n}", "fn f() i32 {\n    return 1;\n}\n"),
        ("dart", "int f() {\n  $0\n}\n", "return 1;\n}", "int f() {\n  return 1;\n}\n"),
        ("css", "a {\n  color: $0;\n}\n", "red;\n}", "a {\n  color: red;\n}\n"),
        ("json", '{"a": $0}\n', "[1]}", '{"a": [1]}\n'),
        ("toml", "a = $0\n", "[1]\nb = 2", "a = [1]\n"),
        ("yaml", "a:\n  b: $0\n", "1\n  c: 2", "a:\n  b: 1\n"),
        ("sql", "SELECT f($0) FROM t;\n", "a) FROM t;", "SELECT f(a) FROM t;\n"),
        ("haskell", "f x = g ($0)\n", "x + 1)", "f x = g (x + 1)\n"),
        ("ocaml", "let f x = g ($0)\n", "x + 1)", "let f x = g (x + 1)\n"),
        ("html", '<a b="c">\n  <d e=$0></d>\n</a>\n', '"f"></d>', '<a b="c">\n  <d e="f"></d>\n</a>\n'),
        ("cobol", "foo($0)\n", "a)", "foo(a)\n"),
    ],
)
def test_every_other_language(language: str, text: str, candidate: str, expect: str) -> None:
    check_shape(text, candidate, expect, language=language)


@pytest.mark.parametrize(
    ("language", "text", "candidate", "expect"),
    [
        ("python", "x = 'a $0'\n", " b' + c", "x = 'a b'\n"),
        ("python", "x = 'a$0'\n", " \\' b'", "x = 'a \\' b'\n"),
        ("python", "x = 1  # why$0\n", " not?\ny = 2", "x = 1  # why not?\n"),
        (JS, "foo(`a $0`);\n", "${b} c`);", "foo(`a ${b} c`);\n"),
        ("c", "/* why $0 */\n", "not */ int x;", "/* why not */\n"),
        ("go", "// why$0\n", " (not)", "// why (not)\n"),
    ],
)
def test_in_a_string_or_a_comment_the_fill_ends_with_it(language: str, text: str, candidate: str, expect: str) -> None:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_at(snapshot, at.offset, in_strings=True, in_comments=True)
    assert isinstance(hole, Hole), hole
    filled = shape(snapshot, hole, candidate)
    assert snapshot.text[: hole.start] + filled + snapshot.text[hole.end :] == expect
