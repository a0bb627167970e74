"""What a brace holds: statements, members, cases or values. Read from the text before it; it knows no indents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Frame
from infill_lsp.text.document import Snapshot

BraceKind = Literal["statements", "members", "cases", "values"]

_MAX_HEADER = 600
_WORD = re.compile(r"\w+")
_LAST_SEGMENT = re.compile(r"[^;{}]*\Z")


def brace_kind(snapshot: Snapshot, brace: Frame) -> BraceKind:
    """Tell what a brace holds, from the text before it."""
    language = language_for(snapshot.language)
    start = snapshot.index.line_start(snapshot.index.line_of(brace.offset))
    before = snapshot.text[max(start, brace.offset - _MAX_HEADER) : brace.offset]
    if not before.strip():
        before = snapshot.text[max(brace.offset - _MAX_HEADER, 0) : brace.offset]
    if language.value_brace.search(before):
        return "values"
    header = _LAST_SEGMENT.search(before.rstrip())
    words = header.group() if header else ""
    if any(word in language.case_words for word in _WORD.findall(words)):
        return "cases"
    return "members" if language.member_words and _member_header(language).search(words) else "statements"


def block_braces_off(snapshot: Snapshot, frames: Sequence[Frame]) -> Sequence[Frame]:
    """Give what is open inside of the innermost brace that holds statements: a line must close that before it ends."""
    language = language_for(snapshot.language)
    if language.blocks != "braces" and language.header_end != "{":
        return frames
    if language_for(snapshot.language).blocks == "indentation":
        return frames
    for number in range(len(frames) - 1, -1, -1):
        is_block = frames[number].opener == "{" and not (number and frames[number - 1].quote is not None)
        if is_block and brace_kind(snapshot, frames[number]) != "values":
            return frames[number + 1 :]
    return frames


@cache
def _member_header(language: Language) -> re.Pattern[str]:
    """Find a word that opens a block of members; in `struct a *f(void)` it is only a part of a type."""
    words = "|".join(sorted(map(re.escape, language.member_words)))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)(?:[^()]*\Z|\s+\w+\s*(?:<[^()]*>)?\s*\(|[^()]*:)")
