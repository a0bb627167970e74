"""Whether a file parses as well with a fill as with a harmless one.

The code near the hole tells, and quickly, unless it is broken anyway. Then all that is wrong is counted, in the whole
file or in a thousand lines of a long one, and what is new counts against the fill. That takes a while: it is done by
pure functions of texts, in a thread of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache

from infill_lsp.holes.hole import Hole, replaces_lines
from infill_lsp.holes.neutral import neutral_fills
from infill_lsp.judging.near_check import Verdict, adds_faults, count_faults, verdict_near
from infill_lsp.judging.surroundings import sound_surroundings
from infill_lsp.judging.validity import first_error
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.syntax import has_grammar, parse

ADDS_ERROR = "the fill adds a parse error"

_MAX_CHARS = 60_000  # a longer file is judged by a part of it; a compiler lets no other thread in meanwhile
_CHARS_BEFORE, _CHARS_AFTER = 24_000, 12_000  # what is read of it: a thousand lines


@dataclass(frozen=True, slots=True)
class Around:
    """The text around a hole and what would be harmless there."""

    before: str
    after: str
    fills: tuple[str, ...]
    language: str
    takes_lines: bool  # the fill is statements and not a part of one

    @staticmethod
    def of(snapshot: Snapshot, hole: Hole) -> Around:
        """Take what a check needs out of a snapshot."""
        text = snapshot.text
        fills = neutral_fills(snapshot, hole)
        return Around(text[: hole.start], text[hole.end :], fills, snapshot.language, replaces_lines(snapshot, hole))


async def broken_parse(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why a file with `text` in its hole parses worse than it could, or None. What takes long holds up nobody."""
    near = _verdict_near(snapshot, hole, text)
    if near == "unknown":
        return await asyncio.to_thread(breaks_around, Around.of(snapshot, hole), text)
    return ADDS_ERROR if near == "broken" else None


def breaks_parse(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell the same for who can wait."""
    near = _verdict_near(snapshot, hole, text)
    if near == "unknown":
        return breaks_around(Around.of(snapshot, hole), text)
    return ADDS_ERROR if near == "broken" else None


def _verdict_near(snapshot: Snapshot, hole: Hole, text: str) -> Verdict:
    return verdict_near(snapshot, hole, text) if has_grammar(snapshot.language) else "sound"


def breaks_around(around: Around, text: str) -> str | None:
    """Tell why a text with `text` in its hole has more faults than it must have, or None. For any thread."""
    around = _readable(around)
    tree = parse(around.before + text + around.after, around.language)
    if tree is None:
        return "the file with the fill could not be checked in time"
    start = len(around.before)
    if tree.has_faults and adds_faults(count_faults(tree, start, start + len(text)), _baseline(around)):
        return ADDS_ERROR
    if _compiles(around, text) or _lacks_body_alone(around, text):
        return None
    return ADDS_ERROR if _can_compile(around) else None


def _compiles(around: Around, text: str) -> bool:
    """Tell whether the text around the hole compiles with `text` in it; it may begin inside blocks."""
    return first_error(around.before + text + around.after, around.language) is None


def _lacks_body_alone(around: Around, text: str) -> bool:
    """Tell whether the fill completes a header that the user began, and the file lacks nothing but its body."""
    language = language_for(around.language)
    if around.takes_lines or not language.header_end or not text.rstrip().endswith(language.header_end):
        return False
    body = next(iter(language.neutral_statements), "")
    return _compiles(around, f"{text} {body}")


# The candidates of one request are judged one after another. More than one entry would keep texts of closed documents.
@lru_cache(maxsize=1)
def _readable(around: Around) -> Around:
    """Give the code around the hole of a long file, as it parses by itself, or else a thousand lines of it."""
    if len(around.before) + len(around.after) <= _MAX_CHARS:
        return around
    before, after = around.before[-_CHARS_BEFORE:], around.after[:_CHARS_AFTER]
    before = before[before.find("\n") + 1 :] if len(before) < len(around.before) else before
    after = after[: after.rfind("\n") + 1] if len(after) < len(around.after) else after
    before, after = sound_surroundings(before, after, around.fills, around.language) or (before, after)
    return Around(before, after, around.fills, around.language, around.takes_lines)


@lru_cache(maxsize=1)
def _baseline(around: Around) -> tuple[int, int]:
    """Count the faults of the file, and of those that touch the hole, with the harmless fill that leaves fewest."""
    counts: list[tuple[int, int]] = []
    start = len(around.before)
    for fill in around.fills:
        tree = parse(around.before + fill + around.after, around.language)
        if tree is not None:
            counts.append(count_faults(tree, start, start + len(fill)))
            if counts[-1][0] == 0:
                break
    return min(counts, default=(0, 0))


@lru_cache(maxsize=1)
def _can_compile(around: Around) -> bool:
    """Tell whether the file compiles with any of the harmless fills."""
    return any(_compiles(around, fill) for fill in around.fills)
