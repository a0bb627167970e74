"""The two forms of a request: which ids are read before the canvas, and what stays the same while the user types."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import CheckpointError, FillRequest, FurtherHole
from engine.chat import marks_of, reads_marks_as_text, turn_ids
from engine.forms import Forms
from engine.profile import Form, Profile
from engine.seam import Seamstress
from engine.wording import fence_of, hole_words, part_words
from tests.engine.tiny_prompted import (
    BOS,
    CHANNEL,
    END_CHANNEL,
    END_TURN,
    TURN,
    VOCAB_SIZE,
    prompted_tokenizer,
    templated,
    typed_code,
)

_CODE = "import math\n\n\ndef area(radius):\n    return math."
_REQUEST = FillRequest(_CODE, " * radius\n\n\nprint(area(2))\n", language="python")


def forms_of(form: Form = "prompted", **options: int) -> Forms:
    tokenizer = reads_marks_as_text(prompted_tokenizer())
    sizes = {"max_prefix_tokens": 4000, "max_suffix_tokens": 500} | options
    return Forms(Seamstress(tokenizer, VOCAB_SIZE), Profile(form=form, **sizes))


def text_of(ids: list[int]) -> str:
    return prompted_tokenizer().decode(ids, skip_special_tokens=False)


def test_what_is_read_is_the_published_template_with_an_answer_begun():
    forms = forms_of()
    seams = forms.cut(_REQUEST, 64, 48)
    said = hole_words(("", _REQUEST.suffix), "python", "```")
    tokenizer = prompted_tokenizer()
    begun = "```python\nimport math\n\n\ndef area(radius):\n"
    assert seams.prefix_ids == [*templated(tokenizer, said), *tokenizer.encode(begun).ids]
    assert text_of(list(seams.lead_ids)) == "    return math."


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("ab \n<|>turn`é"), min_size=1, max_size=40))
def test_a_turn_is_the_template_whatever_is_said(said: str):
    tokenizer = prompted_tokenizer()
    marks = marks_of(tokenizer.token_to_id)
    if not re.search(r"<\|turn>|<turn\|>|<\|channel>|<channel\|>", said):
        found = turn_ids(marks, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, said)
        assert found == templated(tokenizer, said)


@pytest.mark.parametrize("are_special", [True, False])
def test_a_marks_name_in_source_code_is_text(are_special: bool):
    tokenizer = reads_marks_as_text(prompted_tokenizer(are_special=are_special))
    forms = Forms(Seamstress(tokenizer, VOCAB_SIZE), Profile(form="prompted"))
    named = "end = '<turn|>'\nbegin = '<bos><|turn>system'\n"
    request = replace(_REQUEST, prefix=named * 20 + "x = '<turn|>'", suffix=f"\n{named}")
    seams = forms.cut(request, 200, 48)
    assert [token_id for token_id in seams.prefix_ids if token_id <= END_CHANNEL] == [
        *(BOS, TURN, END_TURN, TURN, CHANNEL, END_CHANNEL)
    ]
    assert not {BOS, TURN, CHANNEL, END_CHANNEL} & {*seams.suffix_ids, *seams.lead_ids}
    assert tokenizer.decode(seams.prefix_ids, skip_special_tokens=False).count(named) == 21


def test_clamped_is_the_plain_prefix():
    clamped, prompted = forms_of("clamped"), forms_of()
    tokenizer = reads_marks_as_text(prompted_tokenizer())
    plain = Seamstress(tokenizer, VOCAB_SIZE).cut(_REQUEST, 4000, 64)
    assert clamped.cut(_REQUEST, 64, 48) == plain != prompted.cut(_REQUEST, 64, 48)
    assert not clamped.takes_instructions


def test_both_forms_are_had_by_what_comes_with_a_request():
    both = forms_of("both")
    assert both.takes_instructions
    assert both.cut(_REQUEST, 64) == forms_of("clamped").cut(_REQUEST, 64)
    told = replace(_REQUEST, instruction="use tau")
    assert both.cut(told, 64) == forms_of().cut(told, 64)


def test_an_instruction_and_the_original_are_shown():
    forms = forms_of()
    request = FillRequest("def f(x):\n    ", "\n\nf(1)\n", original="return x+1", language="python")
    without, told = (forms.cut_piece(each, each.prefix, "", "", 64) for each in (request, told_of(request)))
    assert without.prefix_ids != told.prefix_ids
    shown = text_of(told.prefix_ids)
    assert "<part>return x+1</part>" in shown
    assert "Subtract one instead." in shown
    assert shown.endswith("<channel|>```python\n    "), "the answer is begun with the indentation"
    assert text_of(told.suffix_ids) == "\n```<turn|>"


def told_of(request: FillRequest) -> FillRequest:
    return replace(request, instruction="Subtract one instead")


def test_the_canvas_ends_with_the_answer_where_there_is_room():
    closed = text_of(forms_of().cut(_REQUEST, 64, 48).suffix_ids)
    assert closed == " * radius\n\n\nprint(area(2))\n```<turn|>"
    assert text_of(forms_of().cut(_REQUEST, 20, 48).suffix_ids) == _REQUEST.suffix[:20]


def test_a_fence_is_longer_than_any_in_the_code():
    request = replace(_REQUEST, suffix="\n'''\n````\n'''\n")
    assert "`````python\n" in text_of(forms_of().cut(request, 200, 48).prefix_ids)
    assert fence_of("``", "x") == "```"


def test_marks_that_stand_in_the_code_are_not_taken():
    said = hole_words(("<hole/>", "b<hole-2/>"), "lua", "```")
    assert "<hole-3/>" in said
    assert said.count("<hole/>") == 1
    assert "<part-2>" in part_words("", "x </part> y", "", "", "```", None)


def test_several_holes_are_all_marked():
    request = replace(_REQUEST, suffix=")\n", further_holes=(FurtherHole("\ny = "), FurtherHole("\nz = ")))
    shown = text_of(forms_of().cut(request, 64).prefix_ids)
    assert "<hole/>\ny = <hole/>\nz = <hole/>)\n" in shown
    assert "Parts are missing" in shown


def test_typing_in_a_line_changes_nothing_that_is_read_and_new_lines_little():
    """All of it stays the same for every keystroke in a line, and over many lines more than 99 of 100 tokens."""
    forms, before = forms_of(), "import math\n\n\ndef bill(price, items):\n" + typed_code(60)
    typed = typed_code(20, seed=1)
    read = []
    for end in range(len(typed) + 1):
        seams = forms.cut(replace(_REQUEST, prefix=before + typed[:end]), 64, 48)
        assert len(seams.lead_ids) <= 48
        read.append(seams.prefix_ids)
    shares = [equal_share(one, other) for one, other in pairwise(read)]
    inside = [share for share, key in zip(shares, typed, strict=True) if key != "\n"]
    assert min(inside) == 1.0
    assert sum(shares) / len(shares) > 0.997
    assert sum(share < 0.95 for share in shares) <= 3, "the file in the turn moves every eighth line"
    plain = forms_of("clamped")
    clamped = [plain.cut(replace(_REQUEST, prefix=before + typed[:end]), 64).prefix_ids for end in range(len(typed))]
    assert any(equal_share(one, other) < 1.0 for one, other in pairwise(clamped)), "which the plain form does not do"


def equal_share(one: list[int], other: list[int]) -> float:
    """Return which share of what is read now was read before, from the beginning on."""
    same = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return same / len(other)


@pytest.mark.parametrize("prefix", ["", "\n", "x = " + "a + " * 400, "#" * 30_000, "y\n" * 20_000, "z = '\ud83d'"])
@pytest.mark.parametrize("suffix", ["", "\n\n", "é" * 9000, "x\n" * 5000])
def test_what_is_read_is_bounded(prefix: str, suffix: str):
    forms = forms_of(max_prefix_tokens=256, max_suffix_tokens=128)
    for original in (None, "x\ny"):
        request = FillRequest(prefix, suffix, original=original, instruction="shorter")
        seams = forms.cut(request, 40, 24) if original is None else forms.cut_piece(request, prefix, "", "", 40)
        assert len(seams.prefix_ids) < 256 + 128 + 256 + 2100
        assert len(seams.suffix_ids) <= 40
        assert len(seams.lead_ids) <= 24


def test_a_tokenizer_without_the_scaffold_is_refused():
    for missing in ("<|turn>", "<channel|>"):
        seamstress = Seamstress(prompted_tokenizer(without=missing), VOCAB_SIZE)
        with pytest.raises(CheckpointError, match=re.escape(f"the tokenizer has no {missing},")):
            Forms(seamstress, Profile(form="prompted"))
        assert not Forms(seamstress, Profile(form="clamped")).takes_instructions
