"""What is guessed from a text that repeats itself: what followed the last time, and nothing where it did not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.repeats import Repeats

_IDS = st.lists(st.integers(0, 3), max_size=30)


def guessed(before: str, written: str, most: int = 99) -> str:
    """Return the guess for a text of letters."""
    return "".join(map(chr, Repeats([*map(ord, before)]).after([*map(ord, written)], most)))


def test_what_followed_the_longest_match_is_guessed():
    assert guessed("abcX_bcY_", "abc") == "X_bcY_abc"


def test_of_equal_matches_the_last_counts():
    assert guessed("bcX_bcY_", "bc", 2) == "Y_"
    assert guessed("bcX_", "bcY_bc", 2) == "Y_"


def test_a_match_may_reach_back_behind_what_is_written():
    assert guessed("abcdef_ab", "c", 3) == "def"


def test_one_token_is_no_match():
    assert guessed("aX_", "a") == ""
    assert guessed("", "a") == guessed("", "") == ""


@given(before=_IDS, written=_IDS, most=st.integers(0, 5))
def test_a_guess_is_a_part_of_the_text_behind_what_it_ends_with(before: list[int], written: list[int], most: int):
    together, guess = [*before, *written], Repeats(before).after(written, most)
    assert len(guess) <= most
    if guess:
        places = range(2, len(together))
        assert any(together[at - 2 : at] == together[-2:] and together[at : at + len(guess)] == guess for at in places)
