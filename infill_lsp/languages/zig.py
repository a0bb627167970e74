"""Zig, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = r'@(?:panic|compileError)\("(?i:todo|not (?:yet )?implemented|unimplemented)\b[^"\r\n]*"\)'

LANGUAGE = Language(
    id="zig",
    suffixes=(".zig", ".zon"),
    grammar="tree_sitter_zig",
    line_comments=("//",),
    # A line of text begins with two backslashes and ends with the line.
    quotes=(Quote("\\\\", closer="\n", escapes=False), Quote('"'), Quote("'")),
    blocks="braces",
    header_end="{",
    header_words=words("if else for while switch fn test comptime struct enum union defer errdefer pub"),
    # `zig fmt` puts no blank before the brace of a value and one before that of a block.
    value_brace=re.compile(r"(?:[\w.\]]|\berror|\benum(?:\([^(){}]*\))?\s*)\Z"),
    block_words=words("if else for while switch fn test struct enum union"),
    bare_words=words("if else for while"),
    case_words=words("switch"),
    member_words=words("struct enum union opaque"),
    statement_end=";",
    statement_needs_end=True,
    statement_words=words("const var pub fn test return while defer errdefer comptime break continue usingnamespace"),
    open_words=words(
        "const var pub fn test try catch orelse and or defer errdefer comptime usingnamespace if while for switch "
        "return extern export inline"
    ),
    known_words=words(
        "and anyerror anytype bool break catch comptime const continue defer else enum errdefer error export extern "
        "f32 f64 false fn for i16 i32 i64 i8 if inline isize null opaque or orelse packed pub return self std struct "
        "switch test true try type u16 u32 u64 u8 undefined union unreachable usingnamespace usize var void volatile "
        "while"
    ),
    last_words=words("return break continue unreachable"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED + r"\s*;"),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"//+\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("x", "", "x: u8", ".x = x"),
    neutral_statements=("const x = 0;", "x();", "x: u8,", "x => x,"),
    neutral_headers=("", " { }", "() void { }", ") { }"),
    enclosings=(
        ("fn x() void {\n", "\n}"),
        ("const X = struct {\n", "\n};"),
        ("const x = .{\n", "\n};"),
        ("fn x() void { switch (x) {\n", "\n}}"),
    ),
    string_kinds=words("string multiline_string character"),
    comment_kinds=words("comment"),
    # An import is a constant like another: it stands among the file's declarations.
    function_kinds=words("function_declaration test_declaration"),
    class_kinds=words("struct_declaration enum_declaration union_declaration opaque_declaration error_set_declaration"),
    field_kinds=words("container_field variable_declaration"),
    declaration_kinds=words("variable_declaration"),
    block_kinds=words("block"),
)
