"""The tokens by which brackets, strings and comments are told apart, compiled from the tables of a language.

Only what opens or closes something is a token, and what would be mistaken for it (`atom`). Angle brackets are
operators here: what they enclose, types, holds no other brackets that matter.
It knows no text and keeps no state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from infill_lsp.languages import NEVER, Language, Quote

_BACK = 4  # how much of the text before a quote tells whether it may hold code


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """What reading a language takes.

    The group `atom` of `code` is set for what only looks like another token, `heredoc` for what announces a text below.
    """

    code: re.Pattern[str]
    quotes: Mapping[str, Quote]  # by what opens them
    line_comments: frozenset[str]
    block_comments: Mapping[str, re.Pattern[str]]  # what ends each or opens another one in it, by what opens it


@cache
def tokens_of(language: Language) -> Tokens:
    """Compile the tables of a language."""
    openers = [*(quote.opener for quote in language.quotes), *language.line_comments, *dict(language.block_comments)]
    # The longest first, so that `--[[` is not read as `--`.
    parts = [re.escape(opener) for opener in sorted(openers, key=len, reverse=True)]
    if language.atom is not NEVER:
        parts.insert(0, f"(?P<atom>{language.atom.pattern})")
    if language.heredoc is not NEVER:
        parts.insert(0, f"(?P<heredoc>{language.heredoc.pattern})")
    return Tokens(
        code=re.compile("|".join([*parts, r"[()\[\]{}\r\n]"]), language.atom.flags),
        quotes={quote.opener: quote for quote in reversed(language.quotes)},
        line_comments=frozenset(language.line_comments),
        block_comments={
            opener: re.compile("|".join(map(re.escape, (closer, opener) if language.comments_nest else (closer,))))
            for opener, closer in language.block_comments
        },
    )


@cache
def string_tokens(quote: Quote, interpolated: bool) -> re.Pattern[str]:
    """Match what ends a string or a part of it: its closer, code within, and a line break where that ends it."""
    opens_code = [re.escape(token) for token in (quote.interpolation_escape, quote.interpolation) if token]
    parts = list(opens_code) if interpolated and quote.interpolation.startswith("\\") else []
    if quote.escapes:
        parts.append(r"\\(?:\r\n|[\s\S])")
    parts.append(rf"(?m:^[ \t]*){re.escape(quote.end)}\b" if quote.closer_begins_line else re.escape(quote.end))
    if interpolated:
        parts += opens_code
    if not quote.multiline:
        parts.append(r"[\r\n]")
    return re.compile("|".join(parts))


@cache
def heredoc_quote(tag: str) -> Quote:
    """Give the string that goes on to a line which begins with `tag`."""
    return Quote("<<", closer=tag, multiline=True, escapes=False, closer_begins_line=True)


def may_hold_code(quote: Quote, text: str, offset: int) -> bool:
    """Tell whether the interpolations of the string that opens at `offset` count."""
    after = quote.interpolated_after
    return bool(quote.interpolation) and (
        after is None or after.search(text[max(offset - _BACK, 0) : offset]) is not None
    )
