"""Rust, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_STATEMENT_WORDS = words(
    "use mod pub fn struct enum union trait impl type const static extern macro_rules let while for loop return "
    "break continue"
)
_HEADER_WORDS = words(
    "fn pub impl trait mod struct enum union extern unsafe async const if else match for while loop macro_rules "
    "move let where"
)
_OPEN_WORDS = words(
    "use mod pub fn struct enum trait impl type const static extern let mut ref if else match for in while loop "
    "where as dyn unsafe async move return"
)
_COMPLETE_WORDS = words("true false self Self super crate break continue await")
_TYPE_WORDS = words("bool char str u8 u16 u32 u64 usize i32 i64 isize f32 f64")
_TODO_WORDS = r"(?:TODO|FIXME|XXX|HOLE|FILL)\b"
_TODO_MACRO = r"\b(?:todo|unimplemented)!(?:\([^()\r\n]*\)|\[\]|\{\})"


def _raw(num_hashes: int) -> Quote:
    hashes = "#" * num_hashes
    return Quote(f'r{hashes}"', f'"{hashes}', multiline=True, escapes=False)


LANGUAGE = Language(
    id="rust",
    suffixes=(".rs",),
    grammar="tree_sitter_rust",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    comments_nest=True,
    quotes=(_raw(5), _raw(4), _raw(3), _raw(2), _raw(1), _raw(0), Quote('"', multiline=True), Quote("'")),
    # Lifetimes and labels: a quote and a name that no quote follows, or a name that is still to come.
    atom=re.compile(r"'[A-Za-z_]\w*(?![\w'])|(?<=[&<])'(?=[\r\n>,]|\Z)"),
    blocks="braces",
    header_end="{",
    header_words=_HEADER_WORDS,
    block_words=words("fn impl trait mod enum union unsafe if else match for while loop"),
    case_words=words("match"),
    member_words=words("struct enum union trait impl"),
    joining_words=words("where as"),
    # Struct literals and patterns, the fields of a struct, the variants of an enumeration, imports. A path right before
    # the brace is a struct only where no keyword before it takes a block: `match x {`, `impl A for B {`, `-> X {`.
    value_brace=re.compile(
        r"(?:::|\buse)\s*\Z"
        r"|(?:\A|[;{}(\[,|]|(?<!->)(?<!-> )(?<!for )&|(?<![=!<>])=|\b(?:return|let|(?<!&)mut|else)\b|=>"
        r"|//[^\r\n]*[\r\n]|\b[a-z_]\w*:)\s*(?:&\s*|mut\s+)*"
        r"(?:\w+::)*[A-Z]\w*(?:::<[^<>{}]*>)?\s*\Z"
        r"|\b(?:struct|enum|union)\s+\w+[^;{}()]*\Z"
        r"|\{\s*(?:#\[[^\[\]]*\]\s*)?[A-Z]\w*\s*\Z"
    ),
    statement_end=";",
    statement_needs_end=True,
    block_has_value=True,
    statement_words=_STATEMENT_WORDS,
    open_words=_OPEN_WORDS,
    known_words=_OPEN_WORDS | _COMPLETE_WORDS | _TYPE_WORDS,
    last_words=words("return break continue"),
    placeholder_statement=re.compile(
        rf"{_TODO_MACRO};?"
        r"""|\bpanic!\("[^"\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo)[^"\r\n]*"\);?"""
        r"|(?<![\w.])\.\.\.(?![\w.]);?"
    ),
    placeholder_expression=re.compile(rf"{_TODO_MACRO}|/\*\s*{_TODO_WORDS}[^*\r\n]*\*/"),
    todo=re.compile(rf"(?://[/!]*\s*{_TODO_WORDS}[^\r\n]*|/\*+\s*{_TODO_WORDS}[^*]*\*+/\Z)", re.IGNORECASE),
    # `_` is a pattern and no expression. The later ones fit in a match, a struct, a loop's head.
    neutral_expressions=("x", "", "x: x", "_ => x", "_ = x", "_ in x", "x;", "x = x", "{}"),
    # An arm, a field and a variant fit where no statement does; a function fits in the body of an `impl`.
    neutral_statements=("();", "fn x() {}", "_ => (),", "x: X,", "X,"),
    neutral_headers=("", " {}", " {", " x {}", " x {", " x() {}", " x() {", "() {}", "() {", " _ in x {}", " _ in x {"),
    enclosings=(
        ("impl _ {\n", "\n}"),
        ("fn _() {\n", "\n}"),
        ("struct _ {\n", "\n}"),
        ("fn _() { match _ {\n", "\n}}"),
        ("enum _ {\n", "\n}"),
        ("fn _() { _!{\n", "\n} }"),
    ),
    string_kinds=words("string_literal raw_string_literal char_literal"),
    comment_kinds=words("line_comment block_comment"),
    import_kinds=words("use_declaration extern_crate_declaration"),
    function_kinds=words("function_item function_signature_item"),
    class_kinds=words("struct_item enum_item union_item trait_item impl_item mod_item"),
    field_kinds=words("field_declaration enum_variant const_item type_item associated_type"),
    declaration_kinds=words("static_item macro_definition"),
    block_kinds=words("block declaration_list"),
)
