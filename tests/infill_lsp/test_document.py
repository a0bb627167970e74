from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp import syntax
from infill_lsp.document import Document
from infill_lsp.line_index import LineIndex

PIECES = (
    *"()[]{}:,.=+\\#'\"xy1 \t\n\r",
    "\r\n",
    "def f(a):\r\n    return a\r\n",
    "if x:\n\ty = 1\n",
    "    ",
    '"""',
    "f'{x}'",
    "é",
    "e\u0301",
    "😀",
    "\ufeff",
    "\ud83d",
    "pass\n",
    "class A:\n    x = (1,\n         2)\n",
)
texts = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_document_follows_every_edit_and_its_tree_is_like_a_fresh_one(data: st.DataObject) -> None:
    text = data.draw(texts)
    document = Document("file:///a.py", 1, text, "python")
    document.snapshot()
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        new = data.draw(texts)
        text = text[:start] + new + text[end:]
        document.edit(start, end, new)
        if data.draw(st.booleans()):
            check_like_fresh(document, text)
    check_like_fresh(document, text)


def check_like_fresh(document: Document, text: str) -> None:
    snapshot = document.snapshot()
    assert snapshot.text == text == document.text
    fresh_index = LineIndex(text)
    assert [snapshot.index.line_start(line) for line in range(snapshot.index.num_lines)] == [
        fresh_index.line_start(line) for line in range(fresh_index.num_lines)
    ]
    fresh = syntax.parse(text, "python")
    assert snapshot.tree is not None
    assert fresh is not None
    assert snapshot.tree.faults() == fresh.faults()
    for offset in range(0, len(text) + 1, 7):
        assert snapshot.tree.path_at(offset) == fresh.path_at(offset)


def test_a_snapshot_stays_as_it_was_when_the_document_goes_on() -> None:
    document = Document("file:///a.py", 1, "x = (1\n", "python")
    first = document.snapshot()
    assert first.tree is not None
    faults, path = first.tree.faults(), first.tree.path_at(5)
    document.edit(6, 6, ")")
    document.edit(0, 0, "y = 2\n")
    second = document.snapshot()
    assert first.text == "x = (1\n"
    assert (first.tree.faults(), first.tree.path_at(5)) == (faults, path)
    assert second.tree is not None
    assert second.tree.faults() == ()
    assert second.text == "y = 2\nx = (1)\n"


def test_a_tree_is_parsed_again_only_after_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document("file:///a.py", 1, "x = 1\n", "python")
    first = document.snapshot()
    assert document.snapshot().tree is first.tree
    document.edit(5, 5, "2")
    assert document.snapshot().tree is not first.tree


def test_replacing_the_text_starts_over() -> None:
    document = Document("file:///a.py", 1, "x = (", "python")
    document.snapshot()
    document.replace("y = 1\r\n")
    check_like_fresh(document, "y = 1\r\n")


def test_offsets_outside_the_text_are_clamped() -> None:
    document = Document("file:///a.py", 1, "ab", "python")
    document.edit(1, 99, "c")
    document.edit(-5, -2, "d")
    assert document.text == "dac"


def test_a_document_without_a_grammar_has_no_tree() -> None:
    assert Document("file:///a.txt", 1, "x = 1\n", "plaintext").snapshot().tree is None


def test_a_parse_that_ran_out_of_time_is_tried_again_but_not_at_every_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_BUDGET_S", -1.0)
    text = "x = [1, 2, 3]\n" * 5_000
    document = Document("file:///a.py", 1, text, "python")
    assert document.snapshot().tree is None
    monkeypatch.undo()
    document.edit(0, 0, "y")
    assert document.snapshot().tree is None
    for _ in range(64):
        document.edit(0, 0, "y")
    check_like_fresh(document, "y" * 65 + text)
