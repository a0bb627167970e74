"""C, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_TYPE_WORDS = words("void char short int long float double signed unsigned bool size_t auto")
_STATEMENT_WORDS = _TYPE_WORDS | words(
    "static extern typedef struct union enum inline const volatile register if for while do switch case return "
    "break continue goto"
)
_OPEN_WORDS = words(
    "static extern typedef struct union enum inline const volatile register if else for while do switch case return "
    "goto sizeof unsigned signed"
)
_COMPLETE_WORDS = words("break continue default NULL true false")
_TODO_WORDS = r"(?:TODO|FIXME|XXX|HOLE|FILL)\b"
_MESSAGE = r'"[^"\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo)[^"\r\n]*"'

LANGUAGE = Language(
    id="c",
    family="c",
    suffixes=(".c", ".h"),
    grammar="tree_sitter_c",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(Quote('"'), Quote("'")),
    blocks="braces",
    header_end="{",
    header_words=_TYPE_WORDS
    | words("if else for while do switch static extern inline const struct union enum typedef"),
    block_words=words("if else for while do switch"),
    bare_words=words("if else for while"),
    label_words=words("case default"),
    flat_words=words("extern"),
    case_words=words("switch"),
    member_words=words("struct union"),
    directives=("#",),
    mark=re.compile(r"(?!default\b)[A-Za-z_]\w*[ \t]*:"),
    # Initialisers, compound literals `(struct t){`, enumerations. After `)` a type in parentheses tells a literal from
    # a header: it begins with a blank, an operator or a bracket and not with a name or a keyword.
    value_brace=re.compile(
        r"(?:(?<![=!<>])=|[(\[,?]|\breturn)\s*(?:/\*(?:[^*]|\*(?!/))*+\*/\s*)?\Z|\{\s*\Z|\benum\b[^;{}()]*\Z"
        r"|(?:\A|[=,(\[&*?:]|\breturn)\s*\((?:const\s+|struct\s+|union\s+)*\w+(?:\s*\*|\s*\[\w*\])*\s*\)\s*\Z"
    ),
    statement_end=";",
    statement_needs_end=True,
    statement_words=_STATEMENT_WORDS,
    open_words=_OPEN_WORDS,
    known_words=_OPEN_WORDS | _COMPLETE_WORDS | _TYPE_WORDS,
    last_words=words("return break continue goto"),
    placeholder_statement=re.compile(
        r"\b(?:TODO|UNIMPLEMENTED|NOT_IMPLEMENTED|unimplemented|not_implemented)\([^()\r\n]*\)[ \t]*;"
        rf"|\bassert\((?:(?:0|false)[ \t]*&&[ \t]*|!){_MESSAGE}\)[ \t]*;"
        r"|(?<![\w.])\.\.\.(?![\w.]);?"
    ),
    placeholder_expression=re.compile(rf"/\*\s*{_TODO_WORDS}[^*\r\n]*\*/"),
    todo=re.compile(rf"(?://+\s*{_TODO_WORDS}[^\r\n]*|/\*+\s*{_TODO_WORDS}[^*]*\*+/\Z)", re.IGNORECASE),
    # The later ones fit where a declaration or a loop's head must go on.
    neutral_expressions=("_", "", "_;", "_ _", "_ = _", "_ _;", ";;", "int _"),
    # `int _;` is a statement and a field.
    neutral_statements=(";", "int _;", "case 0:;"),
    neutral_headers=("", " {}", " {", " _ {}", " _ {", "() {}", "() {", " (_) {}", " (_) {", " _() {}", " _() {"),
    enclosings=(
        ("void _() {\n", "\n}"),
        ("struct _ {\n", "\n};"),
        ("_ _[] = {\n", "\n};"),
        ("enum _ {\n", "\n};"),
        ("void _() { switch (_) {\n", "\n}}"),
    ),
    string_kinds=words("string_literal char_literal system_lib_string"),
    comment_kinds=words("comment"),
    import_kinds=words("preproc_include"),
    function_kinds=words("function_definition"),
    class_kinds=words("struct_specifier union_specifier enum_specifier"),
    field_kinds=words("field_declaration enumerator"),
    declaration_kinds=words("declaration preproc_def preproc_function_def"),
    block_kinds=words("compound_statement declaration_list"),
    # What stands between the lines of the preprocessor is a definition like any other.
    wrapper_kinds=words(
        "preproc_if preproc_ifdef preproc_else preproc_elif preproc_elifdef linkage_specification type_definition"
    ),
)
