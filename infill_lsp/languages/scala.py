"""Scala, as data: its braces. Scala 3's blocks by indentation are read as far as indents go."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_INTERPOLATED = re.compile(r"\w\Z")  # `s"…"`: a name touches the quote
_NOT_IMPLEMENTED = r"(?<![?\w])\?\?\?(?!\?)|throw\s+new\s+NotImplementedError(?:\([^()\r\n]*\))?"

LANGUAGE = Language(
    id="scala",
    suffixes=(".scala", ".sc", ".sbt"),
    grammar="tree_sitter_scala",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    comments_nest=True,
    quotes=(
        Quote('"""', multiline=True, escapes=False, interpolation="${", interpolated_after=_INTERPOLATED),
        Quote('"', interpolation="${", interpolated_after=_INTERPOLATED),
    ),
    atom=re.compile(r"(?<!\w)'(?:\\[^'\r\n]+|[^'\\\r\n])'|`[^`\r\n]+`"),
    blocks="braces",
    header_end="{",
    header_words=words("if else for while do match try catch finally def class trait object enum given extension"),
    block_opener=re.compile(r"\{[^{}()=]*(?:\([^{}()]*\)[^{}()=]*)?=>\Z"),
    value_brace=re.compile(r"(?:\.|\$)\Z"),
    block_words=words("match try catch finally"),
    bare_words=words("if else for while do"),
    case_words=words("match catch"),
    member_words=words("class trait object enum"),
    joining_words=words("extends with derives"),
    statement_words=words(
        "package import class trait object def val var private protected override implicit final sealed abstract "
        "lazy return while throw try given extension"
    ),
    open_words=words(
        "throw package import class trait object def val var type extends with new private protected override "
        "implicit final sealed abstract lazy case if while for match yield given using extension"
    ),
    known_words=words(
        "Any Boolean Double Int List Long Map Option Seq String Unit abstract case catch class def do else enum "
        "extends false final finally for given if implicit import lazy match new null object override package "
        "private protected return sealed super then this throw trait true try type using val var while with yield"
    ),
    last_words=words("return throw"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"(?://|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x: Int", "x => x", "x <- x"),
    neutral_statements=("val x = 0", "x", "case x => x", "x <- x"),
    neutral_headers=("", " { }", " = x", ") { }"),
    enclosings=(
        ("object X {\n", "\n}"),
        ("object X { def x() = {\n", "\n}}"),
        ("object X { def x() = x match {\n", "\n}}"),
    ),
    string_kinds=words("string interpolated_string_expression character_literal"),
    comment_kinds=words("comment block_comment"),
    import_kinds=words("import_declaration export_declaration"),
    function_kinds=words("function_definition function_declaration"),
    class_kinds=words("class_definition object_definition trait_definition enum_definition package_object"),
    field_kinds=words(
        "val_definition var_definition val_declaration var_declaration type_definition given_definition "
        "enum_case_definitions"
    ),
    declaration_kinds=words("val_definition var_definition type_definition given_definition"),
    block_kinds=words("block indented_block template_body case_block enum_body case_clause"),
)
