"""The one parser of marked text: `$0` is a caret, two of them are a selection or a hole, `\\$0` is the text `$0`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infill_lsp.text.document import Document, Snapshot

_MARK = re.compile(r"(\\?)\$0")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text without its marks, and where they stood, in code points."""

    text: str
    start: int
    end: int

    @property
    def offset(self) -> int:
        """The caret; a selection is an error here."""
        assert self.start == self.end, "a caret is wanted, and the text marks a selection"
        return self.start


def marked(text: str) -> Marked:
    """Take the marks out of a text. No mark, or more than two, is an error."""
    plain: list[str] = []
    marks: list[int] = []
    length = last = 0
    for match in _MARK.finditer(text):
        plain.append(text[last : match.start()])
        length += match.start() - last
        last = match.end()
        if match.group(1):
            plain.append("$0")
            length += 2
        else:
            marks.append(length)
    plain.append(text[last:])
    if len(marks) not in (1, 2):
        raise ValueError(f"one or two $0 are wanted, not {len(marks)}: {text!r}")
    return Marked("".join(plain), marks[0], marks[-1])


def snapshot_of(text: str, language: str = "python") -> Snapshot:
    """Open a text and freeze it."""
    return Document("file:///sample", 1, text, language).snapshot()
