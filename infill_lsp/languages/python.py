"""Python, as data."""

from __future__ import annotations

import keyword
import re

from infill_lsp.languages.language import Language, Quote

_HEADER_WORDS = frozenset(
    ("if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class", "match", "case", "async")
)
# `if`, `for`, `else` and `from` may begin a line within brackets, so they tell nothing.
_STATEMENT_WORDS = frozenset(
    (
        "def",
        "class",
        "return",
        "import",
        "while",
        "with",
        "try",
        "except",
        "finally",
        "raise",
        "assert",
        "del",
        "pass",
        "break",
        "continue",
        "global",
        "nonlocal",
        "elif",
    )
)
_COMPLETE_KEYWORDS = frozenset({"True", "False", "None", "pass", "break", "continue"})

_INTERPOLATED = re.compile(r"(?<!\w)(?:[ftFT][rR]?|[rR][ftFT])\Z")


def _quote(opener: str, *, multiline: bool) -> Quote:
    return Quote(
        opener, multiline=multiline, interpolation="{", interpolated_after=_INTERPOLATED, interpolation_escape="{{"
    )


LANGUAGE = Language(
    id="python",
    suffixes=(".py", ".pyi", ".pyw"),
    grammar="tree_sitter_python",
    line_comments=("#",),
    quotes=(
        _quote('"""', multiline=True),
        _quote("'''", multiline=True),
        _quote('"', multiline=False),
        _quote("'", multiline=False),
    ),
    string_kinds=frozenset({"string"}),
    comment_kinds=frozenset({"comment"}),
    import_kinds=frozenset({"import_statement", "import_from_statement", "future_import_statement"}),
    function_kinds=frozenset({"function_definition"}),
    class_kinds=frozenset({"class_definition"}),
    field_kinds=frozenset({"expression_statement"}),
    constructor_names=frozenset({"__init__"}),
    field_assignment=re.compile(r"^[ \t]+self\.\w+(?:[ \t]*:[^=\n]+)?[ \t]*=[^=\n].*$", re.MULTILINE),
    block_kinds=frozenset({"block"}),
    wrapper_kinds=frozenset({"decorated_definition"}),
    blocks="indentation",
    header_end=":",
    header_words=_HEADER_WORDS,
    statement_words=_STATEMENT_WORDS,
    open_words=frozenset(keyword.kwlist) - _COMPLETE_KEYWORDS | {"match", "case"},
    known_words=frozenset(keyword.kwlist) | {"self", "cls"},
    last_words=frozenset({"return", "raise", "break", "continue", "pass"}),
    placeholder_statement=re.compile(r"\.\.\.|\bpass\b|raise[ \t]+NotImplementedError\b(?:\([^()\r\n]*\))?"),
    placeholder_expression=re.compile(r"(?<![.\w)\]])\.\.\.(?![.\w])"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b[^\r\n]*", re.IGNORECASE),
    # The last ones fit where a comprehension, a dictionary or a keyword argument must go on.
    neutral_expressions=("_", "", "_ in _", "_: _", "_ = _"),
    neutral_statements=("pass", "def _(): pass"),
    strings_document=True,
    neutral_headers=("", ":", "_:", " in _:", "_ in _:", "_():", "():"),
)
