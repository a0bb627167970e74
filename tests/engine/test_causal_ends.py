"""Where rows that were written left to right end, with a tokenizer that has `)` and a line break as one token."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.api import Candidate
from engine.causal_ends import distinct, told_fills, untold_fills
from engine.causal_rows import CausalRow
from engine.causal_tokenizer import causal_tokenizer
from engine.seam import Seamstress
from tests.engine.tiny_causal import gemma_tokenizer


@pytest.fixture(scope="module")
def seamstress() -> Seamstress:
    tokenizer = causal_tokenizer(gemma_tokenizer()).tokenizer
    return Seamstress(tokenizer, tokenizer.get_vocab_size(), ((), ()))


def row_of(seamstress: Seamstress, text: str, follows: Sequence[float], closing: str | None = None) -> CausalRow:
    """Return a row whose tokens are all as likely."""
    ids = tuple(seamstress.ids_of(text))
    closing_ids = None if closing is None else seamstress.ids_of(closing)
    assert closing_ids is None or len(closing_ids) == 1
    closing_id = None if closing_ids is None else closing_ids[0]
    return CausalRow(ids, (-0.5,) * len(ids), tuple(follows), closing_id, -1.0, is_over=closing is not None)


def texts(seamstress: Seamstress, fills: Sequence[object]) -> list[str]:
    return [seamstress.text(fill.holes[0]) for fill in fills]  # type: ignore[attr-defined]


def test_a_token_that_ends_the_line_keeps_what_stands_before_the_break(seamstress: Seamstress):
    row = row_of(seamstress, "add(a", [-9.0] * 6, closing=")\n")
    (fill,) = told_fills([row], seamstress, whole_lines=False)
    assert seamstress.text(fill.holes[0]) == "add(a)"
    assert fill.causal == (*row.log_probs, -1.0, 0.0), "the one token says both"
    plain = row_of(seamstress, "add(a", [-9.0] * 6, closing="\n")
    (fill,) = told_fills([plain], seamstress, whole_lines=False)
    assert seamstress.text(fill.holes[0]) == "add(a"
    assert fill.causal == (*plain.log_probs, -1.0)


def test_rows_that_were_closed_go_before_those_that_were_not(seamstress: Seamstress):
    closed = row_of(seamstress, "a", [-9.0] * 2, closing="\n")
    cut = row_of(seamstress, "bb", [-9.0] * 2)
    assert texts(seamstress, told_fills([cut, closed], seamstress, whole_lines=False)) == ["a"]
    assert len(told_fills([cut], seamstress, whole_lines=False)) == 1


def test_a_row_that_was_not_closed_is_cut_where_it_was_nearest_to_its_end(seamstress: Seamstress):
    ids = seamstress.ids_of("add(a, b")
    follows = [-9.0] * len(ids)
    follows[3] = -0.1
    row = row_of(seamstress, "add(a, b", follows)
    (fill,) = told_fills([row], seamstress, whole_lines=False)
    assert seamstress.text(fill.holes[0]) == "add"
    assert fill.causal == (-0.5, -0.5, -0.5, -0.1)
    lines = row_of(seamstress, "a\nb\nb", [-9.0, -0.1, -9.0, -1.0, -0.1])
    (fill,) = told_fills([lines], seamstress, whole_lines=True)
    assert seamstress.text(fill.holes[0]) in ("a", "a\nb")
    one = row_of(seamstress, "a", [-9.0])
    assert texts(seamstress, told_fills([one], seamstress, whole_lines=True)) == ["a"]


def test_the_best_places_are_scored_with_the_suffix_behind_them(seamstress: Seamstress):
    asked: list[list[int]] = []

    def log_probs(rows: Sequence[Sequence[int]]) -> list[list[float]]:
        asked.extend([list(row) for row in rows])
        return [[-1.0] * len(row) for row in rows]

    follows = [-9.0, -9.0, -0.1, -9.0, -0.2, -9.0, -9.0, -0.3, -8.0]
    row = row_of(seamstress, "add(a,bb", follows, closing=")\n")
    suffix_ids = seamstress.ids_of("; return a + b + a + b")
    found = untold_fills([row], suffix_ids, seamstress, log_probs, whole_lines=False)
    assert texts(seamstress, found)[:3] == ["ad", "add(", "add(a,b"]
    assert texts(seamstress, found)[-1] == "add(a,bb)"
    assert len(found) == 5
    assert asked == [[*fill.holes[0], *suffix_ids[:8]] for fill in found]
    assert (
        untold_fills([row_of(seamstress, "", [-1.0], closing="\n")], [], seamstress, log_probs, whole_lines=False) == []
    )


def test_candidates_that_differ_by_white_space_alone_are_one():
    found = [Candidate(text, -float(place), 1) for place, text in enumerate(["a +b", "a+b", "c", "a + b\n", "d"])]
    assert [one.text for one in distinct(found)] == ["a +b", "c", "d"]
