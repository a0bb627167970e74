"""What must hold of the table of every language."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import pytest

from infill_lsp import languages as package
from infill_lsp.languages import NEVER, Language, language_for, language_of_path, languages
from infill_lsp.reading.tokens import string_tokens, tokens_of
from infill_lsp.trees.grammars import grammar_of
from infill_lsp.trees.syntax import parse

BASE = ("python", "javascript", "typescript", "typescriptreact", "go", "rust", "c", "cpp", "java")

every_language = pytest.mark.parametrize("language", languages(), ids=lambda language: language.id)


def patterns(language: Language) -> dict[str, re.Pattern[str]]:
    """Give the patterns of a table by the names of their fields."""
    fields = {field.name: getattr(language, field.name) for field in dataclasses.fields(language)}
    return {name: value for name, value in fields.items() if isinstance(value, re.Pattern) and value is not NEVER}


def test_every_file_holds_the_language_it_is_named_after() -> None:
    files = {path.stem for path in Path(package.__path__[0]).glob("*.py")} - {"__init__", "language"}
    assert {language.id for language in languages()} == files
    assert set(BASE) <= files


def test_no_two_languages_claim_one_name_or_one_file() -> None:
    for field in ("names", "suffixes", "filenames"):
        counts = Counter(name for language in languages() for name in getattr(language, field))
        assert [name for name, count in counts.items() if count > 1] == [], field
    ids = {language.id for language in languages()}
    assert not ids & {name for language in languages() for name in language.names}


@every_language
def test_a_language_is_found_by_its_names_and_its_files(language: Language) -> None:
    assert all(language_for(name) is language for name in (language.id, *language.names))
    names = [*(f"src/x{suffix}" for suffix in language.suffixes), *language.filenames]
    assert all(language_of_path(name) is language for name in names)
    assert names


@every_language
def test_node_kinds_exist_in_the_grammar(language: Language) -> None:
    grammar = grammar_of(language.id).parser_language
    if grammar is None:
        pytest.skip("its grammar is not installed")
    known = {grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count)}
    named = {field.name for field in dataclasses.fields(language) if field.name.endswith("_kinds")}
    unknown = {kind for field in named for kind in getattr(language, field) if kind not in known}
    assert unknown == set()


@every_language
def test_harmless_statements_parse_by_themselves_or_in_a_block(language: Language) -> None:
    if grammar_of(language.id).parser_language is None:
        pytest.skip("its grammar is not installed")
    failed = []
    for statement in language.neutral_statements:
        texts = [opening + statement + closing for opening, closing in (("", ""), *language.enclosings)]
        trees = [parse(text, language.id) for text in texts]
        if not any(tree is not None and not tree.has_faults for tree in trees):
            failed.append(statement)
    # Those of the other languages may fit in places that their tables do not enclose.
    assert failed == [] if language.id in BASE else len(failed) < max(len(language.neutral_statements), 1)


@every_language
def test_quotes_and_comments_are_told_apart(language: Language) -> None:
    openers = [quote.opener for quote in language.quotes]
    assert len(set(openers)) == len(openers)
    for first, quote in enumerate(openers):
        assert not any(other.startswith(quote) for other in openers[first + 1 :]), "the longest stands first"
    comments = {*language.line_comments, *(opener for opener, _ in language.block_comments)}
    assert not comments & set(openers)
    assert not (comments | set(openers)) & set("()[]{}"), "brackets are neither"
    for quote in language.quotes:
        if quote.interpolation:
            assert quote.interpolation[-1] in "([{"


@every_language
def test_tables_agree_with_each_other(language: Language) -> None:
    assert not language.statement_needs_end or language.statement_end
    assert language.blocks != "braces" or language.header_end in ("{", "")
    assert language.value_brace is NEVER or language.blocks != "indentation"
    assert not language.open_words & {"", " "}
    groups = [name for pattern in (language.atom, language.heredoc) for name in pattern.groupindex]
    assert "atom" not in groups
    assert "heredoc" not in groups
    assert language.heredoc is NEVER or "tag" in language.heredoc.groupindex


RUNS = (
    "(",
    "{",
    "[",
    "/[",
    "=/[",
    " /(",
    "'",
    '"',
    "`",
    "a<",
    'R"x(',
    "<<A",
    "x: ",
    "=> ",
    "//",
    "/*",
    "\\",
    "&'",
    "...",
)


@every_language
def test_no_pattern_stalls_on_what_is_repeated(language: Language) -> None:
    """A pattern that goes back again and again over one of these texts does not come to an end here."""
    for run in RUNS:
        text = run * (10_000 // len(run))
        for name, pattern in patterns(language).items():
            if name == "todo":
                pattern.match(text)  # asked of a line only
                continue
            # What ends with the text is asked of what stands before a place, cut to a few hundred characters.
            for _ in pattern.finditer(text[-600:] if name in ("value_brace", "block_opener") else text):
                pass
        for _ in tokens_of(language).code.finditer(text):
            pass
        for quote in language.quotes:
            for _ in string_tokens(quote, bool(quote.interpolation)).finditer(text):
                pass


PLACEHOLDERS = {
    "python": (("...", "pass", "raise NotImplementedError", 'raise NotImplementedError("f")'), ("...",)),
    "javascript": (
        (
            'throw new Error("not implemented")',
            "throw new Error('Not implemented yet');",
            "throw new Error(`TODO: f`);",
        ),
        ("...", "/* TODO */", "/* TODO: the sum */"),
    ),
    "go": (('panic("TODO")', 'panic("f: not implemented")', 'panic("unimplemented")', "..."), ("...", "/* TODO */")),
    "rust": (
        ("todo!()", "todo!();", 'unimplemented!("f")', 'panic!("not implemented");'),
        ("todo!()", "unimplemented!()", "/* TODO */"),
    ),
    "c": (('assert(!"not implemented");', 'assert(0 && "TODO");', "TODO();", "..."), ("/* TODO */",)),
    "cpp": (('throw std::runtime_error("not implemented");', "TODO();"), ("/* TODO */",)),
    "java": (
        (
            "throw new UnsupportedOperationException();",
            'throw new UnsupportedOperationException("f");',
            'throw new RuntimeException("not implemented");',
        ),
        ("...", "/* TODO */"),
    ),
}
PLACEHOLDERS |= dict.fromkeys(("typescript", "typescriptreact"), PLACEHOLDERS["javascript"])


@pytest.mark.parametrize("name", BASE)
def test_placeholders_match_whole(name: str) -> None:
    language = language_for(name)
    statements, expressions = PLACEHOLDERS[name]
    assert [text for text in statements if not language.placeholder_statement.fullmatch(text)] == []
    assert [text for text in expressions if not language.placeholder_expression.fullmatch(text)] == []
    comments = ["# TODO", "# fixme: the sum"] if name == "python" else ["// TODO", "// fixme: the sum", "/* TODO: a */"]
    assert [text for text in comments if not language.todo.fullmatch(text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("python", "bypass(passed)"),
        ("javascript", "f(...args)"),
        ("javascript", "throw new Error('no such file');"),
        ("typescript", "const { a, ...rest } = b;"),
        ("go", "f(x...)"),
        ("go", 'panic("no such file")'),
        ("rust", "let A { b, .. } = c;"),
        ("c", "int printf(const char *format, ...);"),
        ("cpp", "f(args...);"),
        ("java", "void f(String... names) {}"),
        ("java", 'throw new IllegalStateException("closed");'),
    ],
)
def test_code_is_no_placeholder(name: str, text: str) -> None:
    language = language_for(name)
    found = language.placeholder_expression.search(text)
    if name == "c":  # `...` of a list of parameters is told from a statement by where it stands.
        assert found is None
    else:
        assert (found, language.placeholder_statement.search(text)) == (None, None)


# The brace at the caret holds values, or statements and members.
BRACES = {
    "javascript": (
        (
            "x = {",
            "f({",
            "[{",
            "{a: {",
            "return {",
            "import {",
            "export {",
            "const {",
            "(b, {",
            "a ? {",
            "export default {",
        ),
        ("if (x) {", "() => {", "else {", "class A {", "function f() {", "case 1: {", "default: {", "do {", "try {"),
    ),
    "typescript": (
        ("type A = {", "import type {", "const a: B<C> = {", "let x: {"),
        ("function f(): A<B> {", "class A extends B<C> {", "interface A {", "namespace A {"),
    ),
    "go": (
        ("x := T{", "[]int{", "map[string]T{", "f(T{", "x := []T{\n\t{", "T{a: {", "[]func(int) (T, error){"),
        ("func f() {", "if x {", "for {", "switch {", "func (t *T) F() (int, error) {", "select {", "struct {"),
    ),
    "rust": (
        (
            "let x = A {",
            "use a::{",
            "f(A {",
            "return A {",
            "struct A {",
            "enum A {",
            "a: B {",
            "&A {",
            "Some(A {",
        ),
        ("fn f() {", "if x {", "-> A {", "impl A for B {", "match x {", "else {", "-> &A {", "unsafe {", "loop {"),
    ),
    "c": (
        ("int a[] = {", "{ {", "f((struct t){", "enum e {", "return (t) {", "a, {"),
        ("int f(void) {", "if (a) {", "else {", "do {", "struct a {", "switch (f(a)) {", "int f(int a)\n{"),
    ),
    "cpp": (
        ("int a{", "std::vector<int>{", "return T{", "new A{"),
        ("class A {", "namespace a {", "f() const {", "[&]() {"),
    ),
    "java": (
        ("int[] a = {", "new int[] {", "@A({", "{{"),
        ("class A {", "void f() {", "x -> {", "new A() {", "else {"),
    ),
}
BRACES |= {"typescriptreact": BRACES["typescript"]}


@pytest.mark.parametrize(
    ("name", "text", "holds_values"),
    [
        (name, text, number == 0)
        for name, kinds in BRACES.items()
        for number, texts in enumerate(kinds)
        for text in texts
    ],
)
def test_braces_of_values_are_told_from_blocks(name: str, text: str, holds_values: bool) -> None:
    assert bool(language_for(name).value_brace.search(text.removesuffix("{"))) is holds_values
