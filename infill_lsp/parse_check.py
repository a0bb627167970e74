"""Whether a file parses as well with a fill as with a harmless one. Pure functions of texts, for any thread.

A parse counts what is wrong in the whole file, as a fill may break it far from its hole; a file that was broken before
is judged by what is new. A very long file is judged by the code around the hole, so that an answer does not take long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from infill_lsp.document import Snapshot
from infill_lsp.hole import Hole, replaces_lines
from infill_lsp.languages import language_for
from infill_lsp.neutral import neutral_fills
from infill_lsp.surroundings import sound_surroundings
from infill_lsp.syntax import SyntaxTree, has_grammar, parse
from infill_lsp.validity import first_error

ADDS_ERROR = "the fill adds a parse error"

# A full parse of this many characters takes about a tenth of a second, and a compiler's look at that many does too,
# which does not let other threads in.
_MAX_CHARS, _MAX_CHARS_COMPILED = 700_000, 60_000
# What is read of a longer file: a thousand lines.
_CHARS_BEFORE, _CHARS_AFTER = 24_000, 12_000


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

    @property
    def num_chars(self) -> int:
        """Count the characters around the hole."""
        return len(self.before) + len(self.after)


def breaks_parse(around: Around, text: str) -> str | None:
    """Tell why a file with `text` in its hole parses worse than it could, or None."""
    if not has_grammar(around.language):
        return None
    near = _near(around)
    tree_around = near if around.num_chars > _MAX_CHARS else around
    tree = parse(tree_around.before + text + tree_around.after, around.language)
    if tree is None:
        return "the file with the fill could not be checked in time"
    start = len(tree_around.before)
    num_faults, num_touching = _count(tree, start, start + len(text))
    if num_faults:
        num_allowed, num_touching_allowed = _baseline(tree_around)
        if num_faults > num_allowed or (num_touching and not num_touching_allowed):
            return ADDS_ERROR
    compiled = near if around.num_chars > _MAX_CHARS_COMPILED else around
    if _compiles(compiled, text) or _lacks_body_alone(compiled, text):
        return None
    return ADDS_ERROR if _can_compile(compiled) else None


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


def _count(tree: SyntaxTree, start: int, end: int) -> tuple[int, int]:
    faults = tree.faults()
    # A grammar may hide the node that is at fault, and only the tree as a whole tells.
    if tree.has_faults and not faults:
        return 1, 0
    return len(faults), sum(1 for fault in faults if fault.start <= end and fault.end >= start)


# The candidates of one request are judged one after another. More than one entry would keep texts of closed documents.
@lru_cache(maxsize=1)
def _near(around: Around) -> Around:
    """Give the code around the hole of a long file, in whole lines, as it parses by itself; else the whole file."""
    if around.num_chars <= min(_MAX_CHARS, _MAX_CHARS_COMPILED):
        return around
    before, after = around.before[-_CHARS_BEFORE:], around.after[:_CHARS_AFTER]
    before = before[before.find("\n") + 1 :] if len(before) < len(around.before) else before
    after = after[: after.rfind("\n") + 1] if len(after) < len(around.after) else after
    sound = sound_surroundings(before, after, around.fills, around.language)
    return around if sound is None else Around(*sound, around.fills, around.language, around.takes_lines)


@lru_cache(maxsize=1)
def _baseline(around: Around) -> tuple[int, int]:
    """Count the faults of the file, and of those that touch the hole, with the harmless fill that leaves fewest."""
    counts: list[tuple[int, int]] = []
    start = len(around.before)
    for fill in around.fills:
        tree = parse(around.before + fill + around.after, around.language)
        if tree is not None:
            counts.append(_count(tree, start, start + len(fill)))
            if counts[-1][0] == 0:
                break
    return min(counts, default=(0, 0))


@lru_cache(maxsize=1)
def _can_compile(around: Around) -> bool:
    """Tell whether the file compiles with any of the harmless fills."""
    return any(_compiles(around, fill) for fill in around.fills)
