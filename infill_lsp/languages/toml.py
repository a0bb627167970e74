"""TOML, as data. It has values and no statements."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="toml",
    suffixes=(".toml",),
    filenames=("Cargo.lock", "poetry.lock", "uv.lock", "Pipfile"),
    grammar="tree_sitter_toml",
    line_comments=("#",),
    quotes=(
        Quote('"""', multiline=True),
        Quote("'''", multiline=True, escapes=False),
        Quote('"'),
        Quote("'", escapes=False),
    ),
    blocks="none",
    known_words=words("true false inf nan"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("0", "x = 0", "", ", 0", "x"),
    neutral_statements=("_ = 0",),
    string_kinds=words("string"),
    comment_kinds=words("comment"),
    class_kinds=words("table table_array_element"),
    field_kinds=words("pair"),
)
