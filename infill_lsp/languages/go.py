"""Go, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_STATEMENT_WORDS = words(
    "package import const var type func if for switch select return go defer break continue goto fallthrough"
)
_OPEN_WORDS = words(
    "package import const var type func struct interface map chan if else for range switch select case return go "
    "defer goto"
)
_COMPLETE_WORDS = words("true false nil iota break continue fallthrough default")
_TODO_WORDS = r"(?:TODO|FIXME|XXX|HOLE|FILL)\b"

LANGUAGE = Language(
    id="go",
    suffixes=(".go",),
    grammar="tree_sitter_go",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(Quote("`", multiline=True, escapes=False), Quote('"'), Quote("'")),
    blocks="braces",
    header_end="{",
    header_words=words("func if else for switch select type go defer case"),
    block_words=words("func if else for switch select struct interface"),
    label_words=words("case default"),
    cases_indented=False,
    case_words=words("switch select"),
    member_words=words("struct interface"),
    mark=re.compile(r"(?!default\b)[A-Za-z_]\w*:"),
    indent_unit="\t",
    # A composite literal: a type stands right before its brace, without a blank; that of a block always has one. Inside
    # such a literal the type may be left out, and a block seldom begins a line with its brace.
    value_brace=re.compile(
        r"(?:[\w\])}](?<!\bstruct)(?<!\binterface)(?<!\belse)(?<!\bselect)(?<!\bswitch)(?<!\bfor)|"
        r"[(\[,:{]\s*|(?<![=!<>:])=\s*|[\r\n][ \t]*)\Z"
    ),
    statement_words=_STATEMENT_WORDS,
    open_words=_OPEN_WORDS,
    known_words=_OPEN_WORDS | _COMPLETE_WORDS | {"error", "string", "int", "bool", "byte", "rune", "any"},
    last_words=words("return panic break continue goto fallthrough"),
    placeholder_statement=re.compile(
        r"""panic\((?:"[^"\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo|implement me)[^"\r\n]*")\)"""
        r"|(?<![\w.])\.\.\.(?![\w.])"
    ),
    placeholder_expression=re.compile(rf"(?<![\w.)\]])\.\.\.(?=[ \t]*(?:[;,)}}]|$))|/\*\s*{_TODO_WORDS}[^*\r\n]*\*/"),
    todo=re.compile(rf"(?://+\s*{_TODO_WORDS}[^\r\n]*|/\*+\s*{_TODO_WORDS}[^*]*\*+/\Z)", re.IGNORECASE),
    # The later ones fit where a literal, a loop's head or a declaration must go on.
    neutral_expressions=("_", "", "_: _", "_ = _", "_ := _", "range _", "_ _"),
    # `_` is a statement, an embedded field of a struct and an element of an interface.
    neutral_statements=("_()", "_", "case _:", "func _() {}"),
    neutral_headers=("", " {}", " {", " _ {}", " _ {", " _() {}", " _() {", "() {}", "() {"),
    enclosings=(
        ("func _() {\n", "\n}\n"),
        ("type _ struct {\n", "\n}\n"),
        ("var _ = _{\n", "\n}\n"),
        ("const (\n", "\n)\n"),
        ("func _() { switch {\n", "\n}}\n"),
        ("type _ interface {\n", "\n}\n"),
    ),
    string_kinds=words("interpreted_string_literal raw_string_literal rune_literal"),
    comment_kinds=words("comment"),
    import_kinds=words("import_declaration"),
    function_kinds=words("function_declaration method_declaration method_elem"),
    class_kinds=words("type_spec"),
    field_kinds=words("field_declaration type_elem"),
    declaration_kinds=words("const_declaration var_declaration"),
    block_kinds=words("statement_list"),  # what a `block` holds
    wrapper_kinds=words("type_declaration"),
)
