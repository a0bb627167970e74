"""One open document: its text, its line index and its tree, kept together through edits.

Offsets are code points. It knows no protocol: whoever owns it turns positions into offsets and sets `version`.
A `Snapshot` never changes; a `Document` does, and belongs to the event loop. A parse that takes longer than a keystroke
may is left where it was: the snapshot has no tree then, and `advance` goes on with it while nobody types.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_lsp.text.line_index import LineIndex
from infill_lsp.trees.syntax import Parse, SyntaxTree, start_parse

_BUDGET_S = 0.05
_SLICE_S = 0.02
_TOTAL_S = 1.0
# A parse that was cut is not tried again at every keystroke; one that was given up, even less often.
_EDITS_UNTIL_NEXT = 8
_EDITS_UNTIL_NEXT_QUICK = 32  # after a cut that came early; twice as many after each further one
_MOST_DOUBLINGS = 3
_EDITS_UNTIL_RETRY = 64
# An incremental tree may put the faults of broken code elsewhere than a fresh one. Fresh ones of small texts are cheap.
_SMALL = 16_000


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A document at one version. Equal to itself alone, so that caches of it need not read the text."""

    uri: str
    version: int
    text: str
    language: str
    index: LineIndex
    tree: SyntaxTree | None  # None: no grammar, a text that is refused, or a parse that ran out of time


class Document:
    """An open document. Edits are cheap; the tree is brought up to date by `snapshot`."""

    def __init__(self, uri: str, version: int, text: str, language: str) -> None:
        self.uri = uri
        self.version = version
        self.language = language
        self._begin(text)

    def _begin(self, text: str) -> None:
        self._text = text
        self._index = LineIndex(text)
        self._tree: SyntaxTree | None = None  # the last whole tree, told of every edit since
        self._parse: Parse | None = None  # of the present text, cut short
        self._settled = False  # the tree, or its absence, stands for the present text
        self._is_cold = False  # the tree is fresh from a long text
        self._handed_out = False  # a snapshot holds the tree, so an edit must take it over first
        self._edits_to_wait = 0
        self._num_quick_cuts = 0  # one after the other, with no tree between

    @property
    def text(self) -> str:
        """The whole text."""
        return self._text

    @property
    def index(self) -> LineIndex:
        """The index of the present text."""
        return self._index

    @property
    def is_behind(self) -> bool:
        """Tell whether `advance` has something to do."""
        return not self._settled or self._is_cold

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace `[start, end)` by `new`. Offsets outside the text are clamped."""
        start = min(max(start, 0), len(self._text))
        end = min(max(end, start), len(self._text))
        text = "".join((self._text[:start], new, self._text[end:]))
        index = self._index.spliced(start, end, new, text)
        if self._tree is not None:
            if self._handed_out:
                self._tree = self._tree.take()
                self._handed_out = False
            if self._tree is not None:
                self._tree.edit(start, end, text, index)
        self._index = index
        self._text = text
        self._parse = None
        self._settled = self._is_cold = False
        self._edits_to_wait -= 1

    def replace(self, text: str) -> None:
        """Replace the whole text."""
        self._begin(text)

    def as_it_is(self) -> Snapshot:
        """Freeze the present state without a parse: with a tree only if there is one already."""
        tree = self._tree if self._settled else None
        self._handed_out = self._handed_out or tree is not None
        return Snapshot(self.uri, self.version, self._text, self.language, self._index, tree)

    def snapshot(self, budget_s: float = _BUDGET_S) -> Snapshot:
        """Freeze the present state. Parsing takes as long as the budget says; what is left waits for `advance`."""
        if not self._settled and self._edits_to_wait <= 0:
            self._work(budget_s)
        return self.as_it_is()

    def advance(self) -> bool:
        """Parse a little further, for a moment in which nobody types. False: nothing is left to do."""
        if not self._settled:
            self._work(_SLICE_S)
        elif self._is_cold:
            self._warm()
        return self.is_behind

    def _work(self, budget_s: float) -> None:
        parse = self._parse or start_parse(self._text, self.language, self._index, self._tree)
        tree = None if parse is None else parse.go_on(budget_s)
        if parse and tree and tree.has_faults and not parse.is_from_scratch and len(self._text) <= _SMALL:
            parse = start_parse(self._text, self.language, self._index)
            tree = None if parse is None else parse.go_on(budget_s)
        if parse and not tree:
            self._edits_to_wait = _EDITS_UNTIL_NEXT
            if budget_s < _SLICE_S:
                self._edits_to_wait = _EDITS_UNTIL_NEXT_QUICK << min(self._num_quick_cuts, _MOST_DOUBLINGS)
                self._num_quick_cuts += 1
            if parse.spent_s < _TOTAL_S:
                self._parse = parse
                return
            self._edits_to_wait = _EDITS_UNTIL_RETRY
        self._tree, self._parse, self._handed_out = tree, None, False
        self._settled = True
        self._num_quick_cuts = 0
        self._is_cold = bool(parse and tree and parse.is_from_scratch and len(self._text) > _SMALL)

    def _warm(self) -> None:
        """Parse again from the tree itself: the first time costs several times what every later one does."""
        self._is_cold = False
        again = start_parse(self._text, self.language, self._index, self._tree)
        tree = None if again is None else again.go_on(_BUDGET_S)
        if tree is not None:
            self._tree, self._handed_out = tree, False
