"""The cuts of a file: what is taken out, where the caret then stands, and what would give the file back.

A cut that no editor could mend is not made but counted as left out: a statement with other text on its line, a body
that begins or ends on a line with its brackets, blanks at a line's end, line endings of two kinds.
It knows nothing of how holes are found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.cut_nodes import Body, Nodes, Range, Statement
from infill_lsp.blocks.lines import leading
from infill_lsp.languages import Language
from infill_lsp.text.line_index import LineIndex

SINGLE, BLOCK = "single-line", "block"
UNINDENTED, HALF = "single-line, no indent", "half a statement"
BROKEN_SINGLE, BROKEN_BLOCK = "single-line, broken code", "block, broken code"
NO_LINE = "block, no blank line"
ROWS = (SINGLE, BLOCK, UNINDENTED, HALF, BROKEN_SINGLE, BROKEN_BLOCK, NO_LINE)

_ENDS = ("", ";", ",")  # what may end a statement or a member, and belongs to it
_TRAILING_BLANKS = re.compile(r"[ \t](?=[\r\n]|\Z)")
_WORD = re.compile(r"\w")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_CLOSER = re.compile(r"(?:\}|\bend)\Z")
_LINES_ABOVE = range(2, 5)


class Edit(NamedTuple):
    """Replace `[start, end)` by `new`."""

    start: int
    end: int
    new: str


class LeftOut(NamedTuple):
    """A kind of cut that could not be made, and why."""

    row: str
    why: str


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut. Without it the file is `whole`, with it `text`; `missing` is what an engine should answer."""

    row: str
    text: str
    caret: int
    missing: str
    indent: str
    whole: str
    body: Body | None = None  # that was taken out whole


class File:
    """A text that is cut, and how often a cut could not be made, by why."""

    def __init__(self, text: str, language: Language, nodes: Nodes) -> None:
        self.text = text
        self.index = LineIndex(text)
        self.nodes = nodes
        self.language = language
        self.left_out: Counter[LeftOut] = Counter()
        if nodes.num_comment_bodies:
            self.left_out[LeftOut(BLOCK, "only comments")] = nodes.num_comment_bodies
        self._comments = self._comment_lines()
        self._mixed = len(set(_LINE_BREAK.findall(text))) > 1

    def statement_cuts(self, statement: Statement, others: bool = True) -> Iterator[Cut]:
        """Yield the cuts of a statement that stands on one line: the one that a bar is for, and the `others`."""
        line = self.index.line_of(statement.start)
        start, end = self.index.line_start(line), self.index.line_end(line)
        if statement.end > end:
            return  # It has several lines, and is no single-line cut.
        alone = statement.start == start + len(leading(self.text[start:end]))
        if not alone or self.text[statement.end : end] not in _ENDS:
            self.left_out[LeftOut(SINGLE, "other text or blanks on the line")] += 1
            return
        indent, missing = self.text[start : statement.start], self.text[statement.start : end]
        cut = Edit(statement.start, end, "")
        yield self._cut(SINGLE, cut, missing, indent)
        if not others:
            return
        if indent:
            yield self._cut(UNINDENTED, Edit(start, end, ""), missing, indent)
        # What only closes brackets is nothing to fill.
        if stops := [stop for stop in statement.stops if _WORD.search(self.text, stop, end)]:
            middle = (statement.start + end) // 2
            stop = min(stops, key=lambda stop: (abs(stop - middle), stop))
            yield self._cut(HALF, Edit(stop, end, ""), self.text[stop:end], indent)
        if (broken := self._breaks(statement.start, end, statement.function)) is not None:
            yield self._cut(BROKEN_SINGLE, cut, missing, indent, broken)

    def body_cuts(self, body: Body, others: bool = True) -> Iterator[Cut]:
        """Yield the cuts of a body that stands on lines of its own: the one that a bar is for, and the `others`."""
        first, last = self.index.line_of(body.start), self.index.line_of(body.end)
        if self._line(first)[: body.start - self.index.line_start(first)].strip():
            self.left_out[LeftOut(BLOCK, "begins on its header's line")] += 1
            return
        if self.text[body.end : self.index.line_end(last)].strip() not in _ENDS:
            self.left_out[LeftOut(BLOCK, "other text after its end")] += 1
            return
        first, last = self._with_comments(first, last)
        start, end = self.index.line_start(first), self.index.line_end(last)
        indent = leading(self.text[start:end])
        missing = self.text[start + len(indent) : end]
        if missing.startswith(self.language.directives):
            # A directive stands at no indent, so the body's own indent is nowhere to be seen.
            self.left_out[LeftOut(BLOCK, "begins with a line of the preprocessor")] += 1
            return
        if _TRAILING_BLANKS.search(missing) or self._mixed:
            self.left_out[LeftOut(BLOCK, "blanks at a line's end or mixed line endings")] += 1
            return
        cut = Edit(start + len(indent), end, "")
        yield self._cut(BLOCK, cut, missing, indent, body=body)
        if not others:
            return
        if (broken := self._breaks(start, end, body.function)) is not None:
            yield self._cut(BROKEN_BLOCK, cut, missing, indent, broken, body)
        if first == 0 or not (above := self._line(first - 1)).strip() or above != above.rstrip():
            self.left_out[LeftOut(NO_LINE, "a blank line below the header")] += 1
            return
        header_end = self.index.line_end(first - 1)
        yield self._cut(NO_LINE, Edit(header_end, end, ""), missing, indent, body=body)

    def _cut(
        self, row: str, cut: Edit, missing: str, indent: str, other: Edit | None = None, body: Body | None = None
    ) -> Cut:
        whole = self.text if other is None else _apply(self.text, other)
        shift = len(other.new) - (other.end - other.start) if other is not None and other.end <= cut.start else 0
        cut = Edit(cut.start + shift, cut.end + shift, cut.new)
        return Cut(row, _apply(whole, cut), cut.start, missing, indent, whole, body)

    def _with_comments(self, first: int, last: int) -> tuple[int, int]:
        """Widen a body's lines by the comments above and below it, which some grammars keep outside of it."""
        indent = leading(self._line(first))
        line = first - 1
        while line > 0 and (line in self._comments or not self._line(line).strip()):
            first = line if line in self._comments else first
            line -= 1
        line = last + 1
        while line < self.index.num_lines and (line in self._comments or not self._line(line).strip()):
            last = line if line in self._comments and self._line(line).startswith(indent) else last
            line += 1
        return first, last

    def _breaks(self, start: int, end: int, function: Range | None) -> Edit | None:
        """Find the closing bracket whose loss breaks the code around a cut: that of the function, or one above."""
        if self.language.blocks != "indentation":
            if function is None or function.end <= end or function.start >= start:
                return None
            closer = _CLOSER.search(self.text, function.start, function.end)
            return None if closer is None else Edit(closer.start(), closer.end(), "")
        line = self.index.line_of(start)
        for above in (line - distance for distance in _LINES_ABOVE if line >= distance):
            closer = self.index.line_end(above) - 1
            if closer in self.nodes.closers:
                return Edit(closer, closer + 1, "")
        return None

    def _line(self, line: int) -> str:
        return self.text[self.index.line_start(line) : self.index.line_end(line)]

    def _comment_lines(self) -> frozenset[int]:
        """Find the lines that hold comments and nothing else."""
        found: set[int] = set()
        for comment in self.nodes.comments:
            first, last = self.index.line_of(comment.start), self.index.line_of(comment.end)
            before = self.text[self.index.line_start(first) : comment.start]
            after = self.text[comment.end : self.index.line_end(last)]
            if not before.strip() and not after.strip():
                found.update(range(first, last + 1))
        return frozenset(found)


def _apply(text: str, edit: Edit) -> str:
    return text[: edit.start] + edit.new + text[edit.end :]
