from __future__ import annotations

import dataclasses

import pytest

from infill_lsp.languages import language_for
from infill_lsp.reading.scan import Place, missing_closers, place_at
from infill_lsp.trees.syntax import parse
from tests.fixture import marked, snapshot_of


@pytest.mark.parametrize(
    ("text", "where", "openers"),
    [
        ("x = (1, [$0", "code", "(["),
        ("x = (1)[$0]", "code", "["),
        ("x = ')' + ($0", "code", "("),
        ("x = '('$0", "code", ""),
        ("x = 'a\\'($0", "string", "'"),
        ("x = 'a\n$0", "code", ""),
        ("x = '''a\n($0", "string", "'''"),
        ("x = 1  # ($0", "comment", "#"),
        ("x = 1  # (\n$0", "code", ""),
        ("x = f'{a[$0]}'", "code", "'{["),
        ("x = f'{{$0}}'", "string", "'"),
        ("x = f'{a}$0'", "string", "'"),
        ("x = f'{a\ny = ($0", "code", "("),
        ("x = rb'\\'$0'", "string", "'"),
        ("x = '{$0}'", "string", "'"),
        ("x = (a[1)$0", "code", ""),
        ("x = (a]$0)", "code", "("),
        ("def f(\n    a,\n    b=(1,\n       $0", "code", "(("),
        ("x = (\ndef f():\n    y = [$0", "code", "["),
        # A string whose end is not typed yet, and lines of it that look like code.
        ('def f():\n    """Doc.\n\n    raise $0', "string", '"""'),
        ('def f():\n    """Doc.\n\n    return $0\n\n\ndef g():\n    return 1\n', "string", '"""'),
        ('def f():\n    """Doc.\n\n    return $0\n\n\ndef g():\n    """Doc."""\n', "string", '"""'),
        ('class A:\n    """Doc.\n\n    with $0\n\n    def f(self):\n        pass\n', "string", '"""'),
        ('"""Module.\n\nimport $0\n\nimport os\n', "string", '"""'),
        ("def g():\n    pass\n\n\nx = '''a\n    import $0\n", "string", "'''"),
        ('def f():\n    """Doc."""\n    x = (\n    return $0\n', "code", ""),
        ('def g(:\n    """Doc."""\ndef f():\n    """Doc."""\n    return [$0\n', "code", "["),
    ],
)
def test_what_stands_open_is_read_from_the_characters(text: str, where: str, openers: str) -> None:
    at = marked(text)
    place = place_at(snapshot_of(at.text), at.offset)
    assert (place.where, "".join(frame.opener for frame in place.frames)) == (where, openers)
    assert all(at.text.startswith(frame.opener, frame.offset) for frame in place.frames)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("foo($0)", ""),
        ("foo($0", ")"),
        ("foo(a[$0)", "]"),
        ("foo(a[$0", "])"),
        ("foo(bar($0)", ")"),
        ("foo(bar(1), $0)", ""),
        ("foo($0\ny = bar(1)\n", ")"),
        ("foo(\n    $0\n)", ""),
        ("if x:\n    foo(\n        $0\n)\n", ")"),
        ("foo([$0]", ""),
        ("foo($0 ')'", ")"),
        ("foo($0  # )\n", ")"),
        ("x = f'{$0}'", ""),
        ("x", ""),
    ],
)
def test_what_the_text_after_the_hole_does_not_close_is_missing(text: str, missing: str) -> None:
    at = marked(text if "$0" in text else text + "$0")
    frames = place_at(snapshot_of(at.text), at.offset).frames
    assert missing_closers(at.text, at.offset, language_for("python"), frames) == missing


# What stands open at the caret, outermost first; the last of it tells code, string and comment apart.
STATES = {
    "javascript": [
        ("x = ($0", "("),
        ("x = '('$0", ""),
        ("x = 'a\\'($0", "'"),
        ("x = 'a\n$0", ""),
        ("x = \"it's ($0", '"'),
        ("f() // it's ($0", "//"),
        ("f() // (\n$0", ""),
        ("/* ( */ g($0", "("),
        ("/* a\n * it's ($0\n */", "/*"),
        ("/* a\nf($0", "/*"),
        ("x = `a ( ${b[$0]}`", "`{["),
        ("x = `a ${b} ($0`", "`"),
        ("x = `a $(b) {$0`", "`"),
        ("x = `\\${$0`", "`"),
        ("x = `a ${`b ${c($0)}`}`", "`{`{("),
        ("x = `a\nconst b = ($0\n`", "`"),
        ("x = `a\nconst b = ($0", "`"),
        ("x = a.replace(/[({\"'`]/g, $0", "("),
        ("x = /[/(]/.test(y$0)", "("),
        ("x = a / b / ($0", "("),
        ("x = a.map(b => /\\(/.test(b)).map($0", "("),
        ("x = y.match(/[({$0", "("),
        ("x = a + /[(`$0(]/.exec(b)", ""),
        ("return <p>it's {x.map($0)}</p>", "{("),
        ("return <p>don't</p>; f($0", "("),
        ("return <a href='b'>c</a>, f($0", "("),
        ("function f() {\n  g($0\n}\n", "{("),
        ("foo(function () {\n  const a = 1;\n  $0\n});\n", "({"),
        ("const a = 1;\nfunction f() {\n  if (a) {\n    g(\n  }\n  $0\n}\n", "{"),
    ],
    "typescript": [
        ("const x: Map<string, Array<(a: number) => void>> = f($0", "("),
        ("class A<T extends { a: [$0", "{["),
        ("type A = `a${B[$0", "`{["),
        ("namespace A {\n  export const a = /\\{/; // {\n  $0\n}", "{"),
    ],
    "typescriptreact": [
        ("const a = <B c={d($0)} />;", "{("),
        ("const a = <b>{`c ${d($0)}`}</b>;", "{`{("),
    ],
    "go": [
        ("x := f($0", "("),
        ("x := `a\\`; f($0", "("),
        ('x := `a\n"(\n$0`', "`"),
        ("x := `a\nfunc f() {\n$0", "`"),
        ("x := '(' + '\\'' + f($0", "("),
        ('x := "a\\"($0"', '"'),
        ('x := "a\n$0', ""),
        ("func f() {\n\tx := T{[]int{$0", "{{{"),
        ("func f() { // it's {\n\t$0\n}\n", "{"),
        ("/* a /* b */ f($0", "("),
    ],
    "rust": [
        ("fn f<'a>(x: &'a str, $0", "("),
        ("fn f<'$0", ""),
        ("let c = '('; f($0", "("),
        ("let c = '\\''; f($0", "("),
        ("let c = b'{'; f($0", "("),
        ("'a: loop { break 'a; $0", "{"),
        ('let s = "a\n({$0', '"'),
        ('let s = "{}\\"("; f($0', "("),
        ('let s = r"\\"; f($0', "("),
        ('let s = r#"a " ( "#; f($0', "("),
        ('let s = br##"a "# ($0', 'r##"'),
        ("/* a /* ( */ b $0 */", "/*"),
        ("/* a /* ($0 */ b */", "/*/*"),
        ("/* a /* ( */ b */ f($0", "("),
        ("/// it's (\nfn f($0", "("),
        ("macro_rules! m { ($a:expr) => { $0", "{{"),
    ],
    "c": [
        ("int x = f($0", "("),
        ("char c = '{', d = '\\'', e = f($0", "("),
        ('char *s = "a\\\n($0";', '"'),
        ('char *s = "a\n$0', ""),
        ("#define A(x) { (x\nint f() { $0", "{"),
        ("int a[] = { 1, (2 /* ( */, $0", "{("),
        ("int x = 1; // don't {\nint y = f($0", "("),
        ("/* a\nint x = ($0", "/*"),
    ],
    "cpp": [
        ('auto s = R"(a " ( \\)"; f($0', "("),
        ('auto s = R"(a\n" ($0', 'R"('),
        ('auto s = R"x(a )" ()x"; f($0', "("),
        ('auto s = R"x(a )" ( $0 ()x";', ""),
        ("int n = 1'000'000 + f($0", "("),
        ("auto c = u8'('; f($0", "("),
        ("namespace a {\ntemplate <class T> struct B : C<T> {\n  int d{$0}; (\n};\n}\n", "{{{"),
    ],
    "java": [
        ('String s = """\n  a " ( \\""" {\n  """ + f($0', "("),
        ('String s = """\n  a\nclass A {$0', '"""'),
        ("char c = '\\'' + '(' + f($0", "("),
        ('String s = "a\n$0', ""),
        ('class A {\n  @B({"a"})\n  void f() {\n    g(x -> {\n      $0\n    });\n  }\n}\n', "{{({"),
        ("class A {\n  /** it's {@code ($0 */", "{/**"),
    ],
}


def _place(text: str, language: str) -> Place:
    at = marked(text)
    return place_at(snapshot_of(at.text, language), at.offset)


@pytest.mark.parametrize(
    ("language", "text", "openers"),
    [(language, text, openers) for language, states in STATES.items() for text, openers in states],
)
def test_what_stands_open_is_read_in_every_language(language: str, text: str, openers: str) -> None:
    frames = _place(text, language).frames
    assert "".join(frame.opener for frame in frames) == openers.replace("/**", "/*")
    plain = marked(text).text
    assert all(plain.startswith(frame.opener, frame.offset) for frame in frames)


@pytest.mark.parametrize("language", ["javascript", "typescript", "go", "rust", "c", "cpp", "java"])
def test_comments_are_no_strings_and_no_brackets(language: str) -> None:
    for text in ("/* a $0", "// a $0"):
        place = _place(text, language)
        assert (place.where, place.bracket, [frame.quote for frame in place.frames]) == ("comment", None, [None])


# Whole files: what stands open at every `$0` of each, whatever stands broken above or below.
INTACT = {
    "javascript": "import a from 'b';\n\nexport class A {\n  f(x) {\n    return `${[x]}`;\n  }\n}\n",
    "go": "package a\n\nfunc f(x int) {\n\tswitch x {\n\tcase 1:\n\t\tg([]int{1})\n\t}\n}\n",
    "rust": "impl<'a> A<'a> {\n    fn f(&self) -> B {\n        match x { C { d } => (e, '('), }\n    }\n}\n",
    "c": "static int f(int a)\n{\n\tstruct s b = { .c = (1) };\n\tfor (;;) {\n\t\tg('{');\n\t}\n}\n",
    "java": "class A {\n  int[] b = {1};\n\n  void f() {\n    for (;;) { g((x) -> { h(); }); }\n  }\n}\n",
    "python": "class A:\n    def f(self):\n        (a, b) = c[{1: (2)}]\n        return f'{d[0]}'\n",
}


@pytest.mark.parametrize("language", INTACT)
def test_a_tree_changes_how_much_is_read_and_not_what_is_found(language: str) -> None:
    text = INTACT[language]
    padding = "".join(text.replace("A", f"A{number}") for number in range(3))
    snapshot = snapshot_of(padding + text, language)
    bare = dataclasses.replace(snapshot, tree=None)
    assert snapshot.tree is not None
    assert not snapshot.tree.has_faults
    for offset in range(len(snapshot.text) + 1):
        assert place_at(snapshot, offset) == place_at(bare, offset), snapshot.text[:offset]


@pytest.mark.parametrize("language", INTACT)
def test_what_is_broken_above_ends_where_the_next_definition_begins(language: str) -> None:
    text = INTACT[language]
    broken = text[: len(text) // 2].rstrip() + " ((\n\n"
    whole, snapshot = snapshot_of(text, language), snapshot_of(broken + text, language)
    for offset in range(len(text.split()[0]) + 1, len(text)):
        moved = [frame._replace(offset=frame.offset + len(broken)) for frame in place_at(whole, offset).frames]
        assert list(place_at(snapshot, len(broken) + offset).frames) == moved, text[:offset]


def test_a_quote_in_a_comment_does_not_hide_what_follows() -> None:
    lines = "".join(f"function f{number}() {{\n  g();\n}}\n" for number in range(300))
    text = f'// the ` character\n/* "/*" */\n{lines}function h() {{\n  x = (\n  $0\n'
    assert [frame.opener for frame in _place(text, "javascript").frames] == ["{", "("]


def test_a_string_that_is_open_for_hundreds_of_lines_is_none() -> None:
    comment = "/*\n" + "  it's (\n" * 50 + "*/\n"
    text = "// the ` character\n" + "".join(f"function f{number}() {{}}\n{comment}" for number in range(20))
    at = marked(text + "function h() {\n  x = (\n  $0\n")
    bare = dataclasses.replace(snapshot_of(at.text, "javascript"), tree=None)
    assert [frame.opener for frame in place_at(bare, at.offset).frames] == ["{", "("]


def test_what_was_asked_before_changes_no_answer() -> None:
    text = "f(function () {\n" + "  g('(', [\n  1]);\n" * 190
    asked = dataclasses.replace(snapshot_of(text, "javascript"), tree=None)
    for offset in (len(text), len(text) // 2, 3_000, len(text) - 4, len(text) // 2 + 1):
        fresh = dataclasses.replace(asked, uri=f"file:///{offset}")
        assert place_at(asked, offset) == place_at(fresh, offset)
        assert [frame.opener for frame in place_at(asked, offset).frames][:2] == ["(", "{"]


@pytest.mark.parametrize(
    ("language", "text", "missing"),
    [
        ("javascript", "class A {\n  f() {\n    g($0\n  }\n}\n", ")"),
        ("javascript", "class A {\n  f() {\n    $0\n\n  g() {\n  }\n}\n", "}"),
        ("javascript", "f(() => {\n  g([$0\n});\n", "])"),
        ("java", "class A {\n  void f() {\n    g(new B() {\n      $0\n    });\n  }\n}\n", ""),
        ("go", "func f() {\n\tif x {\n\t\t$0\n}\n\nfunc g() {\n}\n", "}"),
        ("c", "int f() {\n\tg('(', $0;\n}\n", ")"),
        ("rust", "fn f() {\n    let x = vec![$0;\n}\n", "]"),
    ],
)
def test_missing_closers_of_braces(language: str, text: str, missing: str) -> None:
    at = marked(text)
    frames = place_at(snapshot_of(at.text, language), at.offset).frames
    assert missing_closers(at.text, at.offset, language_for(language), frames) == missing


def test_a_block_that_is_too_long_to_be_read_to_its_end_is_taken_for_closed() -> None:
    text = "class A {\n  void f() {\n    g($0\n  }\n" + "  void h() {\n    i();\n  }\n" * 2_000 + "}\n"
    at = marked(text)
    frames = place_at(snapshot_of(at.text, "java"), at.offset).frames
    assert missing_closers(at.text, at.offset, language_for("java"), frames) == ")"


@pytest.mark.parametrize("language", ["python", "javascript", "rust", "java"])
def test_the_braces_around_a_far_place_are_known_from_a_whole_tree(language: str) -> None:
    member = {"python": "    def f(self): return (1)\n", "rust": "    fn f() { (1) }\n"}.get(
        language, "    f() { (1) }\n"
    )
    member = "    void f() { g(1); }\n" if language == "java" else member
    head, foot = {"python": ("class A:\n", ""), "rust": ("impl A {\n", "}\n")}.get(language, ("class A {\n", "}\n"))
    text = head + member * 1_500 + foot
    offset = text.rindex("1")
    # A snapshot may come before its tree is done.
    snapshot = dataclasses.replace(snapshot_of(text, language), tree=parse(text, language))
    openers = [frame.opener for frame in place_at(snapshot, offset).frames]
    assert openers == (["("] if language == "python" else ["{", "{", "("])
