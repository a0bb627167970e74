"""CSS, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="css",
    suffixes=(".css",),
    grammar="tree_sitter_css",
    block_comments=(("/*", "*/"),),
    quotes=(Quote('"'), Quote("'")),
    # What stands in `url(` needs no quotes and may hold `/*`.
    atom=re.compile(r"\burl\(\s*(?!['\"\s])[^()'\"\r\n]*\)"),
    atom_spans_lines=True,
    blocks="braces",
    header_end="{",
    statement_end=";",
    statement_needs_end=True,
    open_words=words("import media supports keyframes layer container and not only or from to"),
    known_words=words(
        "absolute auto block both bold center fixed flex grid hidden inherit initial inline inline-block left none "
        "normal relative right solid sticky transparent unset visible"
    ),
    todo=re.compile(r"/\*\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x: x", "0"),
    neutral_statements=("x: x;", "x { }", "@import 'x';"),
    neutral_headers=("", " { }", "x { }"),
    enclosings=(("x {\n", "\n}"),),
    string_kinds=words("string_value"),
    comment_kinds=words("comment"),
    import_kinds=words("import_statement"),
    class_kinds=words("rule_set media_statement supports_statement keyframes_statement at_rule"),
    field_kinds=words("declaration"),
    block_kinds=words("block keyframe_block_list"),
)
