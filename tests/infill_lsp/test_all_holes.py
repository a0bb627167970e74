"""Every hole that a file shows, in several languages, and how holes are grouped for a canvas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.fake import INFO
from infill_lsp.blocks.indentation import line_text
from infill_lsp.holes import all_holes
from infill_lsp.holes.all_holes import MAX_HOLES, function_around, has_hole_outside, holes_within, num_holes_within
from infill_lsp.holes.hole import hole_for_action
from infill_lsp.holes.hole_groups import groups_of, halves_of
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot
from tests.check import check_always
from tests.fixture import marked, snapshot_of


def check_holes(language: str, text: str) -> None:
    """Find the holes that `text` marks: `‹` and `›` stand around each. Each is one that `Fill hole` offers there."""
    plain = text.replace("‹", "").replace("›", "")
    expected, offset = [], 0
    for part in text.split("‹"):
        inner, closed, _ = part.partition("›")
        if closed:
            expected.append((offset, offset + len(inner)))
        offset += len(part) - len(closed)
    snapshot = snapshot_of(plain, language)
    found = holes_within(snapshot, 0, len(plain))
    assert [(hole.start, hole.end) for hole in found] == expected
    for hole in found:
        assert hole_for_action(snapshot, hole.start, hole.start) == hole
        check_always(snapshot, hole)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def a():\n    ‹...›\n\nx = ‹...›\n\ndef b():\n    # TODO later\n    return 1\n"),
        ("python", "def a():\n    ‹# TODO: write›\n\nclass E(Exception):\n    ‹pass›\n\ndef b():‹›\n\nx = 1\n"),
        ("python", "if a:  # why‹›\nelse:\n    ‹pass›\ns = 'pass ...'  # pass\nx = y[...]\n"),
        ("python", 'def a():\n    """Do it: ..."""\n    ‹raise NotImplementedError›\n\ndef b(): ‹...›\n'),
        ("rust", "fn a() -> u32 {\n    ‹todo!()›\n}\nfn b() {‹›}\nstruct S {}\nfn c() {‹›\n}\n"),
        ("javascript", "function a() {‹›\n}\nconst x = {};\nconst y = {\n};\nconst f = () => {‹›};\n"),
        ("javascript", "function g() {\n  ‹// TODO: this›\n}\nswitch (a) {\n  case 1:\n  case 2:\n    b();\n}\n"),
        ("go", 'func b() int {\n\t‹panic("not implemented")›\n}\ntype T struct {}\n'),
        ("ruby", "def a‹›\nend\ncase x\nwhen 1\n  2\nend\n"),
        ("lua", "if x then‹›\nelse\n  b()\nend\n"),
        ("json", '{"a": {}}\n'),
    ],
)
def test_the_holes_of_a_file(language: str, text: str) -> None:
    check_holes(language, text)


def test_a_range_and_a_count_stop_where_they_should() -> None:
    text = "a = ...\ndef f():\n    ...\n    b = ...\nc = 1\n"
    snapshot = snapshot_of(text)
    function = function_around(snapshot, text.index("b"))
    assert function == (text.index("def"), text.index("\nc"))
    assert len(holes_within(snapshot, *function)) == 2
    assert num_holes_within(snapshot, 0, len(text)) == 2
    assert has_hole_outside(snapshot, *function)
    assert not has_hole_outside(snapshot, 0, text.index("def") + len(text) - text.index("def"))


def test_a_file_full_of_holes_gives_a_limited_number() -> None:
    snapshot = snapshot_of("x = ...\n" * (2 * MAX_HOLES))
    assert len(holes_within(snapshot, 0, len(snapshot.text))) == MAX_HOLES


@pytest.mark.parametrize(
    ("language", "text", "begins"),
    [
        ("python", "def a():\n    def b():\n        x$0 = 1\n", "def b"),
        ("python", "def a():\n$0    x = 1\n", "def a"),
        ("rust", "impl S {\n    fn c(&self) {\n        $0\n    }\n}\n", "fn c"),
        ("python", "x$0 = 1\ndef a():\n    pass\n", None),
    ],
)
def test_the_function_around_the_caret(language: str, text: str, begins: str | None) -> None:
    at = marked(text)
    function = function_around(snapshot_of(at.text, language), at.offset)
    assert (None if function is None else at.text[function[0] :].startswith(begins or "")) == (begins and True)


def test_holes_near_each_other_share_a_canvas() -> None:
    text = "a = ...\nb = ...\n" + "x = 1\n" * 40 + "c = ...\n"
    snapshot = snapshot_of(text)
    holes = holes_within(snapshot, 0, len(text))
    assert [len(group) for group in groups_of(snapshot, holes, None)] == [2, 1]
    assert [len(group) for group in groups_of(snapshot, holes, INFO.capabilities)] == [3]
    alone = replace(INFO.capabilities, several_holes=False)
    assert [len(group) for group in groups_of(snapshot, holes, alone)] == [1, 1, 1]
    assert halves_of((holes[0], holes[1], holes[2])) == [holes[:1], holes[1:]]


def test_a_hole_far_away_is_told_of_when_asked() -> None:
    text = "def f():\n    return 1\n\n\n" + "x = 1\n" * 5_000 + "def g():\n    ...\n"
    snapshot = snapshot_of(text)
    assert not has_hole_outside(snapshot, 0, 20)
    assert has_hole_outside(snapshot, 0, 20, far=True)


_PARTS = ["...", "pass", "raise NotImplementedError", "# TODO: a", "{}", "{ }", "todo!()", "x", "):", "if a:", "end"]
_PARTS += ["do", "else", "panic(1)", " ", "    ", "\t", "\n", "\n", "\n\n", "\r\n", "\r", "def f(a", "{", "}"]


@pytest.mark.parametrize("language", ["python", "rust", "javascript", "ruby", "lua", "go", "json"])
@given(parts=st.lists(st.sampled_from(_PARTS), max_size=30), edges=st.tuples(st.floats(0, 1), st.floats(0, 1)))
@example(parts=["if a:", "\n", "x", "\n"], edges=(0.2, 1.0))  # The range begins within a header.
@settings(deadline=None, max_examples=100)
def test_the_places_of_a_small_range_are_those_found_in_the_whole_text(
    language: str, parts: list[str], edges: tuple[float, float]
) -> None:
    snapshot = snapshot_of("".join(parts), language)
    start, end = sorted(int(edge * len(snapshot.text)) for edge in edges)
    table = language_for(language)
    by_range = [
        (offset, is_header)
        for offset, is_header in all_holes._candidates(snapshot.text, start, end, table)
        if not (is_header and _is_none_or_has_body(snapshot, offset))
    ]
    near = all_holes._candidates_near(snapshot.text[max(start - 8, 0) : start], snapshot.text[start:end], table.id)
    found = [(start + offset, is_header) for offset, is_header in near]
    assert [each for each in found if not (each[1] and _is_none_or_has_body(snapshot, each[0]))] == by_range


def _is_none_or_has_body(snapshot: Snapshot, offset: int) -> bool:
    line = snapshot.index.line_of(offset)
    table = language_for(snapshot.language)
    return not all_holes._may_be_header(line_text(snapshot, line), table) or all_holes._has_body(snapshot, line)
