"""Where a fill in the making breaks the syntax of what stands around it, or says nothing new: the engine's critic.

It judges a fill as it would be shown (`suggestion.shape`), by the gate's rule: what a harmless fill would break as well
does not count. A compiler tells more exactly than a tree what is wrong, and sooner; where there is none, or the file
does not compile anyway, the tree tells. It reads the text near the hole alone, so that a verdict takes
a few milliseconds whatever the file. It knows no tokens of a model and does not decide what becomes of a suspect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.api import FillRequest
from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import replaces_lines
from infill_lsp.judging.excerpt import Excerpt, excerpt
from infill_lsp.judging.gate import unhelpful
from infill_lsp.judging.validity import first_error, has_compiler
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import missing_closers, place_at, walk
from infill_lsp.trees.syntax import SyntaxFault, has_grammar, parse

Span = tuple[int, int]

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Critic:
    """Judges fills; it remembers the surroundings of the last request. For one thread."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._bench: _Bench | None = None

    def __call__(self, request: FillRequest, fill: str) -> tuple[Span, ...]:
        """Return what breaks the syntax, half-open in code points of the fill; nothing where it is sound.

        An empty span at the fill's end says that the fill cannot end there.
        """
        if not has_grammar(request.language) and not has_compiler(request.language):
            return ()
        key = (request.prefix, request.suffix, request.language, request.multiline)
        if self._bench is None or key != self._key:
            self._key, self._bench = key, _bench(excerpt(request))
        return self._bench.suspects(fill)


@dataclass(frozen=True, slots=True)
class _Bench:
    """A hole and what is wrong around it already: faults of the tree with the harmless fill that leaves fewest."""

    around: Excerpt
    num_faults: int = 0
    num_touching: int = 0

    def suspects(self, fill: str) -> tuple[Span, ...]:
        """Return the span of the fill that breaks what it goes into, or nothing."""
        if not self.around.is_sound:
            return ()
        shown = shape(self.around.snapshot, self.around.hole, fill)
        if not shown or unhelpful(self.around.snapshot, self.around.hole, shown):
            return _spans(0, fill)
        place = self._compiler_says(shown) if self.around.compiles else self._tree_says(shown)
        return () if place is None else _spans(_unshaped(place, shown, fill), fill)

    def _compiler_says(self, shown: str) -> int | None:
        around, language = self.around, language_for(self.around.snapshot.language)
        error = first_error(around.filled(shown), language.id)
        if error is None:
            return None
        place = error.offset - around.hole.start
        if place >= len(shown) and language.header_end and shown.rstrip().endswith(language.header_end):
            body = f" {next(iter(language.neutral_statements), '')}"
            if first_error(around.filled(shown + body), language.id) is None:
                return self._header_alone(shown)
        return len(shown) if error.is_open else min(max(place, 0), len(shown))

    def _header_alone(self, shown: str) -> int | None:
        """Return what is to blame for a header without a body: nothing where the user began it.

        Several lines may go on with the body; a single one must be another statement.
        """
        if not replaces_lines(self.around.snapshot, self.around.hole):
            return None
        return len(shown) if self.around.hole.multiline else len(shown) - len(shown.rsplit("\n", 1)[-1].lstrip())

    def _tree_says(self, shown: str) -> int | None:
        start, end = self.around.hole.start, self.around.hole.start + len(shown)
        tree = parse(self.around.filled(shown), self.around.snapshot.language)
        if tree is None or not tree.has_faults:
            return None
        faults = tree.faults()
        touching = _touching(faults, start, end)
        if max(len(faults), 1) <= self.num_faults and (not touching or self.num_touching):
            return None
        if self._leaves_open(shown):
            return len(shown)
        # What begins above the fill says nothing of where in it the fault is, but it may say how far the parser came.
        inside = [fault.start - start for fault in touching if fault.start >= start]
        return min(
            inside, default=min((fault.end - start for fault in touching if fault.end < end), default=len(shown))
        )

    def _leaves_open(self, shown: str) -> bool:
        """Tell whether the fill opens a bracket or a string that neither it nor what follows closes."""
        around, language = self.around, language_for(self.around.snapshot.language)
        before = place_at(around.snapshot, around.hole.start).frames
        frames = list(before)
        for _ in walk(shown, 0, len(shown), language, frames):
            pass
        if frames and not frames[-1].is_bracket:
            return True
        return len(frames) > len(before) and bool(
            missing_closers(around.filled(shown), around.hole.start + len(shown), language, frames[len(before) :])
        )


def _bench(around: Excerpt) -> _Bench:
    if around.compiles:
        return _Bench(around)
    counts = []
    for fill in around.fills:
        tree = parse(around.filled(fill), around.snapshot.language)
        if tree is not None:
            start = around.hole.start
            counts.append((len(tree.faults()), len(_touching(tree.faults(), start, start + len(fill)))))
    return _Bench(around, *min(counts, default=(0, 0)))


def _touching(faults: tuple[SyntaxFault, ...], start: int, end: int) -> list[SyntaxFault]:
    return [fault for fault in faults if fault.start <= end and fault.end >= start]


def _spans(place: int, fill: str) -> tuple[Span, ...]:
    """Return the word or sign at a place of the fill, or the fill's end where none is left."""
    found = _TOKEN.search(fill, place)
    end = len(fill.rstrip())
    return (found.span(),) if found else ((end, end),)


def _unshaped(place: int, shown: str, fill: str) -> int:
    """Return where a place of the shown text is in the fill: shaping cuts and indents, and keeps the order of ink."""
    num_before = len("".join(shown[:place].split()))
    inked = [index for index, character in enumerate(fill) if not character.isspace()]
    return inked[num_before] if num_before < len(inked) else len(fill)
