from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.fitting.suggestion import Suggestion
from infill_lsp.ghost.reuse import is_typed_out, rest
from infill_lsp.holes.hole import Hole, hole_at
from tests.fixture import marked, snapshot_of


def left(before: str, suggested: str, after: str) -> tuple[Suggestion, str] | None:
    """Suggest at the caret of `before`, look at `after`: the rest of the suggestion, and the file it would leave."""
    at = marked(before)
    first = snapshot_of(at.text)
    hole = hole_at(first, at.offset)
    assert isinstance(hole, Hole)
    now = marked(after)
    second = snapshot_of(now.text)
    found = rest(first, Suggestion(hole.start, hole.end, suggested, -0.5), second, now.offset)
    if found is None:
        return None
    assert found.score == -0.5
    assert found.start <= now.offset <= found.end
    return found, second.text[: found.start] + found.text + second.text[found.end :]


@pytest.mark.parametrize(
    ("before", "suggested", "after", "text"),
    [
        ("x = $0\n", "foo(a)", "x = $0\n", "foo(a)"),
        ("x = $0\n", "foo(a)", "x = f$0\n", "oo(a)"),
        ("x = $0\n", "foo(a)", "x = foo($0\n", "a)"),
        ("x = $0\n", "foo(a)", "x = foo(a$0\n", ")"),
        ("x = $0  \n", "foo(a)", "x = fo$0  \n", "o(a)"),
        ("bar($0)\n", "é😀, b", "bar(é😀$0)\n", ", b"),
        ("def f():\n    $0\n", "x = 1\n    return x", "def f():\n    x = 1\n$0\n", "    return x"),
        ("def f():\n$0\n", "    return x", "def f():\n    $0\n", "return x"),
        ("def f():\n    $0\n", "return x", "def f():\n    ret$0\n", "urn x"),
        # The editor closed the bracket by itself.
        ("x = $0\n", "foo(a)", "x = foo($0)\n", "a"),
        ("x = $0\n", "'abc'", "x = '$0'\n", "abc"),
        # ... and the suggestion goes on behind it.
        ("x = $0\n", "foo(a);", "x = foo($0)\n", "a);"),
        ("x = $0\n", "[1][0]", "x = [$0]\n", "1][0"),
    ],
)
def test_while_the_user_types_what_was_suggested_the_rest_is_left(
    before: str, suggested: str, after: str, text: str
) -> None:
    found = left(before, suggested, after)
    assert found is not None
    assert found[0].text == text
    at = marked(before)
    hole = hole_at(snapshot_of(at.text), at.offset)
    assert isinstance(hole, Hole)
    assert found[1] == at.text[: hole.start] + suggested + at.text[hole.end :], (
        "typed and taken is not as taken at once"
    )


@pytest.mark.parametrize(
    ("before", "suggested", "after"),
    [
        ("x = $0\n", "foo(a)", "x = g$0\n"),
        ("x = $0\n", "foo(a)", "x = F$0\n"),
        ("x = $0\n", "foo(a)", "x = foo(a)$0\n"),
        ("x = $0\n", "foo(a)", "x = foo(a)b$0\n"),
        ("x = $0\n", "foo(a)", "x =$0\n"),
        ("x = $0\n", "foo(a)", "y = f$0\n"),
        ("x = $0\n", "foo(a)", "x = f$0\ny = 1\n"),
        ("x = $0\n", "foo(a)", "x = f$0]\n"),
        ("x = $0\n", "foo(a);", "x = foo($0]\n"),
        ("x = $0\n", "foo(a)", "x = foo(a$0)\n"),
        ("x = $0\n", "foo", "x = f$0o\n"),
        ("x = $0\n", "foo(a)", "x = $0f\n"),
        ("x = $0\ny = 1\n", "foo(a)", "x = \ny$0 = 1\n"),
        ("x = $0\n", "foo(a)", "$0"),
    ],
)
def test_anything_else_that_happened_ends_the_suggestion(before: str, suggested: str, after: str) -> None:
    assert left(before, suggested, after) is None


@pytest.mark.parametrize(
    ("suggested", "after", "out"),
    [
        ("foo(a)", "x = foo(a)$0\n", True),
        ("foo(a)", "x = foo(a)  # and more$0\n", True),
        ("foo(a)", "x = foo(a$0\n", False),
        ("foo(a)", "x = foo(a)$0", False),
        ("foo(a)", "y = foo(a)$0\n", False),
    ],
)
def test_a_suggestion_that_stands_in_the_text_was_typed_or_taken(suggested: str, after: str, out: bool) -> None:
    before = snapshot_of("x = \n")
    assert is_typed_out(before, Suggestion(4, 4, suggested, 0.0), snapshot_of(marked(after).text)) is out


def test_what_is_left_is_as_sure_as_the_whole() -> None:
    left_over = rest(snapshot_of("x = \n"), Suggestion(4, 4, "12", -1.0, 0.25), snapshot_of("x = 1\n"), 5)
    assert left_over == Suggestion(5, 5, "2", -1.0, 0.25)


def test_a_suggestion_is_for_its_own_document() -> None:
    first = snapshot_of("x = \n")
    other = replace(first, uri="file:///other")
    suggestion = Suggestion(4, 4, "1", 0.0)
    assert rest(first, suggestion, first, 4) == suggestion
    assert rest(first, suggestion, other, 4) is None


@given(
    st.text("ab(", max_size=5),
    st.integers(0, 5),
    st.integers(0, 5),
    st.text("ab(", max_size=4),
    st.text("ab(", max_size=9),
)
def test_a_suggestion_is_typed_out_where_the_text_begins_and_ends_so(
    before: str, start: int, end: int, suggested: str, after: str
) -> None:
    start, end = sorted((min(start, len(before)), min(end, len(before))))
    head, tail = before[:start] + suggested, before[end:]
    expected = after.startswith(head) and after.endswith(tail) and len(after) >= len(head) + len(tail)
    assert is_typed_out(snapshot_of(before), Suggestion(start, end, suggested, 0.0), snapshot_of(after)) is expected
