"""SQL, as data. Its dialects agree on no block, so statements end at `;` and nothing else is assumed."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_OPEN = (
    "select from where and or not in is as on join inner outer left right full cross by having set values into insert "
    "update delete create table view index drop alter add limit offset union all distinct case when then else between "
    "like with returning references default"
)
_KNOWN = _OPEN + (
    " asc autoincrement begin bigint boolean cascade char check column commit constraint count date decimal desc end "
    "exists false float foreign group if int integer key max min null numeric order primary real rollback sum text "
    "timestamp true unique varchar"
)


def _cases(text: str) -> frozenset[str]:
    return words(text) | words(text.upper())


LANGUAGE = Language(
    id="sql",
    names=("plsql", "tsql", "mysql", "postgres", "sqlite"),
    suffixes=(".sql", ".ddl", ".dml"),
    grammar="tree_sitter_sql",
    line_comments=("--",),
    block_comments=(("/*", "*/"),),
    # A quote is doubled to stand for itself, which reads as two strings side by side.
    quotes=(
        Quote("$$", multiline=True, escapes=False),
        Quote("'", multiline=True, escapes=False),
        Quote('"', multiline=True, escapes=False),
        Quote("`", escapes=False),
    ),
    blocks="none",
    line_is_whole=re.compile(r";\Z"),
    statement_end=";",
    open_words=_cases(_OPEN),
    known_words=_cases(_KNOWN),
    todo=re.compile(r"(?:--|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x = x", "1", "x int"),
    neutral_statements=("SELECT 1;", "x int,", "x,"),
    string_kinds=words("literal"),
    comment_kinds=words("comment marginalia"),
    function_kinds=words("create_function"),
    class_kinds=words("create_table create_view create_materialized_view"),
    field_kinds=words("column_definition"),
    block_kinds=words("program"),
)
