"""Whether a line must go on where the caret is.

Ghost text after a finished statement is noise, so a caret at a line's end is only a hole where something is missing.
It reads characters and words, and knows no holes.
"""

from __future__ import annotations

import re
from typing import Final

from infill_lsp.blocks.brace_kind import block_braces_off
from infill_lsp.blocks.indentation import begins_header, code_of, line_text, previous_code_line, statement_line
from infill_lsp.holes import brace_continuation
from infill_lsp.holes.hole_kinds import is_word
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Place, missing_closers, place_at
from infill_lsp.text.document import Snapshot

NAME_IS_TYPED: Final = "a name is being typed"
_HEADER_LACKS_END = "the header lacks its end"
_OPENS = frozenset("=+-*/%&|^~<>@!.,:;([{")
_WORD = re.compile(r"\w+")
_WORD_END = re.compile(r"\w+\Z")
_FEW_FOUND = 20
_NUMBER_WITH_POINT = re.compile(r"(?<![\w.])\d[\d_]*\.\Z")


def why_it_goes_on(snapshot: Snapshot, line: int, offset: int, place: Place) -> str | None:
    """Tell why text must follow the caret, or None if the line is complete as it stands."""
    language = language_for(snapshot.language)
    before = snapshot.text[snapshot.index.line_start(line) : offset]
    at_line_end = not snapshot.text[offset : snapshot.index.line_end(line)].strip()
    if before.endswith("\\"):
        return None
    if not before.strip():
        if language.blocks == "braces":
            return brace_continuation.why_it_goes_on(snapshot, line, offset, place)
        return _after_line_above(snapshot, line, language)
    code = before.rstrip()
    word = _WORD_END.search(code)
    name = word.group() if word else ""
    if language.blocks == "braces":
        if (reason := brace_continuation.why_it_goes_on(snapshot, line, offset, place)) is not None:
            return reason
        return NAME_IS_TYPED if before == code and _is_new_name(snapshot.text, name, offset, language) else None
    inner = block_braces_off(snapshot, place.frames)
    if not inner and at_line_end and language.line_is_whole.search(code):
        return None
    header_ends = _header_ends(snapshot, line, offset, language) if not inner else None
    if language.header_end and code.endswith(language.header_end) and header_ends:
        return None
    if (reason := _after_token(code, name, language)) is not None and not (name and before == code):
        return reason
    if header_ends is False and at_line_end and (name not in language.known_words or name == code.strip()):
        return _HEADER_LACKS_END
    if name and before == code and name in language.known_words:
        return None
    if at_line_end and inner and missing_closers(snapshot.text, offset, language, place.frames):
        return f"`{inner[-1].opener}` is not closed"
    return NAME_IS_TYPED if before == code and _is_new_name(snapshot.text, name, offset, language) else None


def _is_new_name(text: str, name: str, end: int, language: Language) -> bool:
    if not name or name[0].isdigit() or name in language.known_words:
        return False
    return not _occurs_elsewhere(text, name, end)


def _after_token(code: str, name: str, language: Language) -> str | None:
    if name:
        return f"after `{name}`" if name in language.open_words else None
    if code[-1] in _OPENS and not code.endswith("...") and not _NUMBER_WITH_POINT.search(code):
        return f"after `{code[-1]}`"
    return None


def _after_line_above(snapshot: Snapshot, line: int, language: Language) -> str | None:
    """Tell why a line that has not begun must go on with what stands above it."""
    if line > 0 and line_text(snapshot, line - 1).endswith("\\"):
        return "after `\\`"
    above = previous_code_line(snapshot, line)
    if above is None:
        return None
    code = code_of(snapshot, above)
    word = _WORD_END.search(code)
    return _after_token(code, word.group() if word else "", language) if code else None


def _header_ends(snapshot: Snapshot, line: int, offset: int, language: Language) -> bool | None:
    """Tell whether the header that the caret's statement begins with has its end yet. None: it is no header."""
    first = statement_line(snapshot, line)
    if not begins_header(line_text(snapshot, first), language):
        return None
    if language.blocks == "words":
        words = _WORD.findall(snapshot.text, snapshot.index.line_start(first), offset)
        return not language.header_end_words.isdisjoint(words)
    if not language.header_end:
        return None
    start = snapshot.index.line_start(first)
    while (start := snapshot.text.find(language.header_end, start, offset)) >= 0:
        start += len(language.header_end)
        if not snapshot.text.startswith("=", start) and not place_at(snapshot, start).frames:
            return True
    return False


def _occurs_elsewhere(text: str, name: str, end: int) -> bool:
    """Tell whether `name`, which ends at `end`, is a whole word anywhere else: then it is likely complete."""
    start = 0
    for _ in range(_FEW_FOUND):  # Three times as quick as a pattern, unless it is a part of too many other words.
        at = text.find(name, start)
        if at < 0:
            return False
        start = at + len(name)
        if start != end and not is_word(text[start : start + 1]) and not is_word(text[max(at - 1, 0) : at]):
            return True
        start = at + 1
    # The word comes first: searching for it is quick, and what stands before it is looked at where it was found.
    whole = re.compile(rf"{re.escape(name)}(?!\w)(?<!\w{re.escape(name)})")
    return any(found.end() != end for found in whole.finditer(text, start))
