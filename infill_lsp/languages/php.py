"""PHP, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = (
    r"throw\s+new\s+\\?(?:\w*NotImplemented\w*\s*\([^()\r\n]*\)"
    r"|\w*(?:Exception|Error)\s*\(\s*(['\"])(?i:not (?:yet )?implemented|todo)\b[^'\"\r\n]*\1\s*\))"
)

LANGUAGE = Language(
    id="php",
    suffixes=(".php", ".phtml", ".php5"),
    grammar="tree_sitter_php",
    grammar_function="language_php",
    line_comments=("//", "#"),
    block_comments=(("/*", "*/"),),
    quotes=(Quote('"', multiline=True), Quote("'", multiline=True), Quote("`", multiline=True)),
    # `#[` begins an attribute.
    atom=re.compile(r"#(?=\[)|\?>[^<]*"),
    atom_spans_lines=True,
    heredoc=re.compile(r"<<<[ \t]*['\"]?(?P<tag>[A-Za-z_]\w*)['\"]?"),
    blocks="braces",
    header_end="{",
    header_words=words(
        "if elseif else for foreach while do switch try catch finally function class interface trait enum namespace "
        "declare"
    ),
    value_brace=re.compile(r"(?:\bmatch\s*\([^{}]*\)\s*|\\|->|\$)\Z"),
    block_words=words("if elseif else for foreach while do switch try catch finally class interface trait enum"),
    bare_words=words("if elseif else for foreach while do"),
    label_words=words("case default"),
    case_words=words("switch match"),
    member_words=words("class interface trait enum"),
    joining_words=words("extends implements"),
    statement_end=";",
    statement_needs_end=True,
    statement_words=words(
        "namespace use function class interface trait public private protected static abstract final return foreach "
        "while throw try echo break continue require require_once include include_once"
    ),
    open_words=words(
        "return throw new use namespace class interface trait enum extends implements instanceof public private "
        "protected static abstract final readonly const function fn echo print clone yield from global require "
        "require_once include include_once case goto as and or xor insteadof if elseif while foreach for switch "
        "match catch"
    ),
    known_words=words(
        "abstract and array as bool break callable case catch class clone const continue declare default do echo "
        "else elseif empty endfor endforeach endif endswitch endwhile enum extends false final finally float fn for "
        "foreach function global goto if implements include include_once instanceof int interface isset iterable "
        "list match mixed namespace never new null object or parent print private protected public readonly require "
        "require_once return self static string switch this throw trait true try unset use var void while xor yield "
        "$this"
    ),
    last_words=words("return throw break continue exit die goto"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED + r"\s*;"),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"(?://|#|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("$_", "", "_", "$_ => $_", "$_ = $_"),
    neutral_statements=("_();", "public $_;", "function _() { }", "case _: _();"),
    neutral_headers=("", " { }", "() { }", ") { }"),
    enclosings=(
        ("<?php\n", ""),
        ("<?php class X {\n", "\n}"),
        ("<?php function x() {\n", "\n}"),
        ("<?php $x = [\n", "\n];"),
        ("<?php switch ($x) {\n", "\n}"),
    ),
    string_kinds=words("string encapsed_string heredoc nowdoc shell_command_expression"),
    comment_kinds=words("comment"),
    import_kinds=words("namespace_use_declaration"),
    function_kinds=words("function_definition method_declaration"),
    class_kinds=words("class_declaration interface_declaration trait_declaration enum_declaration"),
    field_kinds=words("property_declaration const_declaration enum_case use_declaration"),
    declaration_kinds=words("const_declaration"),
    block_kinds=words("compound_statement declaration_list enum_declaration_list"),
)
