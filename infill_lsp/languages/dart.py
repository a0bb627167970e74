"""Dart, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = r"throw\s+(?:new\s+)?Unimplemented(?:Error|Exception)?\([^()\r\n]*\)"

LANGUAGE = Language(
    id="dart",
    suffixes=(".dart",),
    grammar="tree_sitter_dart",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    comments_nest=True,
    quotes=(
        Quote('r"""', closer='"""', multiline=True, escapes=False),
        Quote("r'''", closer="'''", multiline=True, escapes=False),
        Quote('"""', multiline=True, interpolation="${"),
        Quote("'''", multiline=True, interpolation="${"),
        Quote('r"', closer='"', escapes=False),
        Quote("r'", closer="'", escapes=False),
        Quote('"', interpolation="${"),
        Quote("'", interpolation="${"),
    ),
    blocks="braces",
    header_end="{",
    header_words=words("if else for while do switch try catch on finally class mixin extension enum"),
    # Maps, sets, named parameters, and the members of an enumeration.
    value_brace=re.compile(
        r"(?:(?:[=(,\[:?&|{]|=>|\breturn|\bconst|\bin|\benum\s+\w+)\s*|>)\Z",
    ),
    block_words=words("if else for while do switch try catch finally class mixin extension enum"),
    bare_words=words("if else for while do"),
    label_words=words("case default"),
    case_words=words("switch"),
    member_words=words("class mixin extension enum"),
    joining_words=words("extends implements with"),
    statement_end=";",
    statement_needs_end=True,
    statement_words=words(
        "import export part library class mixin extension enum typedef abstract static return while throw try "
        "finally break continue do"
    ),
    open_words=words(
        "return throw new import export part class mixin extension enum typedef extends implements with abstract "
        "static final const late var in is as await yield case if while for switch catch on"
    ),
    known_words=words(
        "Future List Map Object Set String abstract as assert async await bool break case catch class const continue "
        "covariant default do double dynamic else enum export extends extension external factory false final finally "
        "for get if implements import in int interface is late library mixin new null num on operator override part "
        "required rethrow return sealed set static super switch this throw true try typedef var void when while with "
        "yield"
    ),
    last_words=words("return throw break continue rethrow"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED + r"\s*;"),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"(?://|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("_", "", "_: _", "int _"),
    neutral_statements=("var _;", "_();", "case _: _();", "_,"),
    neutral_headers=("", " { }", "() { }", ") { }"),
    enclosings=(
        ("class X {\n", "\n}"),
        ("void x() {\n", "\n}"),
        ("var x = [\n", "\n];"),
        ("enum X {\n", "\n}"),
        ("void x() { switch (x) {\n", "\n}}"),
    ),
    string_kinds=words("string_literal"),
    comment_kinds=words("comment documentation_comment"),
    import_kinds=words("import_or_export part_directive part_of_directive library_name"),
    # A function is two nodes side by side here: its signature and its body.
    function_kinds=words("function_signature method_signature"),
    class_kinds=words("class_definition mixin_declaration extension_declaration enum_declaration"),
    field_kinds=words("declaration enum_constant"),
    declaration_kinds=words("type_alias static_final_declaration_list initialized_identifier_list"),
    block_kinds=words("block class_body extension_body enum_body function_body"),
)
