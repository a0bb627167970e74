"""What rows may hold and what ends them, on a vocabulary of a few tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.api import FillRequest, RequestError
from engine.causal_prompt import Prompt
from engine.causal_rows import Rules
from engine.causal_rules import Vocabulary, rules_for
from engine.seam import Seams

_END, _A, _AB, _BREAK, _CLOSE = range(5)
_VOCABULARY = Vocabulary(("", "a", "ab", "\n", ")\n"), frozenset({_BREAK, _CLOSE}), frozenset({_END}))
_TOLD = Prompt([1], 1, shows_suffix=True, end_ids=frozenset({_END}))
_UNTOLD = replace(_TOLD, shows_suffix=False)
_SEAMS = Seams([1], [_A, _AB, _A, _AB, _A, _AB, _A], "", ())


def rules(request: FillRequest, prompt: Prompt = _TOLD, seams: Seams = _SEAMS) -> Rules:
    return rules_for(request, seams, prompt, _VOCABULARY, 20, torch.device("cpu"))


def possible(asked: Rules) -> tuple[set[int], set[int]]:
    """Return what may stand first, and what may stand anywhere else."""
    anywhere, at_first = asked.limits.anywhere, asked.limits.anywhere | asked.limits.at_first
    return {*(~at_first).nonzero().flatten().tolist()}, {*(~anywhere).nonzero().flatten().tolist()}


def test_a_model_that_sees_the_suffix_ends_its_line_or_says_so():
    asked = rules(FillRequest("", ""))
    assert asked.closing_ids == {_END, _BREAK, _CLOSE}
    assert asked.follow_ids == (_END, _BREAK), "a bracket is no end"
    assert asked.tail_ids == ()
    assert possible(asked) == ({_END, _A, _AB, _BREAK, _CLOSE},) * 2


def test_several_lines_end_by_a_mark_alone():
    asked = rules(FillRequest("", "", multiline=True))
    assert asked.closing_ids == {_END}
    assert asked.follow_ids == (_END,)
    assert possible(asked) == ({_END, _A, _AB}, {_END, _A, _AB, _BREAK, _CLOSE})


def test_a_model_that_does_not_see_the_suffix_is_asked_where_it_follows():
    asked = rules(FillRequest("", "", multiline=True), _UNTOLD)
    assert asked.follow_ids == (_A,)
    assert asked.tail_ids == tuple(_SEAMS.suffix_ids)
    assert possible(asked)[0] == {_A, _AB}, "it cannot tell that there is nothing to add"
    short = rules(FillRequest("", ""), _UNTOLD, replace(_SEAMS, suffix_ids=[_A]))
    assert short.tail_ids == ()
    assert rules(FillRequest("", ""), _UNTOLD, replace(_SEAMS, suffix_ids=[])).follow_ids == (_END, _BREAK)


def test_a_known_length_has_no_end_but_its_own():
    asked = rules(FillRequest("", "", exact_hole_tokens=7, max_hole_tokens=3))
    assert (asked.closing_ids, asked.follow_ids, asked.max_tokens) == (frozenset(), (), 7)
    assert possible(asked) == ({_A, _AB}, {_A, _AB})
    several = rules(FillRequest("", "", exact_hole_tokens=7, multiline=True))
    assert possible(several)[1] == {_A, _AB, _BREAK, _CLOSE}
    with pytest.raises(RequestError, match="a hole of 21 tokens does not fit"):
        rules(FillRequest("", "", exact_hole_tokens=21))
    assert rules(FillRequest("", "", max_hole_tokens=90)).max_tokens == 20


def test_what_was_typed_of_a_token_goes_on():
    asked = rules(FillRequest("a", ""), seams=replace(_SEAMS, typed="a", first_ids=(_AB,)))
    assert possible(asked)[0] == {_AB}
