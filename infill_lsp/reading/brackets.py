"""Brackets, strings and comments of a stretch of text, read from the characters.

It knows no tree and trusts its caller that the stretch begins where the frames say.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from infill_lsp.languages import Language, Quote
from infill_lsp.reading.tokens import Tokens, heredoc_quote, may_hold_code, string_tokens, tokens_of

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(CLOSER_OF.values())
_LINE_BREAKS = frozenset(("\r", "\n"))
_MAX_ATOM = 2_500  # how far a token that is read whole may reach past the place where reading ends
_LINE_BREAK = re.compile(r"[\r\n]")


class Frame(NamedTuple):
    """Something that is open: a bracket, a quote or a comment marker, and where it stands."""

    opener: str
    offset: int
    quote: Quote | None = None  # None: a bracket or a comment
    interpolated: bool = False  # the string may hold code

    @property
    def is_bracket(self) -> bool:
        """Tell brackets from quotes and comments."""
        return self.opener in CLOSER_OF


class Bracket(NamedTuple):
    """A bracket in code. `closes` is the index of the frame that a closing one closes, -1 when it closes none."""

    offset: int
    text: str
    closes: int


def walk(text: str, start: int, end: int, language: Language, frames: list[Frame]) -> Generator[Bracket, None, int]:
    """Read `[start, end)`, keeping `frames` up to date in place, and yield every bracket of code before it counts.

    Returns where reading may go on: behind `end` where a token reaches over it.
    """
    tokens = tokens_of(language)
    position = start
    tags: list[str] = []  # of the texts that the line announces
    while position < end:
        if not frames or frames[-1].is_bracket:
            position = yield from _to_next_token(text, position, end, tokens, frames, tags)
        elif frames[-1].quote is not None:
            position = _through_string(text, position, end, frames)
        elif frames[-1].opener in tokens.block_comments:
            position = _through_comment(text, position, end, tokens, frames)
        else:
            position = _line_end(text, position)
            if position < end:
                frames.pop()
    return position


def _to_next_token(
    text: str, position: int, end: int, tokens: Tokens, frames: list[Frame], tags: list[str]
) -> Generator[Bracket, None, int]:
    match = tokens.code.search(text, position, end + _MAX_ATOM)
    if match is not None and match.end() > end > match.start() and match.lastgroup != "atom":
        match = tokens.code.search(text, position, end)
    if match is None or match.start() >= end:
        return end
    token, offset = match.group(), match.start()
    if match.lastgroup == "atom":
        pass
    elif match.lastgroup == "heredoc":
        tags.append(match["tag"])
    elif token in CLOSER_OF:
        yield Bracket(offset, token, -1)
        frames.append(Frame(token, offset))
    elif token in _CLOSERS:
        closes = _partner(frames, token)
        yield Bracket(offset, token, closes)
        if closes >= 0:
            del frames[closes:]
    elif token in _LINE_BREAKS:
        _leave_broken_strings(frames)
        while tags:
            frames.append(Frame("<<", offset, heredoc_quote(tags.pop())))
    else:
        quote = tokens.quotes.get(token)
        frames.append(Frame(token, offset, quote, quote is not None and may_hold_code(quote, text, offset)))
    return match.end()


def _partner(frames: list[Frame], closer: str) -> int:
    """Find the bracket that `closer` closes, passing over brackets that were never closed; -1 for none."""
    for position in range(len(frames) - 1, -1, -1):
        if not frames[position].is_bracket:
            return -1
        if CLOSER_OF[frames[position].opener] == closer:
            return position
    return -1


def _through_string(text: str, position: int, end: int, frames: list[Frame]) -> int:
    quote = frames[-1].quote
    assert quote is not None
    match = string_tokens(quote, frames[-1].interpolated).search(text, position, end)
    if match is None:
        return end
    token = match.group()
    if token.lstrip(" \t") == quote.end:
        frames.pop()
    elif frames[-1].interpolated and token == quote.interpolation:
        frames.append(Frame(token[-1], match.end() - 1))
    elif token in _LINE_BREAKS:
        _leave_broken_strings(frames)
    return match.end()


def _through_comment(text: str, position: int, end: int, tokens: Tokens, frames: list[Frame]) -> int:
    comment = frames[-1]
    match = tokens.block_comments[comment.opener].search(text, position, end)
    if match is None:
        return end
    if match.group() == comment.opener:
        frames.append(Frame(comment.opener, match.start()))
    else:
        frames.pop()
    return match.end()


def _leave_broken_strings(frames: list[Frame]) -> None:
    """Close what a line break ends: a one-line string that lacks its quote, and all that was opened within."""
    for position, frame in enumerate(frames):
        if frame.quote is not None and not frame.quote.multiline:
            del frames[position:]
            return


def _line_end(text: str, position: int) -> int:
    match = _LINE_BREAK.search(text, position)
    return match.start() if match else len(text)
