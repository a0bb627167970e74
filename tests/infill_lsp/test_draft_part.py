"""What a preview shows of a draft: the lines that a suggestion would keep, token by token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import Draft, DraftToken
from infill_lsp.fitting.draft_part import within_hole
from infill_lsp.holes.hole import Hole, hole_for_action
from tests.fixture import marked, snapshot_of

BODY = "def f(a):\n    $0...\n\nx = 1\n"


def drawn(text: str, tokens: list[str]) -> list[str]:
    sample = marked(text)
    snapshot = snapshot_of(sample.text)
    hole = hole_for_action(snapshot, sample.start, sample.start)
    assert isinstance(hole, Hole)
    draft = Draft(1, tuple(DraftToken(each, "accepted") for each in tokens), 0.0)
    return [token.text for token in within_hole(snapshot, hole, draft).tokens]


@pytest.mark.parametrize(
    ("tokens", "expect"),
    [
        (["b = a", "\n    ", "return b", "\n\n", "def g():", "\n    pass"], ["b = a", "\n    ", "return b"]),
        (["b = a", "\n    c", " = b\ndef", " g(): pass"], ["b = a", "\n    c", " = b"]),
        (["b = a\n    return b\nx", " = 2"], ["b = a\n    return b"]),
        (["\n    b", " = a\n", "\ndef g():"], ["\n    b", " = a"]),
        (["b = a", "\n    return b"], ["b = a", "\n    return b"]),
        (["b = a"], ["b = a"]),
        (["", "", ""], ["", "", ""]),
    ],
)
def test_lines_behind_the_holes_end_are_not_drawn(tokens: list[str], expect: list[str]) -> None:
    assert drawn(BODY, tokens) == expect


@given(st.lists(st.sampled_from(["a", "(", ")", "\n", "\r\n", "    ", "return ", '"', "#", "é", ""]), max_size=12))
def test_what_is_drawn_is_a_beginning_of_the_draft(tokens: list[str]) -> None:
    text = "".join(tokens)
    kept = "".join(drawn(BODY, tokens))
    assert text.startswith(kept)
    assert kept or not text.strip()
