"""The gate in languages other than Python."""

from __future__ import annotations

import pytest

from infill_lsp.judging import near_check, parse_check
from infill_lsp.judging.validity import CompilerError, first_error
from infill_lsp.trees.syntax import SyntaxTree, parse
from tests.check import check_rejected, check_shown

EMPTY = "the fill is empty"
COMMENT = "the fill is only a comment"
NOTHING = "the fill changes nothing"
PARSE = "the fill adds a parse error"
AFTER = "the fill repeats the text after the hole"
BELOW = "the fill repeats the line below"
ABOVE = "the fill repeats the line above"
CLOSES = "the fill closes a bracket that it did not open"
INDENT = "the fill breaks the indentation"
BREAK = "the fill holds a line break"

# language, a file with a hole for a value, one with a hole for a body of four blanks
FILES = [
    ("javascript", "x = f($0);\n", "function f(a) {\n    $0\n}\n", "return g(a);"),
    ("typescript", "x = f($0);\n", "function f(a: A): B {\n    $0\n}\n", "return g(a);"),
    ("typescriptreact", "x = f($0);\n", "function f(a: A): B {\n    $0\n}\n", "return <B c={a} />;"),
    ("go", "var x = f($0)\n", "func f(a A) B {\n    $0\n}\n", "return g(a)"),
    ("rust", "static X: X = f($0);\n", "fn f(a: A) -> B {\n    $0\n}\n", "g(a)"),
    ("c", "int x = f($0);\n", "int f(int a) {\n    $0\n}\n", "return g(a);"),
    ("cpp", "int x = f($0);\n", "int f(int a) {\n    $0\n}\n", "return g(a);"),
    ("java", "class A { int x = f($0); }\n", "class A { int f(int a) {\n    $0\n}}\n", "return g(a);"),
]


@pytest.mark.parametrize(("language", "value", "body", "statement"), FILES)
def test_what_breaks_the_parse_says_nothing_or_breaks_the_line(
    language: str, value: str, body: str, statement: str
) -> None:
    for fill in ("a, b", "a[1]", "g(a)", '"a"'):
        check_shown(value, fill, language=language)
    for fill in ("a b", "(a", "a[1", "a +", '"a'):
        check_rejected(value, fill, PARSE, language=language)
    for fill in ("a)", "a))((", "]"):
        check_rejected(value, fill, CLOSES, language=language)
    check_rejected(value, "", EMPTY, language=language)
    check_rejected(value, "/* a */", COMMENT, language=language)
    check_rejected(value, "a,\n b", BREAK, language=language)
    check_shown(body, statement, language=language)
    check_shown(body, f"if (a) {{\n        {statement}\n    }}\n    {statement}", language=language)
    for fill in ("if (a) {", f"{statement}\n    foo("):
        check_rejected(body, fill, PARSE, language=language)
    for fill in ("} {", "if (a) {\n    }\n    }", "foo(])"):
        check_rejected(body, fill, CLOSES, language=language)
    check_rejected(body, "// one\n    /* two\n    three */\n    // four", COMMENT, language=language)
    check_shown(body, f"// one\n    {statement}", language=language)
    check_rejected(body, "  " + statement, INDENT, language=language)


@pytest.mark.parametrize(
    ("language", "text", "fill"),
    [
        # Where brackets make the blocks, a line may begin anywhere.
        ("c", "int f(int a) {\n    $0\n}\n", "g();\n#ifdef A\n    h();\n#endif\nout:\n    return 1;"),
        ("c", "int f(int a) {\n    switch (a) {\n    case 0:\n        $0\n    }\n}\n", "g();\n    default:\n  h();"),
        ("javascript", "function f() {\n    $0\n}\n", "return a\n  .b()\n.c();"),
        ("javascript", "function f() {\n\t$0\n}\n", "g(a,\n\t  b);"),
        ("go", "func f() {\n\t$0\n}\n", "g(a,\n\t\tb,\n\t)"),
        ("rust", "fn f() {\n    $0\n}\n", "a\n        .b()\n        .c()"),
        ("rust", "fn f() -> &str {\n    $0\n}\n", '"a"'),
        ("java", "class A {\n    void f() {\n        $0\n    }\n}\n", "a\n            .b();"),
        # Broken elsewhere, before and after: not the fill's fault.
        ("javascript", "const = ;\nx = $0;\n", "1"),
        ("c", "int g() {\n    = ;\n}\nint x = $0;\n", "1"),
        ("go", "var y = )\nvar x = $0\n", "1"),
        ("rust", "fn f() {\n    g(;\n}\n\nfn h() {\n    let x = $0;\n}\n", "1"),
        ("typescript", "let x = $0;\nlet = 1;\n", "1"),
        # What the user has opened and not closed.
        ("javascript", "function f() {\n  foo($0\n}\n", "a);"),
        ("c", "int f(void) {\n    return g($0\n}\n", "1);"),
    ],
)
def test_a_good_fill_is_shown(language: str, text: str, fill: str) -> None:
    check_shown(text, fill, language=language)


@pytest.mark.parametrize(
    ("language", "text", "fill", "reason"),
    [
        ("javascript", "const = ;\nx = $0;\n", "(1", PARSE),
        ("go", "var y = )\nvar x = $0\n", "f(1", PARSE),
        ("rust", "fn f() {\n    g(;\n}\n\nfn h() {\n    let x = $0;\n}\n", "1)", CLOSES),
        ("javascript", "x = $0;\n", "1;", AFTER),
        ("c", "void f(void) {\n    g();\n    $0\n    h();\n}\n", "g();", ABOVE),
        ("c", "void f(void) {\n    g();\n    $0\n    h();\n}\n", "h();", BELOW),
        ("lua", "x = $0\n", "-- one", COMMENT),
        ("lua", "function f()\n  $0\nend\n", "--[[ one\n  two ]]", COMMENT),
        ("html", "<a>\n  $0\n</a>\n", "<!-- one -->", COMMENT),
        ("sql", "SELECT $0 FROM t;\n", "/* one */ -- two", COMMENT),
        ("haskell", "x = $0\n", "{- one {- two -} three -}", COMMENT),
        ("ruby", "x = $0\n", "# one", COMMENT),
        # Without a grammar brackets must match.
        ("cobol", "foo($0)\n", "(a", "the fill leaves a bracket open"),
        ("cobol", "foo($0)\n", "a)", CLOSES),
    ],
)
def test_a_fill_that_does_harm_or_says_nothing_is_not_shown(language: str, text: str, fill: str, reason: str) -> None:
    check_rejected(text, fill, reason, language=language)


@pytest.mark.parametrize(
    ("language", "item", "hole"),
    [
        ("javascript", "function f(a) {\n  return g(a, 'b');\n}\n\n", "function h(a) {\n  return g($0);\n}\n\n"),
        ("go", "func f(a A) B {\n\treturn g(a)\n}\n\n", "func h(a A) B {\n\treturn g($0)\n}\n\n"),
        ("python", "def f(a):\n    return g(a, 'b')\n\n\n", "def h(a):\n    return g($0)\n\n\n"),
    ],
)
def test_a_very_long_file_is_judged_by_what_stands_around_the_hole(
    language: str, item: str, hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def measured(text: str, language: str) -> SyntaxTree | None:
        lengths.append(len(text))
        return parse(text, language)

    def compiled(text: str, language: str) -> CompilerError | None:
        lengths.append(len(text))
        return first_error(text, language)

    monkeypatch.setattr(near_check, "parse", measured)
    monkeypatch.setattr(near_check, "first_error", compiled)
    monkeypatch.setattr(parse_check, "parse", measured)
    file = item * 1_500 + hole + item * 1_500
    check_shown(file, "a", language=language)
    for fill in ("(a", "a b", "'a"):
        check_rejected(file, fill, PARSE, language=language)
    assert lengths
    assert max(lengths) < 8_500
