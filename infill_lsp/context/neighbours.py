"""What was read of other open documents: their outlines and their text in pieces, the last ones kept.

What comes out is of the documents that the caller hands over now, so one that may not be read has no way in.
It knows no session and no setting.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from infill_lsp.context.outline import Outline, outline
from infill_lsp.context.pieces import Pieces
from infill_lsp.languages import Language, language_for
from infill_lsp.text.document import Snapshot

_MAX_DOCUMENTS = 32
_MAX_CHARS = 400_000
_PATH_NAMES = 3


@dataclass(frozen=True, slots=True)
class _Read:
    """What was made of a text."""

    text: str
    outline: Outline | None
    pieces: Pieces


class Neighbours:
    """The pieces of other documents, the last read ones kept."""

    def __init__(self) -> None:
        self._read: OrderedDict[str, _Read] = OrderedDict()

    def pieces(self, language: Language, neighbours: Sequence[Snapshot]) -> list[Pieces]:
        """Give the documents that read as code of a language, in pieces."""
        return [self._of(each).pieces for each in _of_kind(language, neighbours)]

    def outlines(self, language: Language, neighbours: Sequence[Snapshot]) -> list[tuple[str, Outline]]:
        """Give the outlines of the documents that have one, with their URIs, in their order."""
        found = ((each.uri, self._of(each).outline) for each in _of_kind(language, neighbours))
        return [(uri, known) for uri, known in found if known is not None]

    def _of(self, snapshot: Snapshot) -> _Read:
        known = self._read.get(snapshot.uri)
        if known is None or (known.text is not snapshot.text and known.text != snapshot.text):
            known = _Read(snapshot.text, outline(snapshot, -1), Pieces(snapshot.uri, snapshot.text, snapshot.language))
            self._read[snapshot.uri] = known
        self._read.move_to_end(snapshot.uri)
        while len(self._read) > _MAX_DOCUMENTS:
            self._read.popitem(last=False)
        return known

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._read.pop(uri, None)

    def keep(self, uris: frozenset[str]) -> None:
        """Forget every document but these."""
        for uri in self._read.keys() - uris:
            del self._read[uri]


def label(uri: str, language: Language) -> str:
    """Give the line of comment that stands above text of another document: the end of its path."""
    names = PurePosixPath(unquote(urlsplit(uri).path)).parts[-_PATH_NAMES:]
    path = "/".join(name.strip("/") for name in names if name.strip("/"))
    path = "".join(character for character in path if character.isprintable())
    if language.line_comments:
        return f"{language.line_comments[0]} {path}\n"
    if language.block_comments:
        opener, closer = language.block_comments[0]
        return f"{opener} {path.replace(closer, '')} {closer}\n"
    return ""


def _of_kind(language: Language, neighbours: Sequence[Snapshot]) -> list[Snapshot]:
    """Leave out what would not read as code of the language, and what is too much to read."""
    found: list[Snapshot] = []
    num_chars = 0
    for each in neighbours[:_MAX_DOCUMENTS]:
        other = language_for(each.language)
        num_chars += len(each.text)
        if num_chars > _MAX_CHARS:
            break
        if other.id == language.id or (other.family and other.family == language.family):
            found.append(each)
    return found
