"""JSON, as data, with the comments that some files have. It has values and no statements."""

from __future__ import annotations

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="json",
    names=("jsonc",),
    suffixes=(".json", ".jsonc", ".geojson", ".webmanifest"),
    filenames=(".babelrc", ".eslintrc", ".prettierrc"),
    grammar="tree_sitter_json",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(Quote('"'),),
    blocks="none",
    known_words=words("true false null"),
    indent_unit="  ",
    neutral_expressions=("0", '"_": 0', "", ", 0", ', "_": 0'),
    neutral_statements=('"_": 0,', "0,", '"_": 0', "0"),
    enclosings=(
        ("{\n", "\n}"),
        ("[\n", "\n]"),
    ),
    string_kinds=words("string"),
    comment_kinds=words("comment"),
    field_kinds=words("pair"),
    class_kinds=words("object"),
)
