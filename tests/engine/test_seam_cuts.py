"""Token healing at every place of real files, with the bundled tokenizer: no cut changes the text on either side."""

from __future__ import annotations

import abc
import bisect
import sched
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engine.api import FillRequest
from engine.candidates import Fill, candidates
from engine.local import BUNDLED
from engine.seam import Seams, Seamstress

_BUDGET = 10_000


@cache
def seamstress() -> Seamstress:
    return Seamstress(Tokenizer.from_file(str(BUNDLED / "tokenizer.json")), 8192)


def text_of(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def cut_at(text: str, start: int, end: int) -> Seams:
    request = FillRequest(text[:start], text[end:], starts_file=False, ends_file=False)
    return seamstress().cut(request, _BUDGET, _BUDGET)


def check_cut(text: str, start: int, end: int) -> None:
    """Assert that a hole leaves its surroundings as they are, and that its true text fills it."""
    seams, fill = cut_at(text, start, end), text[start:end]
    before, after = seamstress().text(seams.prefix_ids) if start else "", seamstress().text(seams.suffix_ids)
    if len(seams.typed) < start:
        assert before + seams.typed == text[:start]
    assert seams.rest + after == text[end:]
    hole_ids = seamstress().ids_of(seams.typed + fill + seams.rest)
    assert seamstress().text(hole_ids) == seams.typed + fill + seams.rest
    found = candidates([Fill([hole_ids])], seams, seamstress(), lambda ids: torch.zeros(len(ids)))
    kept = fill if seams.rest else fill.rstrip()
    assert [candidate.text for candidate in found] == ([kept] if kept.strip() else [])


@pytest.mark.parametrize("module", [bisect, abc], ids=lambda module: module.__name__)
def test_every_cut_of_a_file(module: ModuleType) -> None:
    text = text_of(module)[:1500]
    for start in range(len(text) + 1):
        line_end = text.find("\n", start)
        for end in {start, min(start + 5, len(text)), line_end if line_end >= 0 else len(text)}:
            check_cut(text, start, end)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_hole_of_a_larger_file(data: st.DataObject) -> None:
    text = text_of(sched)
    start = data.draw(st.integers(0, len(text)))
    check_cut(text, start, data.draw(st.integers(start, min(len(text), start + 200))))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=40))
def test_any_text_at_all(prefix: str, fill: str, suffix: str) -> None:
    text = (prefix + fill + suffix).replace("\r", "")
    start = min(len(prefix), len(text))
    check_cut(text, start, min(len(text), start + len(fill)))


def test_a_suffix_that_begins_between_tokens_has_the_tokens_of_the_whole_text() -> None:
    text = text_of(bisect)[:1500]
    whole = seamstress().tokens(text)
    for index, (_, end) in enumerate(whole[:-20]):
        seams = cut_at(text, end, end)
        if not seams.rest:
            assert seams.suffix_ids[:15] == [token_id for token_id, _ in whole[index + 1 : index + 16]]


def test_a_prefix_nearly_always_has_the_tokens_of_the_whole_text() -> None:
    text = text_of(bisect)[:3000]
    ids = [token_id for token_id, _ in seamstress().tokens(text)]
    cuts = [cut for cut in range(1, len(text)) if not text[:cut].endswith("  ")]  # Nobody fills half an indent.
    kept = [seams.prefix_ids for cut in cuts if len((seams := cut_at(text, cut, cut)).typed) < cut]
    astray = sum(prefix_ids != ids[: len(prefix_ids)] for prefix_ids in kept)
    assert astray < 0.05 * len(cuts)


@pytest.mark.parametrize(
    ("text", "typed", "rest"),
    [
        ("self.na|me = 3", "na", "me"),
        ("x = na|me", " na", "me"),
        ("f(na|me_of)", "na", "me_of"),
        ("abstractproper|ty(", "proper", "ty"),
        ("x = |name", " ", ""),
        ("f(|name)", "", ""),
        ("x1|y", "", ""),
        ("na|1", "na", ""),
    ],
)
def test_a_hole_inside_a_word_takes_in_all_of_it(text: str, typed: str, rest: str) -> None:
    prefix, suffix = text.split("|")
    seams = seamstress().cut(FillRequest("y = 1\n" + prefix, suffix), 64, 16)
    assert (seams.typed, seams.rest) == (typed, rest)


def test_a_fill_that_breaks_the_word_is_none() -> None:
    seams = cut_at("self.name = 3\n", 7, 7)
    fills = [Fill([seamstress().ids_of(text)]) for text in ("name", "native", "namespace", "nap, me", "names_of_me")]
    found = candidates(fills, seams, seamstress(), lambda ids: torch.zeros(len(ids)))
    assert {candidate.text for candidate in found} == {"p, ", "mes_of_"}
