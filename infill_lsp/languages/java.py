"""Java, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_MODIFIERS = words(
    "public private protected static final abstract synchronized native transient volatile sealed default"
)
_TYPE_WORDS = words("void boolean byte char short int long float double var String")
_STATEMENT_WORDS = words(
    "package import public private protected static abstract class interface enum record if for while do try return "
    "throw break continue assert"
)
_OPEN_WORDS = (_MODIFIERS - {"default"}) | words(
    "package import class interface enum record extends implements throws if else for while do switch case try "
    "catch finally return throw new instanceof assert void"
)
_COMPLETE_WORDS = words("true false null this super break continue default")
_TODO_WORDS = r"(?:TODO|FIXME|XXX|HOLE|FILL)\b"
_MESSAGE = r'"[^"\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo)[^"\r\n]*"'

LANGUAGE = Language(
    id="java",
    suffixes=(".java",),
    grammar="tree_sitter_java",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(Quote('"""', multiline=True), Quote('"'), Quote("'")),
    blocks="braces",
    header_end="{",
    header_words=_MODIFIERS
    | _TYPE_WORDS
    | words("class interface enum record if else for while do switch try catch finally case"),
    block_words=words("if else for while do switch try catch finally class interface enum record synchronized"),
    bare_words=words("if else for while"),
    label_words=words("case default"),
    case_words=words("switch"),
    member_words=words("class interface enum record new"),
    joining_words=words("extends implements throws permits"),
    # Array initialisers and the values of annotations.
    value_brace=re.compile(r"(?:(?<![=!<>])=|[(\],]|\{)\s*\Z"),
    statement_end=";",
    statement_needs_end=True,
    statement_words=_STATEMENT_WORDS,
    open_words=_OPEN_WORDS,
    known_words=_OPEN_WORDS | _COMPLETE_WORDS | _TYPE_WORDS,
    last_words=words("return throw break continue yield"),
    placeholder_statement=re.compile(
        r"throw[ \t]+new[ \t]+(?:(?:UnsupportedOperation|NotImplemented)\w*\([^()\r\n]*\)"
        rf"|\w*(?:Error|Exception)\({_MESSAGE}\))[ \t]*;"
        r"|(?<![\w.\]>])\.\.\.(?![\w.]);?"
    ),
    placeholder_expression=re.compile(rf"(?<![\w.)\]>])\.\.\.(?=[ \t]*(?:[;,)}}]|$))|/\*\s*{_TODO_WORDS}[^*\r\n]*\*/"),
    todo=re.compile(rf"(?://+\s*{_TODO_WORDS}[^\r\n]*|/\*+\s*{_TODO_WORDS}[^*]*\*+/\Z)", re.IGNORECASE),
    # The later ones fit where a declaration, a loop's head or a lambda must go on.
    neutral_expressions=("x", "", "x;", "X x", "x = x", "X x : x", "X x;", "-> x", ";;"),
    # `int x;` is a statement and a field.
    neutral_statements=(";", "int x;", "case 0:"),
    neutral_headers=("", " {}", " {", " X {}", " X {", "() {}", "() {", " x() {}", " x() {", " (x) {}", " (x) {"),
    enclosings=(
        ("class X {\n", "\n}"),
        ("class X { void x() {\n", "\n}}"),
        ("class X { X x = {\n", "\n}; }"),
        ("enum X {\n", "\n}"),
        ("class X { void x() { switch (x) {\n", "\n}}}"),
    ),
    string_kinds=words("string_literal character_literal"),
    comment_kinds=words("line_comment block_comment"),
    import_kinds=words("import_declaration package_declaration"),
    function_kinds=words("method_declaration constructor_declaration compact_constructor_declaration"),
    class_kinds=words(
        "class_declaration interface_declaration enum_declaration record_declaration annotation_type_declaration"
    ),
    field_kinds=words("field_declaration constant_declaration enum_constant annotation_type_element_declaration"),
    block_kinds=words("block constructor_body class_body interface_body annotation_type_body enum_body_declarations"),
)
