from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.ghost.quiet import why_quiet
from infill_lsp.ghost.rhythm import Edit, Rhythm, pause_s

KEY, BACKSPACE, REPLACED, NOTHING = Edit(1, 0, 1), Edit(1, 1, 0), Edit(1, 3, 1), Edit(1, 0, 0)


def typed(*times: float, edit: Edit = KEY) -> Rhythm:
    rhythm = Rhythm()
    for at in times:
        rhythm.edited(edit, at)
    return rhythm


@pytest.mark.parametrize(
    ("times", "gap_s"),
    [
        ((), None),
        ((5,), None),
        ((5, 5.5), None),
        ((5, 5.5, 6), 0.5),
        ((0, 0.25, 0.75, 1.5), 0.5),
        ((0, 0.125, 0.25, 1.125), 0.125),
        # Who stops to think types no slower for it.
        ((0, 0.125, 60, 60.125), 0.125),
        # What was typed long ago is forgotten.
        ((*range(20), *(20 + each / 4 for each in range(9))), 0.25),
    ],
)
def test_the_rhythm_is_the_median_of_the_last_gaps(times: tuple[float, ...], gap_s: float | None) -> None:
    assert typed(*times).gap_s == gap_s


def test_keys_that_the_editor_collected_are_keys() -> None:
    rhythm = typed(0.0, 0.5)
    rhythm.edited(Edit(2, 0, 2), 1.5)
    assert rhythm.gap_s == 0.5


@pytest.mark.parametrize(
    ("gap_s", "fill_s", "expected"),
    [
        (None, None, 0.1),
        (None, 3.0, 0.1),
        (0.2, 0.15, 0.1),  # the fill is done before the next key
        (0.2, 0.2, 0.3),
        (0.2, None, 0.3),
        (0.02, 1.0, 0.1),
        (0.9, 5.0, 0.4),
    ],
)
def test_the_pause_fits_the_rhythm_where_fills_are_slow(
    gap_s: float | None, fill_s: float | None, expected: float
) -> None:
    assert pause_s(0.1, gap_s, fill_s) == pytest.approx(expected)


@given(st.floats(0, 10), st.none() | st.floats(0, 1), st.none() | st.floats(0, 600))
def test_the_pause_is_bounded_by_the_setting(base_s: float, gap_s: float | None, fill_s: float | None) -> None:
    assert base_s <= pause_s(base_s, gap_s, fill_s) <= 4 * base_s


def test_time_since_the_last_key_counts_once() -> None:
    rhythm = typed(1.0)
    assert rhythm.asked(1.25) == 0.25
    assert rhythm.asked(9.0) == 0.0, "the caret moved"
    rhythm.edited(KEY, 10.0)
    assert rhythm.asked(10.5) == 0.5
    assert Rhythm().asked(3.0) == 0.0


@pytest.mark.parametrize(
    ("edits", "is_quiet"),
    [
        ([], False),
        ([KEY], False),
        ([KEY, BACKSPACE], True),
        ([BACKSPACE, NOTHING], True),
        ([BACKSPACE, KEY], False),
        ([BACKSPACE, REPLACED], False),
    ],
)
def test_who_deletes_is_left_in_peace(edits: list[Edit], is_quiet: bool) -> None:
    rhythm = Rhythm()
    for at, edit in enumerate(edits):
        rhythm.edited(edit, at)
    assert (why_quiet(rhythm) is not None) is is_quiet
