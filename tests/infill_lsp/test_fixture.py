from __future__ import annotations

import pytest

from tests.fixture import Marked, marked


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        ("a$0b", Marked("ab", 1, 1)),
        ("$0", Marked("", 0, 0)),
        ("😀$0b$0c", Marked("😀bc", 1, 2)),
        ("\\$0a$0", Marked("$0a", 3, 3)),
    ],
)
def test_marks_are_taken_out_and_escaped_ones_stay(text: str, expect: Marked) -> None:
    assert marked(text) == expect


@pytest.mark.parametrize("text", ["", "a", "\\$0", "$0$0$0"])
def test_a_missing_mark_or_one_too_many_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="one or two"):
        marked(text)


def test_a_selection_has_no_caret() -> None:
    with pytest.raises(AssertionError):
        _ = marked("$0a$0").offset
