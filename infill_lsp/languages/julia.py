"""Julia, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_OPENERS = "function|macro|if|elseif|for|while|let|try|catch|finally|else|begin|quote|module|baremodule|struct|mutable"

LANGUAGE = Language(
    id="julia",
    suffixes=(".jl",),
    grammar="tree_sitter_julia",
    line_comments=("#",),
    block_comments=(("#=", "=#"),),
    comments_nest=True,
    quotes=(
        Quote('"""', multiline=True, interpolation="$("),
        Quote('"', multiline=True, interpolation="$("),
        Quote("`", multiline=True, interpolation="$("),
    ),
    # Characters; an apostrophe after a value transposes it.
    atom=re.compile(r"(?<![\w)\]}'.])'(?:\\[^'\r\n]+|[^'\\\r\n]|\\')'"),
    blocks="words",
    end_words=words("end else elseif catch finally"),
    block_opener=re.compile(
        rf"\A\s*(?:@[\w.]+\s+)*(?:{_OPENERS})\b(?!.*\bend\Z)(?!\s*[=.,(?:])"
        rf"|\A\s*(?:if|elseif|while|for)\s*\((?!.*\bend\Z)"
        r"|(?:=|\breturn)\s*(?:if|begin|let|quote|try|for|while)\b(?!.*\bend\Z)|\bdo(?:\s+[\w,\s()]*)?\Z"
    ),
    statement_words=words(
        "function macro module using import export struct mutable abstract const return while try finally break "
        "continue"
    ),
    open_words=words(
        "function macro module using import export struct mutable abstract const return where in isa if elseif while "
        "for global local throw"
    ),
    known_words=words(
        "Any Bool Float64 Int Nothing String Vector abstract baremodule begin break catch const continue do else "
        "elseif end export false finally for function global if import in isa let local macro missing module mutable "
        "nothing quote return struct throw true try type using where while"
    ),
    last_words=words("return throw break continue error"),
    placeholder_statement=re.compile(r"error\(\s*\"(?i:not (?:yet )?implemented|todo)\b[^\"\r\n]*\"\s*\)"),
    placeholder_expression=re.compile(r"(?<![\w.])error\(\s*\"(?i:not (?:yet )?implemented|todo)\b[^\"\r\n]*\"\s*\)"),
    todo=re.compile(r"#=?\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("x", "", "x = x", "x::x", "x in x"),
    neutral_statements=("x", "x::x"),
    neutral_headers=("", "; end", " x; end", "() end", " x() end", " x = x; end", " in x; end"),
    enclosings=(
        ("function x()\n", "\nend"),
        ("struct X\n", "\nend"),
    ),
    string_kinds=words("string_literal prefixed_string_literal command_literal character_literal"),
    comment_kinds=words("line_comment block_comment"),
    import_kinds=words("using_statement import_statement export_statement"),
    function_kinds=words("function_definition macro_definition"),
    class_kinds=words("module_definition struct_definition"),
    field_kinds=words("const_statement typed_expression abstract_definition"),
    declaration_kinds=words("const_statement assignment abstract_definition"),
    block_kinds=words("compound_statement module_definition"),
)
