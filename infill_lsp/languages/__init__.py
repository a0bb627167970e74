"""The languages that are known, found by language id or by file name.

A language is data: every room reads these tables and none asks for a language by name. It knows no parser and no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Language:
    """What the rooms above need to know of one language. The defaults fit text that nothing is known of."""

    id: str
    suffixes: tuple[str, ...] = ()
    grammar: str | None = None  # the module with the grammar; None: no tree, only brackets and indentation
    grammar_function: str = "language"
    line_comment: str = ""
    quotes: tuple[str, ...] = ('"',)  # longest first
    multiline_quotes: frozenset[str] = frozenset()
    interpolated_prefix: re.Pattern[str] = _NEVER  # matched on the letters before a quote
    string_kinds: frozenset[str] = frozenset()
    header_end: str = ""  # what ends the line above a block
    header_words: frozenset[str] = frozenset()  # what such a line begins with
    statement_words: frozenset[str] = frozenset()  # words that begin a line only where a statement begins
    open_words: frozenset[str] = frozenset()  # words after which a line must go on
    known_words: frozenset[str] = frozenset()  # words that are complete wherever they stand
    last_words: frozenset[str] = frozenset()  # a statement that begins so is the last of its block
    placeholder_statement: re.Pattern[str] = _NEVER
    placeholder_expression: re.Pattern[str] = _NEVER
    todo: re.Pattern[str] = _NEVER
    neutral_expressions: tuple[str, ...] = ("_",)  # harmless fills, likeliest to parse first
    neutral_statements: tuple[str, ...] = ()
    neutral_headers: tuple[str, ...] = ()  # what may complete a header that lacks its end


@cache
def _languages() -> tuple[Language, ...]:
    from infill_lsp.languages.python import PYTHON

    return (PYTHON,)


@cache
def language_for(language_id: str) -> Language:
    """Find a language by its id; an unknown one gets tables that assume nothing but brackets and quotes."""
    for language in _languages():
        if language.id == language_id:
            return language
    return Language(id=language_id)


def known_suffixes() -> tuple[str, ...]:
    """Name what the files of every language end in."""
    return tuple(suffix for language in _languages() for suffix in language.suffixes)


def language_of_path(path: str) -> Language | None:
    """Find the language of a file by the end of its name, or None."""
    for language in _languages():
        if path.endswith(language.suffixes):
            return language
    return None
