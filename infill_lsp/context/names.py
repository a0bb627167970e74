"""The identifiers of a piece of text: what tells that two places in code speak of the same things.

Words are read from characters; words of the language itself do not count. It knows no tree and no document.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache

from infill_lsp.languages import language_for

MIN_NAME_CHARS = 3
_NAME = re.compile(rf"[^\W\d]\w{{{MIN_NAME_CHARS - 1},}}")
_WHOLE_NAME = re.compile(rf"[^\W\d]\w{{{MIN_NAME_CHARS - 1},}}(?!\w|\Z)")


@lru_cache(maxsize=256)  # The same parts of a text are asked about at every keystroke.
def names_in(text: str, language_id: str) -> frozenset[str]:
    """Give the names in a text, those of comments and strings too."""
    return frozenset(_NAME.findall(text)) - keywords(language_id)


def name_counts(text: str, language_id: str) -> Counter[str]:
    """Tell how often each name stands in a text."""
    found = Counter(_NAME.findall(text))
    for word in keywords(language_id):
        found.pop(word, None)
    return found


def finished_names_in(text: str, language_id: str) -> frozenset[str]:
    """Give the names in a text that ends at a caret, without one that may still be typed."""
    return frozenset(_WHOLE_NAME.findall(text)) - keywords(language_id)


@cache
def keywords(language_id: str) -> frozenset[str]:
    """Give the words that every text of a language may hold."""
    language = language_for(language_id)
    return (
        language.open_words
        | language.known_words
        | language.statement_words
        | language.header_words
        | language.last_words
        | language.end_words
    )
