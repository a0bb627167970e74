"""One check per feature of the text side. Each also asserts what always holds, whatever the case is about."""

from __future__ import annotations

from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole, HoleKind, NoHole, hole_at, hole_for_action
from infill_lsp.holes.neutral import neutral_fills
from infill_lsp.judging.gate import rejection
from infill_lsp.text.document import Snapshot
from infill_lsp.text.line_index import PositionEncoding
from infill_lsp.trees.syntax import parse
from tests.fixture import Marked, marked, snapshot_of

_ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")


def check_hole(
    text: str,
    kind: HoleKind,
    hole: str = "=",
    *,
    multiline: bool = False,
    indent: str | None = None,
    language: str = "python",
    in_text: bool = False,
    parses: bool = False,
) -> None:
    """Check the hole at the caret of `text`. `hole` is the text with the hole marked; `=` says: empty, at the caret.

    `in_text`: strings and comments are filled too. `parses`: with one of the harmless fills the whole text must parse.
    """
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    found = hole_at(snapshot, at.offset, in_strings=in_text, in_comments=in_text)
    assert isinstance(found, Hole), f"no hole: {found.reason}"
    _check_expected(found, at, text if hole == "=" else hole, kind, multiline, indent)
    line = snapshot.index.line_of(at.offset)
    assert snapshot.index.line_of(found.start) == line == snapshot.index.line_of(found.end)
    assert found.start <= at.offset <= found.end
    if found.kind != "placeholder":
        assert not snapshot.text[at.offset : found.end].strip(), "the hole takes text right of the caret"
    check_always(snapshot, found)
    if parses:
        assert _fewest_faults(snapshot, found) == 0, "no harmless fill parses"


def check_no_hole(text: str, reason: str, *, language: str = "python") -> None:
    """Check that there is no hole at the caret, and the reason."""
    at = marked(text)
    found = hole_at(snapshot_of(at.text, language), at.offset)
    assert isinstance(found, NoHole), found
    assert found.reason == reason


def check_action(
    text: str,
    kind: HoleKind,
    hole: str = "=",
    *,
    multiline: bool = False,
    indent: str | None = None,
    language: str = "python",
    parses: bool = False,
) -> None:
    """Check the hole that a code action finds at the caret or the selection of `text`."""
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    found = hole_for_action(snapshot, at.start, at.end)
    assert isinstance(found, Hole), f"no hole: {found.reason}"
    _check_expected(found, at, text if hole == "=" else hole, kind, multiline, indent)
    check_always(snapshot, found)
    if parses:
        assert _fewest_faults(snapshot, found) == 0, "no harmless fill parses"


def check_shape(text: str, candidate: str, expect: str, *, language: str = "python") -> None:
    """Check the file that a candidate of the engine leaves; `text` marks the caret, or the selection of an action."""
    snapshot, hole = _open(text, language)
    filled = shape(snapshot, hole, candidate)
    assert snapshot.text[: hole.start] + filled + snapshot.text[hole.end :] == expect
    assert shape(snapshot, hole, candidate) == filled
    check_always(snapshot, hole)


def check_rejected(text: str, fill: str, reason: str, *, language: str = "python") -> None:
    """Check that a fill may not be shown, and why."""
    snapshot, hole = _open(text, language)
    assert rejection(snapshot, hole, fill) == reason


def check_shown(text: str, fill: str, *, language: str = "python") -> None:
    """Check that a fill may be shown."""
    snapshot, hole = _open(text, language)
    assert rejection(snapshot, hole, fill) is None


def check_always(snapshot: Snapshot, hole: Hole) -> None:
    """Assert that a hole lies in its text and that its ends have a name in every encoding that leads back to them."""
    assert 0 <= hole.start <= hole.end <= len(snapshot.text)
    assert hole.why
    assert not hole.indent.strip(" \t")
    for offset in (hole.start, hole.end):
        assert snapshot.index.offset_of_byte(snapshot.index.byte(offset)) == offset
        for encoding in _ENCODINGS:
            assert snapshot.index.offset(*snapshot.index.position(offset, encoding), encoding) == offset


def _fewest_faults(snapshot: Snapshot, hole: Hole) -> int:
    before, after = snapshot.text[: hole.start], snapshot.text[hole.end :]
    trees = [parse(before + fill + after, snapshot.language) for fill in neutral_fills(snapshot, hole)]
    return min(len(tree.faults()) for tree in trees if tree is not None)


def _check_expected(found: Hole, at: Marked, hole: str, kind: HoleKind, multiline: bool, indent: str | None) -> None:
    wanted = marked(hole)
    assert wanted.text == at.text, "the two marked texts differ"
    assert (found.kind, found.start, found.end, found.multiline) == (kind, wanted.start, wanted.end, multiline)
    if indent is not None:
        assert found.indent == indent


def _open(text: str, language: str) -> tuple[Snapshot, Hole]:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_at(snapshot, at.offset) if at.start == at.end else hole_for_action(snapshot, at.start, at.end)
    assert isinstance(hole, Hole), f"no hole: {hole.reason}"
    return snapshot, hole
