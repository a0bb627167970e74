"""Kotlin, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_TODO = r"(?<![\w.])TODO\([^()\r\n]*\)|throw\s+NotImplementedError\([^()\r\n]*\)"

LANGUAGE = Language(
    id="kotlin",
    suffixes=(".kt", ".kts"),
    grammar="tree_sitter_kotlin",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    comments_nest=True,
    quotes=(
        Quote('"""', multiline=True, escapes=False, interpolation="${"),
        Quote('"', interpolation="${"),
        Quote("'"),
    ),
    # A name in backticks may hold anything: fun `it's empty`().
    atom=re.compile(r"`[^`\r\n]+`"),
    blocks="braces",
    header_end="{",
    header_words=words("if else for while do when try catch finally fun class interface object init"),
    block_opener=re.compile(r"\{[^{}()=]*(?:\([^{}()]*\)[^{}()=]*)?->\Z"),
    value_brace=re.compile(r"\benum\s+class\s+\w+(?:\([^(){}]*\))?(?:\s*:[^(){}=]*)?\s*\Z"),
    block_words=words("if else for while do when try catch finally class interface object"),
    bare_words=words("if else for while do"),
    case_words=words("when"),
    member_words=words("class interface object"),
    joining_words=words("where"),
    statement_words=words(
        "package import class interface object fun public private protected internal override abstract open data "
        "sealed return while throw try finally break continue do"
    ),
    open_words=words(
        "throw package import class interface object fun val var public private protected internal override abstract "
        "open data sealed enum annotation inner inline suspend operator infix const lateinit companion typealias in "
        "is as by where if while for when catch"
    ),
    known_words=words(
        "Any Boolean Double Float Int List Long Map String Unit abstract annotation as break by catch class "
        "companion const continue constructor data do else enum false final finally for fun if import in init inline "
        "interface internal is it lateinit null object open operator override package private protected public "
        "return sealed super suspend this throw true try typealias val var when where while"
    ),
    last_words=words("return throw break continue"),
    placeholder_statement=re.compile(_TODO),
    placeholder_expression=re.compile(_TODO),
    todo=re.compile(r"(?://|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("x", "", "x: Int", "x -> x"),
    neutral_statements=("val x = 0", "x()", "x -> x", "x,"),
    neutral_headers=("", " { }", "() { }", ") { }"),
    enclosings=(
        ("fun x() {\n", "\n}"),
        ("class X {\n", "\n}"),
        ("enum class X {\n", "\n}"),
        ("fun x() { when (x) {\n", "\n}}"),
    ),
    string_kinds=words("string_literal multiline_string_literal character_literal"),
    comment_kinds=words("line_comment block_comment"),
    import_kinds=words("import"),
    function_kinds=words("function_declaration secondary_constructor anonymous_initializer getter setter"),
    class_kinds=words("class_declaration object_declaration companion_object"),
    field_kinds=words("property_declaration enum_entry type_alias"),
    declaration_kinds=words("property_declaration type_alias"),
    block_kinds=words("block class_body enum_class_body function_body lambda_literal"),
)
