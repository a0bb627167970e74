"""Text without its comments: what may be left out of code that is not near a hole.

Whole lines go, found by their first characters alone, so that it costs no parse. It knows no tree and no hole.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from infill_lsp.languages import Language, language_for


@lru_cache(maxsize=64)  # Of a text that is typed in, the part further up stays the same.
def comment_lines(text: str, language_id: str) -> tuple[tuple[int, int], ...]:
    """Give the ranges of whole lines that hold comments, documenting strings or nothing."""
    return tuple(match.span() for match in _pattern(language_for(language_id)).finditer(text))


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    kinds = [rf"{re.escape(marker)}.*" for marker in language.line_comments if marker not in language.directives]
    blocks = list(language.block_comments)
    if language.strings_document:
        blocks += [(quote.opener, quote.end) for quote in language.quotes if quote.multiline]
    # A comment that does not end is none: the range may begin or end within one.
    kinds += [rf"[rRuU]?{re.escape(opener)}[\s\S]*?{re.escape(closer)}[ \t]*" for opener, closer in blocks]
    return re.compile(rf"^[ \t]*(?:{'|'.join([*kinds, ''])})(?:\r\n|\n|\r)", re.MULTILINE)
