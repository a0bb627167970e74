"""An earlier fill is found from where the caret is now. `|` is the caret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api import Candidate, FillRequest
from engine.recent import Found, RecentFills


def request_at(text: str) -> FillRequest:
    prefix, suffix = text.split("|")
    return FillRequest(prefix, suffix, warm_start=True)


def found_at(now: str, *texts: str, before: str = "x = |\n") -> Found | None:
    """Return what is found at a caret after a fill, at another one, came to these texts."""
    recent = RecentFills()
    recent.remember(request_at(before), [Candidate(text, 0.0, 1) for text in texts])
    return recent.find(request_at(now))


def test_what_begins_with_the_typed_text_agrees() -> None:
    assert found_at("x = fo|\n", "foo(a)", "bar", "fob") == Found(("o(a)", "b"), best_agrees=True)
    assert found_at("x = |\n", "foo(a)", "bar") == Found(("foo(a)", "bar"), best_agrees=True)


def test_where_the_best_does_not_agree_the_others_are_alternatives() -> None:
    assert found_at("x = b|\n", "foo(a)", "bar") == Found(("ar",), best_agrees=False, alternatives=("foo(a)",))


def test_alternatives_go_on_where_they_part_from_what_was_typed() -> None:
    assert found_at("x = foo[|\n", "foo(a)", "bar") == Found((), best_agrees=False, alternatives=("(a)", "bar"))


def test_a_text_that_was_typed_to_its_end_leaves_nothing() -> None:
    assert found_at("x = foo|\n", "foo") == Found((), best_agrees=False)


def test_what_was_deleted_may_come_back_but_does_not_lead() -> None:
    assert found_at("x =|\n", "foo") == Found((" foo",), best_agrees=False)


@pytest.mark.parametrize("now", ["y = |\n", "x = |\n\n", "x = " + "f" * 100 + "|\n", "x = foo\nx = 12|\n"])
def test_another_place_is_not_found(now: str) -> None:
    assert found_at(now, "foo") is None


def test_another_kind_of_request_is_not_found() -> None:
    recent = RecentFills()
    asked = request_at("x = |\n")
    recent.remember(asked, [Candidate("foo", 0.0, 1)])
    assert recent.find(replace(asked, deadline_ms=5, num_candidates=3)) is not None
    assert recent.find(replace(asked, multiline=True)) is None
    assert recent.find(replace(asked, seed=1)) is None
    recent.clear()
    assert recent.find(asked) is None


def test_a_beginning_that_was_dropped_for_lack_of_room_does_not_matter() -> None:
    recent = RecentFills()
    recent.remember(request_at("a = 1\n" * 100 + "x = |\n"), [Candidate("foo", 0.0, 1)])
    assert recent.find(request_at("a = 1\n" * 80 + "x = f|\n")) == Found(("oo",), best_agrees=True)


def test_few_fills_are_remembered() -> None:
    recent = RecentFills()
    for number in range(20):
        recent.remember(request_at(f"x{number} = |\n"), [Candidate("foo", 0.0, 1)])
    assert sum(recent.find(request_at(f"x{number} = |\n")) is not None for number in range(20)) == 8
