"""Lua, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="lua",
    names=("luau",),
    suffixes=(".lua", ".luau", ".rockspec"),
    filenames=(".luacheckrc",),
    grammar="tree_sitter_lua",
    line_comments=("--",),
    block_comments=(("--[==[", "]==]"), ("--[=[", "]=]"), ("--[[", "]]")),
    quotes=(
        Quote("[==[", closer="]==]", multiline=True, escapes=False),
        Quote("[=[", closer="]=]", multiline=True, escapes=False),
        Quote("[[", closer="]]", multiline=True, escapes=False),
        Quote('"'),
        Quote("'"),
    ),
    blocks="words",
    header_words=words("if elseif for while"),
    header_end_words=words("then do"),
    end_words=words("end else elseif until"),
    block_opener=re.compile(r"\b(?:then|do|else|repeat)\Z|\bfunction\b[^()]*\([^()]*\)\Z"),
    line_is_whole=re.compile(r";\Z"),
    statement_end=";",
    statement_words=words("local function return while repeat until break goto"),
    open_words=words("local function return and or not in if elseif while until for goto"),
    known_words=words(
        "and break do else elseif end false for function goto if in ipairs local nil not or pairs print repeat "
        "require return self then true until while"
    ),
    last_words=words("return break goto"),
    placeholder_statement=re.compile(r"error\(\s*(['\"])(?i:not (?:yet )?implemented|todo)\b[^'\"\r\n]*\1\s*\)"),
    todo=re.compile(r"--(?:\[\[)?\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x = x", "x, x"),
    neutral_statements=("x()", "x = x,", "x,"),
    neutral_headers=("", " then end", " do end", " x do end", "() end", " x() end", " in x do end", " = 1, 1 do end"),
    enclosings=(
        ("function x()\n", "\nend"),
        ("x = {\n", "\n}"),
    ),
    string_kinds=words("string"),
    comment_kinds=words("comment"),
    function_kinds=words("function_declaration"),
    field_kinds=words("variable_declaration assignment_statement"),
    declaration_kinds=words("variable_declaration"),
    block_kinds=words("block chunk"),
)
