"""Every hole of a file that its text shows: placeholders, TODOs that are a whole block, empty bodies.

Characters tell where to look, and the rules of `Fill hole` decide. It knows no engine and no session.
Work on a large file ends after so many places, so that the answer never takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from heapq import merge
from itertools import islice

from infill_lsp.blocks.brace_kind import brace_kind
from infill_lsp.blocks.indentation import begins_header, columns, leading, line_text, next_line
from infill_lsp.blocks.near_snapshot import near_snapshot
from infill_lsp.holes.hole import Hole, hole_for_action
from infill_lsp.holes.placeholder import empty_body_indent, placeholder_at, todo_at
from infill_lsp.languages import NEVER, Language, language_for
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot

MAX_HOLES = 200

# How far away a hole may be, in characters, to be told of unasked: actions are listed at every move of the caret.
_NEAR = 5_000
# Each closer look takes up to two milliseconds in a large file.
_MAX_PLACES, _MAX_PLACES_TO_COUNT = 1_000, 4
_MAX_PLACES_NEAR, _MAX_PLACES_FAR = 2, 50  # to each side
_FEW_CHARS = 20_000  # of so many it is kept which of them may be holes
_BACK = 8  # how much of the text before an offset may tell what it is
_MAX_HEADER = 2_000
# Nothing is missing between a header and the first of its branches.
_BRANCH_WORDS = frozenset({"when", "in", "do", "then"})
_INK = re.compile(r"\S")
_EMPTY_BRACES = re.compile(r"\{[ \t]*\}")


def prepare(language_id: str) -> None:
    """Compile what the language is searched for: the first time takes a few milliseconds."""
    language = language_for(language_id)
    _marks(language)
    _headers(language)


def holes_within(snapshot: Snapshot, start: int, end: int) -> tuple[Hole, ...]:
    """Find the holes that lie in a range, from left to right: at most `MAX_HOLES`."""
    return tuple(islice(_holes(snapshot, start, end, _MAX_PLACES), MAX_HOLES))


def num_holes_within(snapshot: Snapshot, start: int, end: int, enough: int = 2) -> int:
    """Count the holes in a range up to what is enough to know, looking at a few places only."""
    return sum(1 for _ in islice(_holes(snapshot, start, end, _MAX_PLACES_TO_COUNT), enough))


@lru_cache(maxsize=4)
def has_hole_outside(snapshot: Snapshot, start: int, end: int, *, far: bool = False) -> bool:
    """Tell whether a file has a hole besides those of a range, looking at the nearest places, or at `far` ones too."""
    reach, max_places = (len(snapshot.text), _MAX_PLACES_FAR) if far else (_NEAR, _MAX_PLACES_NEAR)
    above, below = (max(start - reach, 0), start), (end, min(end + reach, len(snapshot.text)))
    return any(_holes(snapshot, *above, max_places, from_end=True)) or any(_holes(snapshot, *below, max_places))


def function_around(snapshot: Snapshot, offset: int) -> tuple[int, int] | None:
    """Give the innermost function that holds an offset, up to the end of its last line."""
    kinds = language_for(snapshot.language).function_kinds
    if snapshot.tree is None and (near := near_snapshot(snapshot, offset)) is not None and near[0].tree is not None:
        small, shift = near
        found = function_around(small, offset - shift)
        return None if found is None else (found[0] + shift, found[1] + shift)
    if snapshot.tree is None or not kinds:
        return None
    line = snapshot.index.line_of(offset)
    start = snapshot.index.line_start(line)
    # Left of a line's code the tree may already be out of the function.
    for place in dict.fromkeys((offset, start + len(leading(line_text(snapshot, line))))):
        for node in reversed(snapshot.tree.path_at(place)):
            if node.kind in kinds:
                return node.start, max(node.end, snapshot.index.line_end(snapshot.index.line_of(node.end)))
    return None


def _holes(snapshot: Snapshot, start: int, end: int, max_places: int, *, from_end: bool = False) -> Iterator[Hole]:
    """Give the holes from left to right; `from_end`: from the places nearest to the end on, of which some overlap."""
    reached = start
    for offset in _places(snapshot, start, end, max_places, from_end=from_end):
        if offset < reached:
            continue
        hole = hole_for_action(snapshot, offset, offset)
        if isinstance(hole, Hole) and hole.kind in ("placeholder", "body") and reached <= hole.start <= hole.end <= end:
            yield hole
            reached = start if from_end else hole.end + (hole.start == hole.end)


def _places(snapshot: Snapshot, start: int, end: int, max_places: int, *, from_end: bool = False) -> Iterator[int]:
    """Give the offsets at which a hole is, by a closer look at each place that may be one."""
    text, language, num_looked_at = snapshot.text, language_for(snapshot.language), 0
    if end - start <= _FEW_CHARS:
        back = text[max(start - _BACK, 0) : start]
        near = _candidates_near(back, text[start:end], language.id)
        found: Iterable[tuple[int, bool]] = ((start + offset, is_header) for offset, is_header in near)
    else:
        found = _candidates(text, start, end, language)
    for offset, is_header in reversed(list(found)) if from_end else found:
        line = snapshot.index.line_of(offset)
        if is_header and (not _may_be_header(line_text(snapshot, line), language) or _has_body(snapshot, line)):
            continue
        num_looked_at += 1
        if num_looked_at > max_places:
            return
        if is_header:
            if _lacks_statements(snapshot, line) and empty_body_indent(snapshot, line) is not None:
                yield snapshot.index.line_end(line)
        elif text[offset] == "{" and _EMPTY_BRACES.match(text, offset):
            if _holds_statements(snapshot, offset + 1):
                yield offset + 1
        elif placeholder_at(snapshot, offset) or todo_at(snapshot, offset):
            yield offset


def _candidates(text: str, start: int, end: int, language: Language) -> Iterator[tuple[int, bool]]:
    """Give the offsets of a range at which a hole may be, in order, each with whether it is of a header."""
    marks = [((found.start(), False) for found in pattern.finditer(text, start, end)) for pattern in _marks(language)]
    headers = ((found.start(), True) for found in _headers(language).finditer(text, start, end))
    return merge(headers, *marks)


# Around a function in which somebody types nothing changes.
@lru_cache(maxsize=8)
def _candidates_near(back: str, text: str, language_id: str) -> tuple[tuple[int, bool], ...]:
    """Give the candidates of a whole text, less the headers that the lines below show to be none or to have a body.

    `back` is what stands before the text.
    """
    language, whole, start = language_for(language_id), back + text, len(back)
    return tuple(
        (offset - start, is_header)
        for offset, is_header in _candidates(whole, start, len(whole), language)
        if not (is_header and _needs_no_look(text, offset - start, language))
    )


def _needs_no_look(text: str, offset: int, language: Language) -> bool:
    """Tell what is no header or has a body, if the lines within a text are enough to tell."""
    start, end = text.rfind("\n", 0, offset) + 1, text.find("\n", offset)
    if start == 0 or end < 0 or "\r" in text:
        return False
    line = text[start:end]
    if not _may_be_header(line, language):
        return True
    inked = _INK.search(text, end)
    if inked is None or (below_end := text.find("\n", inked.end())) < 0:
        return False
    return _is_deeper(text[text.rfind("\n", 0, inked.start()) + 1 : below_end], line)


def _may_be_header(line: str, language: Language) -> bool:
    """Tell headers from prose that ends alike, by a glance: a closer look is dear, and there is much prose in code."""
    return language.blocks != "indentation" or begins_header(line, language) or line.count(")") > line.count("(")


def _has_body(snapshot: Snapshot, line: int) -> bool:
    """Tell from its indent that what follows a header is its body."""
    below = next_line(snapshot, line)
    return below is not None and _is_deeper(line_text(snapshot, below), line_text(snapshot, line))


def _is_deeper(line: str, other: str) -> bool:
    return columns(leading(line)) > columns(leading(other))


def _lacks_statements(snapshot: Snapshot, line: int) -> bool:
    """Tell whether a header's brace is one of statements: objects and types may well be empty."""
    if language_for(snapshot.language).blocks != "braces":
        return True
    brace = line_text(snapshot, line)[:_MAX_HEADER].rfind("{")
    return brace >= 0 and _holds_statements(snapshot, snapshot.index.line_start(line) + brace + 1)


def _holds_statements(snapshot: Snapshot, offset: int) -> bool:
    bracket = place_at(snapshot, offset).bracket
    return bracket is not None and bracket.opener == "{" and brace_kind(snapshot, bracket) == "statements"


@cache
def _marks(language: Language) -> tuple[re.Pattern[str], ...]:
    """Give what placeholders look like, for a search in a whole text: what ended a text ends a line."""
    patterns = [language.placeholder_statement, language.placeholder_expression, language.todo]
    found = [
        re.compile(pattern.pattern.replace(r"\Z", r"(?=[ \t]*(?:[\r\n]|\Z))"), pattern.flags | re.MULTILINE)
        for pattern in patterns
        if pattern is not NEVER
    ]
    return (*found, _EMPTY_BRACES) if language.blocks == "braces" else tuple(found)


@cache
def _headers(language: Language) -> re.Pattern[str]:
    """Give what a line above a block ends with."""
    if language.blocks == "none":
        return NEVER
    if language.blocks == "words":
        ends = sorted(word for word in language.end_words - _BRANCH_WORDS if word.isalpha())
        if not ends:
            return NEVER  # Nothing tells an empty block from one that is meant.
        return re.compile(rf"^[ \t]*\S(?=[^\r\n]*(?:\r\n|\r|\n)\s*(?:{'|'.join(ends)})\b)", re.MULTILINE)
    comments = [rf"{re.escape(marker)}[^\r\n]*" for marker in language.line_comments]
    comments += [rf"{re.escape(a)}[^\r\n]*?{re.escape(b)}" for a, b in language.block_comments]
    rest = rf"(?:(?:{'|'.join(comments)})[ \t]*)?" if comments else ""
    return re.compile(rf"{re.escape(language.header_end or ':')}[ \t]*{rest}(?=[\r\n]|\Z)")
