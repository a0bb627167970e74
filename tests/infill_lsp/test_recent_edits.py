from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.actions.difference import difference
from infill_lsp.context.recent_edits import RecentEdits

texts = st.text(alphabet="ab\n😀", max_size=30)


@given(texts, texts, texts, texts)
def test_outside_of_the_difference_texts_are_equal(before: str, old: str, new: str, after: str) -> None:
    first, second = before + old + after, before + new + after
    found = difference(first, second)
    assert first[: found.start] == second[: found.start]
    assert first[found.old_end :] == second[found.old_end + found.shift :]
    assert 0 <= found.start <= found.old_end <= len(first)
    assert found.start <= found.old_end + found.shift
    assert found.is_any == (first != second)


def test_the_last_places_are_remembered_and_move_with_the_text() -> None:
    edits = RecentEdits()
    text = "0123456789" * 200
    edits.look("a", text)
    assert not edits.places
    text = text[:1_500] + "new" + text[1_500:]
    edits.look("a", text)
    assert edits.places["a"] == (1_500,)
    edits.look("a", "xx" + text)
    assert edits.places["a"] == (0, 1_502)
    edits.look("a", "xx" + text)
    assert edits.places["a"] == (0, 1_502)


def test_a_place_that_is_typed_in_is_one_place() -> None:
    edits = RecentEdits()
    for length in range(50):
        edits.look("a", "x" * 1_000 + "typed" * length)
    assert len(edits.places["a"]) == 1
    edits.forget("a")
    assert not edits.places
