"""JavaScript, with JSX, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

# `function`, `class` and `async` may begin a line within brackets, but never without an indent.
_STATEMENT_WORDS = words(
    "import export function class async const let var if for while do switch try return throw break continue debugger"
)
_HEADER_WORDS = words("if else for while do switch try catch finally function class async export static get set with")
_OPEN_WORDS = words(
    "import export from as function class extends async await const let var if else for while do switch case try "
    "catch finally return throw new typeof instanceof in of delete void yield"
)
_COMPLETE_WORDS = words("true false null undefined this super break continue debugger default static")

# What a slash follows where no operand stands before it, so that it opens a regular expression and does not divide.
# After `)` and `}` both may stand, and a division is likelier; after `<` it closes an element.
_OPERATOR_BEFORE = r"(?<=[=(,:;!&|?])|(?<=[=(,:;!&|?] )"
_BEFORE_REGEX = (
    rf"(?:{_OPERATOR_BEFORE}|(?<=[{{\[+\-*%~^\r\n])|(?<=[{{\[+\-*%~^] )|(?<==>)|(?<==> )"
    r"|(?<=return )|(?<=typeof )|(?<=case )|(?<=  )(?![ >])|(?<=\t)(?![ >]))"
)
# The lengths are bounded, so that a line of nothing but slashes and brackets is not read again from every one of them.
_REGEX_BODY = r"(?:\\.|\[(?:\\.|[^\]\\\r\n]){0,200}+\]?+|[^/\\\[\r\n]){1,500}+"
_REGEX = rf"{_BEFORE_REGEX}/(?![*/]){_REGEX_BODY}/[a-z]*"
# One that is still being typed goes on to the end of its line.
_OPEN_REGEX = rf"(?:{_OPERATOR_BEFORE})/(?![*/ =>]){_REGEX_BODY}(?=[\r\n]|\Z)"
# JSX text is read as code; the apostrophes of its contractions must not open strings.
_CONTRACTION = r"(?<=[A-Za-z])'(?=(?:s|t|re|ve|ll|d|m)\b(?!'))"
_MESSAGE = r"""(?P<quote>["'`])[^"'`\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo)[^"'`\r\n]*(?P=quote)"""

LANGUAGE = Language(
    id="javascript",
    names=("javascriptreact",),
    family="javascript",
    suffixes=(".js", ".mjs", ".cjs", ".jsx"),
    grammar="tree_sitter_javascript",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(Quote("`", multiline=True, interpolation="${"), Quote('"'), Quote("'")),
    atom=re.compile(rf"{_REGEX}|{_OPEN_REGEX}|{_CONTRACTION}"),
    blocks="braces",
    header_end="{",
    header_words=_HEADER_WORDS,
    block_words=words("if else for while do switch try catch finally function class"),
    bare_words=words("if else for while"),
    label_words=words("case default"),
    case_words=words("switch"),
    member_words=words("class"),
    joining_words=words("extends instanceof in"),
    indent_unit="  ",
    # Object literals, destructuring, imports and exports, and what JSX holds in braces after `=`. After `:` stands an
    # object too, but for the block below `case x:` and `default:`.
    value_brace=re.compile(
        r"(?:(?<![=!<>])=|[(\[,?&|~^%+]|\.\.\.|(?<!=)>=?[ \t]+|(?<!=)>\Z"
        r"|(?:\A|[;{}(,\r\n])(?![ \t]*(?:case|default)\b)[^;{}(,\r\n]*:"
        r"|\b(?:return|yield|await|typeof|in|of|new|throw|import|export|const|let|var|case|export\s+default))\s*\Z"
    ),
    statement_end=";",
    statement_words=_STATEMENT_WORDS,
    open_words=_OPEN_WORDS,
    known_words=_OPEN_WORDS | _COMPLETE_WORDS,
    last_words=words("return throw break continue"),
    placeholder_statement=re.compile(
        rf"throw[ \t]+(?:new[ \t]+)?(?:NotImplemented\w*\([^()\r\n]*\)|\w*Error\({_MESSAGE}\))[ \t]*;?"
        r"|(?<![\w.])\.\.\.(?![\w.]);?"
    ),
    placeholder_expression=re.compile(
        r"(?<![\w.)\]])\.\.\.(?=[ \t]*(?:[;,)}]|$))|/\*\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b[^*\r\n]*\*/"
    ),
    todo=re.compile(
        r"(?://+\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b[^\r\n]*|\{?/\*+\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b[^*]*\*+/\}?\Z)",
        re.IGNORECASE,
    ),
    # The later ones fit where an object, a loop's head or an arrow function must go on.
    neutral_expressions=("_", "", "_: _", "_ of _", "_ = _", "=> _", "_;"),
    neutral_statements=("_;", "_() {}", "case _:"),
    neutral_headers=("", " {}", " {", " (_) {}", " (_) {", " _() {}", " _() {", " _ {}", " _ {"),
    enclosings=(
        ("class _ {\n", "\n}"),
        ("_ = {\n", "\n}"),
        ("async function _() {\n", "\n}"),
        ("switch (_) {\n", "\n}"),
    ),
    string_kinds=words("string template_string"),
    comment_kinds=words("comment html_comment hash_bang_line"),
    import_kinds=words("import_statement"),
    function_kinds=words("function_declaration generator_function_declaration method_definition"),
    class_kinds=words("class_declaration class"),
    field_kinds=words("field_definition"),
    declaration_kinds=words("lexical_declaration variable_declaration"),
    constructor_names=frozenset({"constructor"}),
    field_assignment=re.compile(r"^[ \t]+this\.#?\w+[ \t]*=[^=\n].*$", re.MULTILINE),
    block_kinds=words("statement_block class_body"),
    wrapper_kinds=words("export_statement"),
)
