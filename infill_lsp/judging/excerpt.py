"""The text near a hole as a small file of its own, as sound as it can be had.

A request's text is cut to a budget, perhaps inside a string or between a header and its body; whole files may be large.
What the cuts broke is dropped, until the rest compiles with a harmless fill, or parses where there is no compiler.
It judges no fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.api import FillRequest
from infill_lsp.blocks.indentation import first_word, leading
from infill_lsp.holes.hole import Hole, HoleKind, hole_at
from infill_lsp.holes.neutral import neutral_fills
from infill_lsp.judging.surroundings import closers_below, sound_surroundings
from infill_lsp.judging.validity import first_error, has_compiler
from infill_lsp.languages import language_for
from infill_lsp.text.document import Document, Snapshot

# So much is read, in code points: enough for the function around a hole, and parsed in a few milliseconds.
_CHARS_BEFORE, _CHARS_AFTER = 3000, 1000
_MAX_CUTS = 12


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A hole in a small file, what would be harmless there, and whether the file compiles with one of these."""

    snapshot: Snapshot
    hole: Hole
    fills: tuple[str, ...]
    compiles: bool
    is_sound: bool = True  # False: what a cut broke could not be dropped, and nothing can be said of fills

    def filled(self, fill: str) -> str:
        """Return the small file with a text in its hole."""
        text = self.snapshot.text
        return text[: self.hole.start] + fill + text[self.hole.end :]


def excerpt(request: FillRequest) -> Excerpt:
    """Cut the surroundings of a request's hole out; the language must have a grammar or a compiler."""
    before, after, is_cut = _near(request)
    if not has_compiler(request.language):
        return _parsed(before, after, request, is_cut=is_cut)
    whole = _excerpt(before, after, request)
    for _ in range(_MAX_CUTS):
        error = _error(before, after, whole.fills, request.language)
        if error is None:
            has_shrunk = len(before) + len(after) < len(whole.snapshot.text)
            return replace(_excerpt(before, after, request) if has_shrunk else whole, compiles=True)
        shorter = _without_fault(before, after, error, request.language) if is_cut else None
        if shorter is None:
            break
        before, after = shorter
    return replace(whole, is_sound=not is_cut)


def _parsed(before: str, after: str, request: FillRequest, *, is_cut: bool) -> Excerpt:
    """Shorten an excerpt until it parses; a whole file that is broken anyway stays, as its faults can be counted."""
    # What the cut took off at the end is no fault of the hole, and its harmless fills need not make up for it.
    closers = closers_below(before + after, language_for(request.language)) if is_cut else None
    whole = _excerpt(before, after + (closers or ""), request)
    sound = sound_surroundings(before, after, whole.fills, request.language, is_whole=not is_cut)
    if sound is None:
        return replace(whole, is_sound=not is_cut)
    return whole if sound == (before, after) else _excerpt(*sound, request)


def _near(request: FillRequest) -> tuple[str, str, bool]:
    """Give the text near the hole in whole lines, and whether more stands around it."""
    before, after = request.prefix[-_CHARS_BEFORE:], request.suffix[:_CHARS_AFTER]
    is_cut = not (request.starts_file and request.ends_file)
    if len(before) < len(request.prefix):
        before, is_cut = before[before.find("\n") + 1 :], True
    if len(after) < len(request.suffix):
        after, is_cut = after[: after.rfind("\n") + 1], True
    return before, after, is_cut


def _excerpt(before: str, after: str, request: FillRequest) -> Excerpt:
    snapshot = Document("", 0, before + after, request.language).snapshot()
    line = before[before.rfind("\n") + 1 :]
    is_whole_line = not line.strip() and not after.split("\n", 1)[0].strip()
    found = None if request.multiline else hole_at(snapshot, len(before), in_strings=True, in_comments=True)
    if isinstance(found, Hole) and found.start == len(before):
        hole = found
    else:
        kind: HoleKind = "selection" if request.multiline else "statement" if is_whole_line else "expression"
        hole = Hole(len(before), len(before), kind, leading(line), request.multiline, "")
    return Excerpt(snapshot, hole, neutral_fills(snapshot, hole), compiles=False)


def _error(before: str, after: str, fills: Sequence[str], language: str) -> int | None:
    """Find where the text does not compile with the harmless fill that gets furthest, as an offset with no fill.

    None: it compiles with one of them. What stands outside the hole's line is at fault whatever the fill.
    """
    line_start, line_end = before.rfind("\n") + 1, len(before) + (after + "\n").index("\n")
    places = []
    for fill in fills:
        error = first_error(before + fill + after, language)
        if error is None:
            return None
        place = error.offset if error.offset < len(before) else max(error.offset - len(fill), len(before))
        if not error.is_open and not line_start <= place <= line_end:
            return place
        places.append(place)
    return max(places)


def _without_fault(before: str, after: str, place: int, language: str) -> tuple[str, str] | None:
    """Drop the lines from the fault to the far end of its side; None: the hole itself is at fault."""
    if place < before.rfind("\n") + 1:
        start = _statement_after(before, place, language)
        return None if start is None else (before[start:], after)
    ink = after.rstrip()
    place = min(place - len(before), len(ink))
    # At the end it is the last line that lacks what was cut off.
    cut = (ink if place == len(ink) else after).rfind("\n", 0, place) + 1
    return (before, after[:cut]) if cut > 0 else None


def _statement_after(text: str, offset: int, language: str) -> int | None:
    """Find the first line after an offset, above the last one, that likely begins a statement outside of strings."""
    known = language_for(language)
    ends_string = tuple(quote.end for quote in known.quotes if quote.multiline)
    above = offset
    while 0 < (start := text.find("\n", above) + 1) <= text.rfind("\n"):
        line = text[start : text.find("\n", start)]
        is_after_string = bool(ends_string) and text[above : start - 1].rstrip().endswith(ends_string)
        if first_word(line) in known.statement_words or line.lstrip().startswith("@") or is_after_string:
            return start
        above = start
    return None
