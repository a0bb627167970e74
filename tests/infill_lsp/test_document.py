from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.text import document as document_room
from infill_lsp.text.document import Document
from infill_lsp.text.line_index import LineIndex, PositionEncoding
from infill_lsp.trees import syntax

ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")
PIECES = (
    *"()[]{}:;,.=+\\#'\"`<>/xy1 \t\n\r",
    "\r\n",
    "def f(a):\r\n    return a\r\n",
    "if (x) {\n\ty = 1;\n}\n",
    "    ",
    '"""',
    "f'{x}'",
    "`${x}`",
    "/*",
    "*/",
    "é",
    "e\u0301",
    "😀",
    "\ufeff",
    "\ud83d",
    "\u2028",
    "\x0c",
    "class A:\n    x = (1,\n         2)\n",
)
texts = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)

SAMPLES = {
    "python": "import os\n\n\nclass A:\n\tdef f(self, a='😀'):\n\t\tif a:\n\t\t\treturn [x for x in (1, 2)]  # é\n\n",
    "javascript": "import a from 'a';\nclass A {\n\tf(x = `${1}😀`) {\n\t\tif (x) { return [1, 2]; } // é\n\t}\n}\n",
    "typescript": "interface A<T> {\n\tx: B<string, T>;\n}\nfunction f(a: A<number>): void {\n\tg('😀'); // é\n}\n",
    "typescriptreact": "export function A(p: P) {\n\treturn <div a='😀'>{p.x.map((x) => <b>{x}</b>)}</div>; // é\n}\n",
    "go": 'package main\n\nfunc f(a int) (string, error) {\n\tif a > 0 {\n\t\treturn "😀", nil // é\n\t}\n}\n',
    "rust": 'impl<T> A<T> {\n    fn f(&self, a: &str) -> Vec<T> {\n        g("😀", |x| x + 1); // é\n    }\n}\n',
    "c": '#include <a.h>\n\nstruct a {\n\tint x;\n};\n\nint f(char *a) {\n\treturn g("😀", (int)a[1]); // é\n}\n',
    "cpp": 'template <typename T> class A : B<T> {\npublic:\n\tint f() const { return g("😀", x->y); } // é\n};\n',
    "java": 'package a;\n\npublic class A<T> {\n\tint f(int a) {\n\t\treturn g("😀", x -> x + 1); // é\n\t}\n}\n',
}


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


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("language", SAMPLES)
def test_a_thousand_edits_leave_what_a_fresh_document_would_have(language: str, line_end: str) -> None:
    script = EditScript(("\ufeff" if line_end == "\n" else "") + SAMPLES[language].replace("\n", line_end) * 4)
    document = Document("file:///a", 1, script.text, language)
    for step in range(1_000):
        document.edit(*script.edit())
        if step % 25 == 0:
            check_like_fresh(document, script.text)
    check_like_fresh(document, script.text)


@pytest.mark.parametrize("language", SAMPLES)
def test_an_incremental_tree_has_faults_where_a_fresh_one_has_any(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_room, "_SMALL", 0)  # no fresh tree in place of a faulty one
    script = EditScript(SAMPLES[language] * 4)
    document = Document("file:///a", 1, script.text, language)
    for step in range(200):
        document.edit(*script.edit())
        if step % 4 == 0:
            tree, fresh = document.snapshot().tree, syntax.parse(script.text, language)
            assert tree is not None
            assert fresh is not None
            assert tree.has_faults == fresh.has_faults


class EditScript:
    """Edits without end that keep half of the code sound: most are taken back sooner or later."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._random = random.Random(text)
        self._undo: list[tuple[int, int, str]] = []

    def edit(self) -> tuple[int, int, str]:
        choose = self._random
        if self._undo and choose.random() < 0.5:
            start, end, new = self._undo.pop()
        else:
            start = choose.randrange(len(self.text) + 1)
            end = start if choose.random() < 0.6 else min(len(self.text), start + choose.randrange(1, 8))
            new = "".join(choose.choice(PIECES) for _ in range(choose.randrange(3)))
            self._undo.append((start, start + len(new), self.text[start:end]))
        self.text = self.text[:start] + new + self.text[end:]
        return start, end, new


def check_like_fresh(document: Document, text: str) -> None:
    snapshot = document.snapshot()
    assert snapshot.text == text == document.text
    index, fresh_index = snapshot.index, LineIndex(text)
    starts = [index.line_start(line) for line in range(index.num_lines)]
    assert starts == [fresh_index.line_start(line) for line in range(fresh_index.num_lines)]
    fresh = syntax.parse(text, document.language)
    assert snapshot.tree is not None
    assert fresh is not None
    assert snapshot.tree.faults() == fresh.faults()
    for offset in range(0, len(text) + 1, 1 + len(text) // 40):
        assert index.byte(offset) == len(text[:offset].encode("utf-8", "surrogatepass"))
        assert index.offset_of_byte(index.byte(offset)) == offset
        for encoding in ENCODINGS:
            back = index.offset(*index.position(offset, encoding), encoding)
            assert back == offset - (text[offset - 1 : offset + 1] == "\r\n")  # no caret stands between these two
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


def test_a_tree_is_parsed_again_only_after_an_edit() -> None:
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
    document = Document("file:///a.txt", 1, "x = 1\n", "plaintext")
    assert document.snapshot().tree is None
    assert not document.is_behind


LONG = "x = [1, 2, 3]\n" * 5_000
NO_TIME = -1.0


def test_a_parse_that_was_cut_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_room, "_SLICE_S", NO_TIME)
    document = Document("file:///a.py", 1, LONG, "python")
    assert document.snapshot(NO_TIME).tree is None
    assert num_slices_of(document) > 10
    check_like_fresh(document, LONG)
    assert not document.advance()


def test_an_edit_gives_up_the_parse_that_was_cut() -> None:
    document = Document("file:///a.py", 1, LONG, "python")
    assert document.snapshot(NO_TIME).tree is None
    document.edit(0, 0, "y = (\n")
    while document.advance():
        pass
    check_like_fresh(document, "y = (\n" + LONG)


def test_a_parse_that_was_cut_is_tried_again_but_not_at_every_edit() -> None:
    document = Document("file:///a.py", 1, LONG, "python")
    assert document.snapshot(NO_TIME).tree is None
    document.edit(0, 0, "y")
    assert document.snapshot(60.0).tree is None
    for _ in range(31):
        document.edit(0, 0, "y")
    assert document.snapshot(60.0).tree is not None


def test_a_parse_that_is_cut_again_and_again_is_tried_less_often_until_there_is_a_tree() -> None:
    document = Document("file:///a.py", 1, LONG, "python")

    def edits_until_a_try() -> int:
        """Type until a parse would be tried."""
        for number in range(1, 1_000):
            document.edit(0, 0, "y")
            if document._edits_to_wait <= 0:
                return number
        raise AssertionError("it is never tried again")

    waits = []
    for _ in range(6):
        assert document.snapshot(NO_TIME).tree is None
        waits.append(edits_until_a_try())
    assert waits == [32, 64, 128, 256, 256, 256]
    assert document.snapshot(60.0).tree is not None
    document.edit(0, 0, "y")
    assert document.snapshot(NO_TIME).tree is None
    assert edits_until_a_try() == 32


def test_a_tree_outlives_a_parse_that_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_room, "_SLICE_S", NO_TIME)
    document = Document("file:///a.py", 1, LONG, "python")
    num_fresh = num_slices_of(document)
    assert document.snapshot().tree is not None
    document.edit(0, 0, '"""')
    assert document.snapshot(NO_TIME).tree is None
    document.edit(0, 3, "")
    assert num_slices_of(document) < num_fresh / 2, "the old tree makes the mended text cheap"
    check_like_fresh(document, LONG)


def num_slices_of(document: Document) -> int:
    num_slices = 1
    while document.advance():
        num_slices += 1
    return num_slices


def test_a_parse_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_room, "_TOTAL_S", 0.0)
    document = Document("file:///a.py", 1, LONG, "python")
    assert document.snapshot(NO_TIME).tree is None
    assert not document.is_behind
    document.edit(0, 0, "y")
    assert document.snapshot(60.0).tree is None
    for _ in range(63):
        document.edit(0, 0, "y")
    assert document.snapshot(60.0).tree is not None


def test_a_fresh_tree_of_a_long_text_is_made_ready_for_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"def f{number}(a):\n    return g(a, {number})\n\n\n" for number in range(1_000))
    cold, warm = (Document("file:///a.py", 1, text, "python") for _ in range(2))
    for document in (cold, warm):
        assert document.snapshot(60.0).tree is not None
        assert document.is_behind
    assert not warm.advance()
    monkeypatch.setattr(document_room, "_SLICE_S", NO_TIME)
    for document in (cold, warm):
        document.edit(text.index("f500"), text.index("f500"), "y")
    assert num_slices_of(warm) < num_slices_of(cold)
    check_like_fresh(warm, cold.text)
