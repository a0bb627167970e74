"""Text that is said twice: the end of a fill that repeats what follows the hole. Pure functions of texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infill_lsp.languages import Language
from infill_lsp.reading.scan import Frame, unmatched, walk

_TOKEN = re.compile(r"\"(?:\\.|[^\"\\\r\n])*\"|'(?:\\.|[^'\\\r\n])*'|\w+|[^\w\s]")
_LINE_BREAK = re.compile(r"[\r\n]")
_MAX_TOKENS = 64


def repeated_tail(text: str, suffix: str, language: Language) -> int:
    """Count the characters at the end of `text` that say again what `suffix` begins with, blanks aside.

    Both are compared token by token. Brackets whose partner is not in the repeated part are no repetition.
    """
    tokens = list(_TOKEN.finditer(text))
    heads = [match.group() for match in _TOKEN.finditer(suffix)][:_MAX_TOKENS]
    for length in range(min(len(heads), len(tokens)), 0, -1):
        start = tokens[-length].start()
        same = [match.group() for match in tokens[-length:]] == heads[:length]
        if same and is_balanced(text[start:], language):
            return len(text) - start
    return 0


def repeated_lines(lines: Sequence[str], below: Sequence[str]) -> int:
    """Count the lines at the end of `lines` that are also the first of `below`."""
    for length in range(min(len(lines), len(below)), 0, -1):
        if [line.rstrip() for line in lines[-length:]] == [line.rstrip() for line in below[:length]]:
            return length
    return 0


def without_comments(text: str, language: Language) -> str:
    """Give what is left of a text without the comments that it begins with; `""` where it holds nothing else."""
    pairs = [*language.block_comments, *((opener, "") for opener in language.line_comments)]
    pairs.sort(key=lambda pair: -len(pair[0]))  # `--[[` is no `--`.
    text = text.lstrip()
    while (found := next((pair for pair in pairs if text.startswith(pair[0])), None)) is not None:
        if found[1]:
            text = _after_comment(text, *found, nests=language.comments_nest).lstrip()
        else:
            end = _LINE_BREAK.search(text)
            text = text[end.end() :].lstrip() if end else ""
    return text


def _after_comment(text: str, opener: str, closer: str, *, nests: bool) -> str:
    """Give what follows the comment that a text begins with."""
    depth, end = 1, len(opener)
    while depth:
        close = text.find(closer, end)
        if close < 0:
            return ""
        inner = text.find(opener, end, close) if nests else -1
        depth, end = (depth + 1, inner + len(opener)) if inner >= 0 else (depth - 1, close + len(closer))
    return text[end:]


def is_balanced(text: str, language: Language) -> bool:
    """Tell whether every bracket of a text has its partner in it."""
    frames: list[Frame] = []
    strays = list(unmatched(text, 0, len(text), language, ()))
    for _ in walk(text, 0, len(text), language, frames):
        pass
    return not strays and not any(frame.is_bracket for frame in frames)
