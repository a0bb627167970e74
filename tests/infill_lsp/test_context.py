from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import FillRequest
from infill_lsp.context.context import request_for
from infill_lsp.holes.hole import Hole, hole_at, hole_for_action
from tests.fixture import marked, snapshot_of


def request(text: str, max_prefix_chars: int = 6000, max_suffix_chars: int = 2000) -> FillRequest:
    at = marked(text)
    snapshot = snapshot_of(at.text)
    hole = hole_at(snapshot, at.offset) if at.start == at.end else hole_for_action(snapshot, at.start, at.end)
    assert isinstance(hole, Hole), hole
    made = request_for(
        snapshot,
        hole,
        num_candidates=3,
        max_prefix_chars=max_prefix_chars,
        max_suffix_chars=max_suffix_chars,
        deadline_ms=700,
    )
    assert len(made.prefix) <= max_prefix_chars
    assert len(made.suffix) <= max_suffix_chars
    return made


def test_the_request_is_the_text_around_the_hole() -> None:
    made = request("a = 1\nx = $0  \nb = 2\n")
    assert (made.prefix, made.suffix) == ("a = 1\nx = ", "\nb = 2\n")
    assert (made.multiline, made.num_candidates, made.deadline_ms) == (False, 3, 700)


def test_the_hole_itself_is_not_told() -> None:
    made = request("def f():\n    ...$0\n")
    assert (made.prefix, made.suffix, made.multiline) == ("def f():\n    ", "\n", True)
    assert request("x = $0old$0 + 1\n").prefix == "x = "


def test_a_body_may_be_longer_than_a_line() -> None:
    assert request("def f():\n    $0\n").max_hole_tokens > request("x = $0\n").max_hole_tokens


def test_an_indent_that_is_missing_counts_as_prefix() -> None:
    assert request("def f():\n$0\nx = 1\n").prefix == "def f():\n    "
    assert request("def f():\n  x = 1\n $0\n").prefix == "def f():\n  x = 1\n  "


def test_line_breaks_marks_and_broken_characters_are_made_plain() -> None:
    made = request("\ufeffa = '😀'\r\nb = '\ud83d'\r\nx = $0\rc = '\ud83d\ude00'\r\n")
    assert made.prefix == "a = '😀'\nb = '\ufffd'\nx = "
    assert made.suffix == "\nc = '😀'\n"


@pytest.mark.parametrize(
    ("max_prefix_chars", "prefix"),
    [
        (100, "aaa = 1\nbbb = 2\nx = "),
        (20, "aaa = 1\nbbb = 2\nx = "),
        (19, "bbb = 2\nx = "),
        (12, "bbb = 2\nx = "),
        (11, "x = "),
        (4, "x = "),
        (3, " = "),
        (0, ""),
    ],
)
def test_the_prefix_begins_at_a_line_start_that_fits(max_prefix_chars: int, prefix: str) -> None:
    assert request("aaa = 1\nbbb = 2\nx = $0\n", max_prefix_chars=max_prefix_chars).prefix == prefix


@pytest.mark.parametrize(
    ("max_suffix_chars", "suffix"),
    [
        (100, ")\naaa = 1\nbbb = 2"),
        (17, ")\naaa = 1\nbbb = 2"),
        (16, ")\naaa = 1\n"),
        (10, ")\naaa = 1\n"),
        (9, ")\n"),
        (2, ")\n"),
        (1, ")"),
        (0, ""),
    ],
)
def test_the_suffix_ends_at_a_line_end_that_fits(max_suffix_chars: int, suffix: str) -> None:
    assert request("x = foo($0)\naaa = 1\nbbb = 2", max_suffix_chars=max_suffix_chars).suffix == suffix


texts = st.lists(st.sampled_from(["a = 1\n", "b = 2\r\n", "\r", "\n", "é😀 = 3\n", "\ud83d"]), max_size=12).map("".join)


@settings(deadline=None)
@given(texts, texts, st.integers(0, 40), st.integers(0, 40))
def test_the_request_is_within_its_budget_and_always_the_same(
    before: str, after: str, max_prefix_chars: int, max_suffix_chars: int
) -> None:
    text = before + "\nx = $0\n" + after
    made = request(text, max_prefix_chars, max_suffix_chars)
    assert made == request(text, max_prefix_chars, max_suffix_chars)
    whole = request(text, 10_000, 10_000)
    assert whole.prefix.endswith(made.prefix)
    assert whole.suffix.startswith(made.suffix)


def test_a_keystroke_leaves_the_beginning_of_a_long_prefix_where_it_was() -> None:
    text = "value = name\n" * 500
    prefixes = [request(text + "x = " + "a" * typed + "$0\n", max_prefix_chars=800).prefix for typed in range(60)]
    assert len({prefix[:20] for prefix in prefixes}) <= 2
    assert all(600 < len(prefix) <= 800 for prefix in prefixes)


def test_the_request_says_whether_it_reaches_the_ends_of_the_file() -> None:
    whole = request("aaa = 1\nx = $0\nbbb = 2\n")
    assert (whole.starts_file, whole.ends_file) == (True, True)
    part = request("aaa = 1\nx = $0\nbbb = 2\n", max_prefix_chars=5, max_suffix_chars=3)
    assert (part.starts_file, part.ends_file) == (False, False)
