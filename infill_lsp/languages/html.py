"""HTML, as data. A block begins below an open tag and ends at a closing one. Scripts and styles are read as text."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"

LANGUAGE = Language(
    id="html",
    names=("htmldjango", "xhtml"),
    suffixes=(".html", ".htm", ".xhtml"),
    grammar="tree_sitter_html",
    block_comments=(("<!--", "-->"),),
    # In text a quotation mark means nothing; the value of an attribute follows an equals sign.
    quotes=(
        Quote('="', closer='"', multiline=True, escapes=False),
        Quote("='", closer="'", multiline=True, escapes=False),
    ),
    # A smiley is no bracket.
    atom=re.compile(r"[:;]-?[()]"),
    blocks="words",
    # Not below a tag that has no content, that closes itself, or that is closed on the line.
    block_opener=re.compile(rf"<(?!(?i:{_VOID})\b)([A-Za-z][\w:-]*)(?:[^<>]*[^<>/])?>\Z"),
    line_is_whole=re.compile(r">\Z"),
    end_words=words("</"),
    todo=re.compile(r"<!--\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("_", "", '="_"'),
    neutral_statements=("_", "<p></p>"),
    neutral_headers=("", ">", "></p>"),
    enclosings=(("<p>\n", "\n</p>"),),
    string_kinds=words("quoted_attribute_value"),
    comment_kinds=words("comment"),
    block_kinds=words("element document"),
)
