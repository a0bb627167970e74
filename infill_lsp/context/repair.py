"""Broken code made whole for a moment: the brackets that are missing at a place are put in, and the text parsed again.

While someone types, closers are missing and a tree can lose half a file. What comes out serves to see what encloses the
place; no fill is judged by it. It knows no hole and no outline.
"""

from __future__ import annotations

from collections.abc import Iterator

from infill_lsp.languages import language_for
from infill_lsp.reading.scan import missing_closers, place_at
from infill_lsp.text.document import Snapshot
from infill_lsp.text.line_index import LineIndex
from infill_lsp.trees.syntax import parse

_MAX_CHARS = 40_000  # several parses of more would keep everything else waiting


def repaired(snapshot: Snapshot, offset: int) -> Snapshot | None:
    """Return a snapshot with something put in at an offset so that less of it is broken; None: nothing helps."""
    if snapshot.tree is None or not snapshot.tree.has_faults or len(snapshot.text) > _MAX_CHARS:
        return None
    least, best = len(snapshot.tree.faults()), None
    for fill in _fills(snapshot, offset):
        text = snapshot.text[:offset] + fill + snapshot.text[offset:]
        index = LineIndex(text)
        tree = parse(text, snapshot.language, index=index)
        if tree is None:
            break
        num_faults = len(tree.faults())
        if num_faults < least:
            least = num_faults
            best = Snapshot(snapshot.uri, snapshot.version, text, snapshot.language, index, tree)
        if not num_faults:
            break
    return best


def _fills(snapshot: Snapshot, offset: int) -> Iterator[str]:
    """Yield what may make the text whole, likeliest first, each once."""
    language = language_for(snapshot.language)
    place = place_at(snapshot, offset)
    if place.where != "code":
        return
    closers = missing_closers(snapshot.text, offset, language, place.frames)
    expression = next((fill for fill in language.neutral_expressions if fill), "_")
    fills = [closers, expression + closers]
    if language.statement_needs_end:
        # A statement ends before the brace that closes its block.
        inner = closers.rstrip("}")
        fills += [part + inner + language.statement_end + closers[len(inner) :] for part in ("", expression)]
    fills += [fill + closers for fill in language.neutral_statements[:1]]
    yield from dict.fromkeys(fill for fill in fills if fill)
