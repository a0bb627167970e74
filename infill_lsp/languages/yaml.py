"""YAML, as data. A block begins below a key or a dash without a value, and a dedent ends it."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="yaml",
    names=("dockercompose", "yml"),
    suffixes=(".yaml", ".yml"),
    filenames=(".clang-format", ".clang-tidy"),
    grammar="tree_sitter_yaml",
    line_comments=("#",),
    quotes=(Quote('"', multiline=True), Quote("'", multiline=True, escapes=False)),
    # Within a plain text neither a quote nor a number sign means anything: `it's`, `a#b`; only in flow do brackets.
    atom=re.compile(r"(?<=[\w.)!?])['\"]|(?<=[^\s\[{(,])#"),
    blocks="words",
    block_opener=re.compile(r"(?:\A|[^:]):(?:[ \t]+[&!]\S+)*\Z|\A[ \t]*-\Z|:[ \t]+[|>][-+0-9]*\Z"),
    known_words=words("true false null yes no on off"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("_", "_: _", "", "- _"),
    neutral_statements=("_: _", "- _"),
    string_kinds=words("double_quote_scalar single_quote_scalar block_scalar"),
    comment_kinds=words("comment"),
    field_kinds=words("block_mapping_pair"),
    block_kinds=words("block_mapping block_sequence"),
)
