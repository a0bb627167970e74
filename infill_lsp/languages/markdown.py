"""Markdown, as data: prose. A line goes on after what calls for more, a blank line has its neighbours' indent."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, words

LANGUAGE = Language(
    id="markdown",
    suffixes=(".md", ".markdown", ".mdx"),
    grammar="tree_sitter_markdown",
    block_comments=(("<!--", "-->"),),
    # A quotation mark opens nothing in prose. Brackets in code spans and fences, smileys and list numbers neither.
    quotes=(),
    atom=re.compile(r"`[^`\r\n]+`|[:;]-?[()]|(?m:^[ \t]*\w{1,3}\))"),
    blocks="none",
    todo=re.compile(r"<!--\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("_",),
    neutral_statements=("_",),
    comment_kinds=words("html_block"),
    block_kinds=words("document section"),
)
