"""Swift, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = r'fatalError\((?:"(?i:not (?:yet )?implemented|unimplemented|todo)\b[^"\r\n]*")?\)'

LANGUAGE = Language(
    id="swift",
    suffixes=(".swift",),
    grammar="tree_sitter_swift",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    comments_nest=True,
    quotes=(
        Quote('#"""', closer='"""#', multiline=True, escapes=False, interpolation=r"\#("),
        Quote('"""', multiline=True, interpolation=r"\("),
        Quote('#"', closer='"#', escapes=False, interpolation=r"\#("),
        Quote('"', interpolation=r"\("),
    ),
    blocks="braces",
    header_end="{",
    header_words=words(
        "if else guard for while repeat switch do catch func init deinit class struct enum protocol extension actor "
        "subscript defer"
    ),
    block_words=words(
        "if else guard for while repeat switch do catch class struct enum protocol extension actor init deinit"
    ),
    label_words=words("case default"),
    case_words=words("switch"),
    member_words=words("class struct enum protocol extension actor"),
    joining_words=words("where"),
    block_opener=re.compile(r"\{[^{}=]*\bin\Z"),
    statement_words=words(
        "import class struct enum protocol extension actor func public private internal fileprivate open static "
        "override mutating guard return while throw defer break continue do"
    ),
    open_words=words(
        "throw import class struct enum protocol extension actor func let var public private internal fileprivate "
        "open static override mutating typealias associatedtype in is as if guard while for switch catch where case "
        "try await some any inout"
    ),
    known_words=words(
        "Any Bool Double Int Self String Void actor as associatedtype async await break case catch class continue "
        "default defer deinit do else enum extension fallthrough false fileprivate for func get guard if import in "
        "init inout internal is lazy let mutating nil open override private protocol public repeat return self set "
        "some static struct subscript super switch throw throws true try typealias unowned var weak where while"
    ),
    last_words=words("return throw break continue fallthrough"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED + r"|<#[^#\r\n]*#>"),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED + r"|<#[^#\r\n]*#>"),
    todo=re.compile(r"(?://|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("x", "", "x: x", "x: Int"),
    neutral_statements=("let x = 0", "x()", "case x"),
    neutral_headers=("", " { }", "() { }", ") { }"),
    enclosings=(
        ("func x() {\n", "\n}"),
        ("class X {\n", "\n}"),
        ("enum X {\n", "\n}"),
        ("protocol X {\n", "\n}"),
        ("func x() { switch x {\n", "\n}}"),
    ),
    string_kinds=words("line_string_literal multi_line_string_literal raw_string_literal"),
    comment_kinds=words("comment multiline_comment"),
    import_kinds=words("import_declaration"),
    function_kinds=words(
        "function_declaration init_declaration deinit_declaration subscript_declaration protocol_function_declaration"
    ),
    class_kinds=words("class_declaration protocol_declaration"),
    field_kinds=words("property_declaration protocol_property_declaration enum_entry typealias_declaration"),
    declaration_kinds=words("property_declaration typealias_declaration"),
    block_kinds=words("function_body statements class_body enum_class_body protocol_body"),
)
