"""One open document: its text, its line index and its tree, kept together through edits.

Offsets are code points. It knows no protocol: whoever owns it turns positions into offsets and sets `version`.
A `Snapshot` never changes; a `Document` does, and belongs to the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_lsp.line_index import LineIndex
from infill_lsp.syntax import SyntaxTree, parse

# A parse that ran out of time is not tried again at every keystroke, but it is tried again.
_EDITS_UNTIL_RETRY = 64


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document at one version."""

    uri: str
    version: int
    text: str
    language: str
    index: LineIndex
    tree: SyntaxTree | None  # None: no grammar, a text that is too large, or a parse that ran out of time


class Document:
    """An open document. Edits are cheap; the tree is brought up to date by `snapshot`."""

    def __init__(self, uri: str, version: int, text: str, language: str) -> None:
        self.uri = uri
        self.version = version
        self.language = language
        self._text = text
        self._index = LineIndex(text)
        self._tree: SyntaxTree | None = None
        self._fresh = False  # the tree, or its absence, stands for the present text
        self._handed_out = False  # a snapshot holds the tree, so an edit must take it over first
        self._edits_to_wait = 0

    @property
    def text(self) -> str:
        """The whole text."""
        return self._text

    @property
    def index(self) -> LineIndex:
        """The index of the present text."""
        return self._index

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace `[start, end)` by `new`. Offsets outside the text are clamped."""
        start = min(max(start, 0), len(self._text))
        end = min(max(end, start), len(self._text))
        text = self._text[:start] + new + self._text[end:]
        if self._tree is not None and self._handed_out:
            self._tree = self._tree.take()
            self._handed_out = False
        index = self._index.spliced(start, end, new, text)
        if self._tree is not None:
            self._tree.edit(start, end, text, index)
        self._index = index
        self._text = text
        self._fresh = False
        self._edits_to_wait -= 1

    def replace(self, text: str) -> None:
        """Replace the whole text."""
        self._text = text
        self._index = LineIndex(text)
        self._tree = None
        self._fresh = self._handed_out = False
        self._edits_to_wait = 0

    def snapshot(self) -> Snapshot:
        """Freeze the present state."""
        if not self._fresh and self._edits_to_wait <= 0:
            self._tree = parse(self._text, self.language, self._tree, self._index)
            self._edits_to_wait = 0 if self._tree is not None else _EDITS_UNTIL_RETRY
            self._fresh = True
        self._handed_out = True
        return Snapshot(self.uri, self.version, self._text, self.language, self._index, self._tree)
