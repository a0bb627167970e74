"""Whether the code near a hole parses with a fill in it. A few thousand characters are read, whatever the file's size.

A fill is sound if a small text around it is without a fault. It is not if that text would be without one with something
harmless in the hole. If nothing harmless helps, but the text is sound apart from the hole's line, what is wrong in that
line already may be wrong, and no more. Where none of this holds for any small text, this room cannot tell.
It answers in a few milliseconds, on the event loop; what it found for one hole it keeps for the next fill of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from infill_lsp.blocks.indentation import leading
from infill_lsp.blocks.near_items import MAX_CHARS, Cut, lines_near, near_cuts
from infill_lsp.holes.hole import Hole, HoleKind, replaces_lines
from infill_lsp.holes.neutral import neutral_fills
from infill_lsp.judging.validity import first_error, has_compiler
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import Frame, walk
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.syntax import SyntaxTree, parse

Verdict = Literal["sound", "broken", "unknown"]

_MAX_READ = 40_000  # characters that are parsed or compiled for one fill; then others must tell
_LINE_BREAKS = ("\n", "\r")
_MAX_COMPARED = 4  # harmless fills that are tried in a text of some length


def verdict_near(snapshot: Snapshot, hole: Hole, text: str) -> Verdict:
    """Tell whether the code near a hole parses with `text` in it; "unknown" where it does not parse anyway."""
    return "unknown" if len(text) > MAX_CHARS else _place(snapshot, hole).verdict(text)


@dataclass(slots=True)
class _Place:
    """A hole, the small texts around it, and what was found out about them."""

    snapshot: Snapshot
    hole: Hole
    before: str  # on the hole's first line
    after: str  # on its last
    cuts: tuple[Cut, ...]
    fills: tuple[str, ...] = ()  # harmless ones, likeliest first
    takes_something: dict[tuple[Cut, bool], bool] = field(default_factory=dict)
    left: int = 0

    def verdict(self, text: str) -> Verdict:
        """Judge a fill by the first of the small texts that is sound."""
        self.left = _MAX_READ
        language = self.snapshot.language
        for cut in self.cuts:
            # A compiler tells more exactly, but it may not know the file's dialect. The tree knows most of them.
            if has_compiler(language):
                if self._takes(cut, text, compiled=True) or self._lacks_body_alone(cut, text):
                    return "sound"
                if self._takes_something(cut, compiled=True):
                    return "broken"
            if breaks_above(cut.above, language):
                continue
            tree = self._tree(cut, text)
            if tree is None or self.left < 0:
                return "unknown"
            if not tree.has_faults:
                return "sound"
            if self._takes_something(cut, compiled=False):
                return "broken"
            if _is_sound_without(cut, self.hole.indent, language):
                return "broken" if self._adds_faults(cut, tree, text) else "sound"
        return "unknown"

    def _adds_faults(self, cut: Cut, tree: SyntaxTree, text: str) -> bool:
        """Compare the faults of a fill with those of the harmless ones that leave fewest."""
        count = self._count(cut, tree, text)
        fewest = None
        for fill in self.fills:
            if (other := self._tree(cut, fill)) is None:
                continue
            allowed = self._count(cut, other, fill)
            # What leaves no more than the fill may settle it, and need not leave the fewest.
            if allowed[0] <= count[0] and adds_faults(count, allowed):
                return True
            fewest = allowed if fewest is None else min(fewest, allowed)
        return adds_faults(count, fewest or (0, 0))

    def _count(self, cut: Cut, tree: SyntaxTree, fill: str) -> tuple[int, int]:
        start = len(cut.above) + len(self.before)
        return count_faults(tree, start, start + len(fill))

    def _tree(self, cut: Cut, fill: str) -> SyntaxTree | None:
        text = self._filled(cut, fill)
        self.left -= len(text)
        return _parsed(text, cut, self.snapshot.language)

    def _takes(self, cut: Cut, fill: str, *, compiled: bool) -> bool:
        """Tell whether a text is without a fault with something in its hole."""
        self.left -= len(self._filled(cut, fill))
        return self._is_sound(cut, fill, compiled=compiled)

    def _is_sound(self, cut: Cut, fill: str, *, compiled: bool) -> bool:
        text, language = self._filled(cut, fill), self.snapshot.language
        if not compiled:
            tree = _parsed(text, cut, language)
            return tree is not None and not tree.has_faults
        if cut.below.startswith(_LINE_BREAKS) and not (self.before + fill + self.after).strip(" \t"):
            text = cut.above + cut.below  # Blanks alone make no difference to a compiler, and each is a keystroke.
        return _compiles(text, language)

    def _takes_something(self, cut: Cut, *, compiled: bool) -> bool:
        """Tell whether a text is without a fault with something harmless in its hole."""
        key = cut, compiled
        if key not in self.takes_something:
            last = _last_fitting(self.snapshot.language, self.hole.kind)
            takes = self._takes_again(cut, last, compiled=compiled)
            if not takes and (fitting := self._first_fitting(cut, compiled=compiled)) is not None:
                takes, last.fill = True, fitting.strip()
            self.takes_something[key] = takes
        return self.takes_something[key]

    def _takes_again(self, cut: Cut, last: _LastFitting, *, compiled: bool) -> bool:
        """Tell whether what fitted last, most often a keystroke ago, is among the fills to be tried, and fits."""
        fills = self.fills[:_MAX_COMPARED] or neutral_fills(self.snapshot, self.hole)
        sure = fills if len(fills) <= _MAX_COMPARED else fills[: _MAX_COMPARED - 1]  # One more may come first.
        fill = next((each for each in sure if each.strip() == last.fill), None)
        return fill is not None and self._is_sound(cut, fill, compiled=compiled)

    def _first_fitting(self, cut: Cut, *, compiled: bool) -> str | None:
        if not self.fills:
            self.fills = self._fills_in_order(compiled=compiled)
        fills = self.fills[:_MAX_COMPARED]
        return next((fill for fill in fills if self._takes(cut, fill, compiled=compiled)), None)

    def _fills_in_order(self, *, compiled: bool) -> tuple[str, ...]:
        """Put the harmless fill first that fits: little text tells, and quickly."""
        fills = neutral_fills(self.snapshot, self.hole)
        least = min(self.cuts, key=lambda cut: len(cut.above) + len(cut.below))
        if not compiled and breaks_above(least.above, self.snapshot.language):
            return fills
        fits = next((fill for fill in fills if self._takes(least, fill, compiled=compiled)), None)
        return fills if fits is None else tuple(dict.fromkeys((fits, *fills)))

    def _lacks_body_alone(self, cut: Cut, fill: str) -> bool:
        """Tell whether a fill completes a header that the user began, and the file lacks nothing but its body."""
        language = language_for(self.snapshot.language)
        if not language.header_end or not fill.rstrip().endswith(language.header_end):
            return False
        body = next(iter(language.neutral_statements), "")
        return not replaces_lines(self.snapshot, self.hole) and self._takes(cut, f"{fill} {body}", compiled=True)

    def _filled(self, cut: Cut, fill: str) -> str:
        return "".join((cut.above, self.before, fill, self.after, cut.below))


def count_faults(tree: SyntaxTree, start: int, end: int) -> tuple[int, int]:
    """Count the faults of a text, and those that touch a range of it."""
    faults = tree.faults()
    # A grammar may hide the node that is at fault, and only the tree as a whole tells.
    if tree.has_faults and not faults:
        return 1, 0
    return len(faults), sum(1 for fault in faults if fault.start <= end and fault.end >= start)


def adds_faults(count: tuple[int, int], allowed: tuple[int, int]) -> bool:
    """Tell whether there are more faults than must be, or one that touches the fill where none must."""
    return count[0] > allowed[0] or (count[1] > 0 and not allowed[1])


# While a line is being typed, what stands above it stays.
@lru_cache(maxsize=32)
def breaks_above(above: str, language_id: str) -> bool:
    """Tell whether no line at all can follow these: the parser stumbled over one of them before the last.

    It reads forwards, so that what comes later mends only what is incomplete at the end, or in a text still open there.
    """
    tree, language = parse(above, language_id), language_for(language_id)
    if tree is None or not tree.has_faults:
        return False
    frames: list[Frame] = []
    for _bracket in walk(above, 0, len(above), language, frames):
        pass
    end = next((frame.offset for frame in frames if not frame.is_bracket), len(above))
    while True:
        end = len(above[:end].rstrip())
        comments = [node.start for node in tree.path_at(end) if node.kind in language.comment_kinds]
        if not comments or comments[0] >= end:
            break
        end = comments[0]
    last = above.rfind("\n", 0, end) + 1
    return any(fault.end < last for fault in tree.faults())


@dataclass(slots=True)
class _LastFitting:
    """The harmless fill that fitted last, without blanks around it."""

    fill: str | None = None


@lru_cache(maxsize=16)
def _last_fitting(_language: str, _kind: HoleKind) -> _LastFitting:
    return _LastFitting()


# While the blanks of an indent are typed, a fill gives the same text each time.
@lru_cache(maxsize=16)
def _compiles(text: str, language: str) -> bool:
    return first_error(text, language) is None


@dataclass(slots=True)
class _SoundTree:
    """A tree of a small text without a fault, whatever stands in the hole's line, once there was one."""

    tree: SyntaxTree | None = None
    num_chars: int = 0


@lru_cache(maxsize=16)
def _sound_tree(_cut: Cut, _language: str) -> _SoundTree:
    return _SoundTree()


# One verdict asks for some texts again, and so does the next keystroke.
@lru_cache(maxsize=32)
def _parsed(text: str, cut: Cut, language: str) -> SyntaxTree | None:
    """Parse a small text; of another one of the same cut that is sound, all but the hole's line is read off."""
    sound = _sound_tree(cut, language)
    if sound.tree is not None:
        return sound.tree.reparsed(len(cut.above), sound.num_chars - len(cut.below), text)
    tree = parse(text, language)
    if tree is not None and not tree.has_faults:
        sound.tree, sound.num_chars = tree, len(text)
    return tree


@lru_cache(maxsize=16)
def _is_sound_without(cut: Cut, indent: str, language: str) -> bool:
    """Tell whether a small text is without a fault if the hole's line is empty, or something harmless."""
    for line in ("", *(indent + fill for fill in language_for(language).neutral_statements[:1])):
        tree = _parsed(cut.above + line + cut.below, cut, language)
        if tree is not None and not tree.has_faults:
            return True
    return False


@lru_cache(maxsize=2)
def _place(snapshot: Snapshot, hole: Hole) -> _Place:
    text, index = snapshot.text, snapshot.index
    start, end = index.line_start(index.line_of(hole.start)), index.line_end(index.line_of(hole.end))
    before, after = text[start : hole.start], text[hole.end : end]
    above, below = lines_near(text, start, end)
    indent = leading(before) if before.strip() else hole.indent
    return _Place(snapshot, hole, before, after, near_cuts(above, below, indent, snapshot.language))
