"""What is rewritten of a selection, what stays, and whether a rewriting kept it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.actions.rewrite_region import Region, joined, places_of, region_in, without
from infill_lsp.holes.hole import NoHole
from tests.fixture import marked, snapshot_of


def region_of(text: str, *keep: tuple[int, int], language: str = "python") -> tuple[Region, str]:
    at = marked(text)
    region = region_in(snapshot_of(at.text, language), at.start, at.end, keep)
    assert isinstance(region, Region), region
    original = at.text[region.hole.start : region.hole.end]
    assert all(0 <= start < end <= len(original) for start, end in region.locked)
    return region, original


def test_a_kept_line_is_locked_with_the_line_breaks_around_it() -> None:
    region, original = region_of("$0a = 1\r\nb = 2  # infill: keep\r\nc = 3$0\r\n")
    assert [original[start:end] for start, end in region.locked] == ["\r\nb = 2  # infill: keep\r\n"]
    region, original = region_of("x = 1\n$0a = 1  # infill: keep\nb = 2  # infill: keep\nc = 3$0\n")
    assert [original[start:end] for start, end in region.locked] == ["a = 1  # infill: keep\nb = 2  # infill: keep\n"]


def test_what_only_looks_like_a_marker_locks_nothing() -> None:
    region, _ = region_of("$0a = 'infill: keep'\nb = infill[keep]\nc = 1  # infill: keeper$0\n")
    assert region.locked == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$0  $0\n", "nothing is selected"),
        ("$0a = 1  # infill: keep$0\n", "every selected line is to be kept"),
        ("a = 'b$0cd$0e'\n", "the selection begins in a comment or a string"),
    ],
)
def test_what_cannot_be_rewritten_has_a_reason(text: str, reason: str) -> None:
    at = marked(text)
    found = region_in(snapshot_of(at.text), at.start, at.end)
    assert isinstance(found, NoHole)
    assert found.reason == reason


_TEXT = st.text("ab\n", max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(_TEXT, st.text("ab\n", min_size=1, max_size=4)), min_size=1, max_size=4), _TEXT, st.data())
def test_a_rewriting_that_changes_only_what_is_free_is_always_believed(
    parts: list[tuple[str, str]], tail: str, data: st.DataObject
) -> None:
    original, text, spans = "", "", []
    for free, kept in parts:
        original += free
        text += data.draw(_TEXT) if free else ""
        spans.append((len(original), len(original) + len(kept)))
        original, text = original + kept, text + kept
    original += tail
    text += data.draw(_TEXT) if tail else ""
    locked = joined(spans)
    places = places_of(text, original, locked)
    assert places is not None
    assert [text[place : place + end - start] for place, (start, end) in zip(places, locked, strict=True)] == [
        original[start:end] for start, end in locked
    ]
    assert len(without(original, locked)) == len(original) - sum(end - start for start, end in locked)


def test_what_is_gone_or_moved_from_an_end_is_noticed() -> None:
    assert places_of("xb", "ab", ((0, 1),)) is None
    assert places_of("ba", "ab", ((0, 1),)) is None
    assert places_of("bax", "ba", ((1, 2),)) is None
    assert places_of("ba", "ab", ((0, 2),)) is None
    assert places_of("xay", "bac", ((1, 2),)) == [1]
