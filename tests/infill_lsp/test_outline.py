"""Outlines: what they find, that a kept one says what a fresh one says, and broken code made whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.context.outline import Outline, outline
from infill_lsp.context.outline_memory import OutlineMemory, fresh_view
from infill_lsp.context.repair import repaired
from infill_lsp.text.document import Document, Snapshot
from tests.fixture import marked, snapshot_of


def outline_of(text: str, language: str, around: int = -1) -> Outline:
    found = outline(snapshot_of(text, language), around)
    assert found is not None
    return found


def check_outline(text: str, language: str, *signatures: str) -> None:
    found = outline_of(text, language)
    assert tuple(found.signature(each) for each in range(len(found.items))) == signatures
    for item in found.items:
        assert 0 <= item.start <= item.body_start <= item.body_end <= item.end <= len(text)
        assert item.parent < len(found.items)


def test_python() -> None:
    check_outline(
        "import os\nfrom a import (\n    b,\n    c,\n)\nX = {\n    'k': 1,\n}\n'a string'\ncall()\n\n"
        "@wrapped\ndef f(\n    a,  # first\n    b,\n):\n    return a\n\n"
        "class C(B):\n    '''What.'''\n    n: int = 0\n\n"
        "    # Nothing.\n    async def m(self):\n        x = 1\n",
        "python",
        "import os\n",
        "from a import (\n    b,\n    c,\n)\n",
        "X = {\n    'k': 1,\n}\n",
        "def f(\n    a,  # first\n    b,\n): pass\n",
        "class C(B): pass\n",
        "    n: int = 0\n",
        "    async def m(self): pass\n",
    )


def test_a_constructor_keeps_the_lines_that_make_fields() -> None:
    check_outline(
        "class C:\n    def __init__(self, a):\n        super().__init__()\n        self.a = a\n        if a:\n"
        "            self.b: int = 2\n",
        "python",
        "class C: pass\n",
        "    def __init__(self, a):\n        self.a = a\n            self.b: int = 2\n",
    )


def test_typescript() -> None:
    check_outline(
        'import a from "a";\nexport interface I {\n  name: string;\n  of(n: number): void;\n}\n'
        "export const f = async (\n  a: string,\n) => {\n  return a;\n};\ntype T = string | number;\n"
        "export default class C extends B {\n  private n = 1;\n  constructor(n) {\n    super();\n    this.n = n;\n  }\n"
        "  get(): number {\n    const x = 1;\n    return x;\n  }\n}\n",
        "typescript",
        'import a from "a";\n',
        "export interface I {}\n",
        "  name: string;\n",
        "  of(n: number): void;\n",
        "export const f = async (a: string) => {};\n",
        "type T = string | number;\n",
        "export default class C extends B {}\n",
        "  private n = 1;\n",
        "  constructor(n) {\n    this.n = n;\n  }\n",
        "  get(): number {}\n",
    )


def test_go() -> None:
    check_outline(
        'package p\n\nimport (\n\t"fmt"\n)\n\nconst (\n\tA = iota\n\tB\n)\n\ntype T struct {\n\tn int\n}\n\n'
        "func (t *T) Get(a, b int) (int, error) {\n\treturn t.n, nil\n}\n",
        "go",
        'import (\n\t"fmt"\n)\n',
        "const (\n\tA = iota\n\tB\n)\n",
        "type T struct {}\n",
        "\tn int\n",
        "func (t *T) Get(a, b int) (int, error) {}\n",
    )


def test_rust() -> None:
    check_outline(
        "use a::b;\n#[derive(Debug)]\npub struct S<T> {\n    n: T,\n}\nimpl<T> S<T>\nwhere\n    T: Copy,\n{\n"
        "    const N: u8 = 1;\n    pub fn get(&self) -> T {\n        self.n\n    }\n}\n",
        "rust",
        "use a::b;\n",
        "pub struct S<T> {}\n",
        "    n: T,\n",
        "impl<T> S<T> where T: Copy, {}\n",
        "    const N: u8 = 1;\n",
        "    pub fn get(&self) -> T {}\n",
    )


def test_c() -> None:
    check_outline(
        "#include <a.h>\n#define N 3\ntypedef struct {\n    int n;\n} T;\n"
        "static int get(T *t)\n{\n    return t->n;\n}\n"
        "int declared(void);\n",
        "c",
        "#include <a.h>\n",
        "#define N 3\n",
        "typedef struct {} T;\n",
        "    int n;\n",
        "static int get(T *t) {}\n",
        "int declared(void);\n",
    )


def test_names_lead_to_definitions() -> None:
    found = outline_of("int *first(void) { return 0; }\nstruct second { int third; };\n", "c")
    assert {"first", "second", "third"} <= found.named.keys()


def test_what_stands_in_a_function_is_found_around_a_place_alone() -> None:
    text = "function wrap() {\n  function inner(a) {\n    return a;\n  }\n  return inner;\n}\n"
    assert [item.name for item in outline_of(text, "javascript").items] == ["wrap"]
    assert "inner" in [item.name for item in outline_of(text, "javascript", text.index("return inner")).items]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", "class A {\n  one() {\n    if (x) {\n      call(1, $0\n  }\n\n  two() { return 2; }\n}\n"),
        ("typescript", "export class A {\n  one(): void {\n    foo($0\n  }\n\n  two(): number { return 2; }\n}\n"),
        ("go", "package p\n\nfunc one() {\n\tif x {\n\t\tcall(1, $0\n}\n\nfunc two() {}\n"),
        ("rust", "fn one() {\n    call(&[1, $0\n}\n\nfn two() {}\n"),
        ("c", "int one(void) {\n    call(1, $0\n}\n\nint two(void) { return 2; }\n"),
    ],
)
def test_missing_brackets_are_put_in(language: str, text: str) -> None:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    assert snapshot.tree is not None
    assert snapshot.tree.has_faults
    whole = repaired(snapshot, at.offset)
    assert whole is not None
    assert whole.tree is not None
    assert not whole.tree.has_faults, whole.text
    view = fresh_view(snapshot, at.offset)
    assert view is not None
    names = [item.name for item in view.outline.items if item.role == "function"]
    assert names == ["one", "two"]
    inner = view.outline.chain(view.offset(at.offset), 99)
    assert view.outline.items[inner[-1]].name == "one"


def test_sound_code_is_left_alone() -> None:
    assert repaired(snapshot_of("x = 1\n"), 3) is None


PYTHON = """import os

class A:
    n = 1

    def one(self):
        a = 1
        $0
        return a

    def two(self):
        pass
"""
JAVASCRIPT = """import a from 'a';

class A {
  n = 1;

  one() {
    let a = 1;
    $0
    return a;
  }

  two() {}
}
"""
KEYS = [*"ab1 ()=,.{}\"'", "\n    ", "\n", "\ndef g():\n    pass\n", "⌫", "f()"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([("python", PYTHON), ("javascript", JAVASCRIPT)]),
    st.lists(st.sampled_from(KEYS), max_size=12),
)
def test_an_outline_that_was_kept_says_what_a_fresh_one_says_of_sound_code(
    case: tuple[str, str], typed: list[str]
) -> None:
    language, text = case
    at = marked(text)
    document = Document("file:///typed", 1, at.text, language)
    memory, offset = OutlineMemory(), at.offset
    memory.view(document.snapshot(1.0), offset)
    for each in typed:
        if each == "⌫":
            document.edit(offset - 1, offset, "")
            offset -= 1
        else:
            document.edit(offset, offset, each)
            offset += len(each)
        snapshot = document.snapshot(1.0)
        kept = memory.view(snapshot, offset)
        assert kept is not None
        assert kept.outline.text[: kept.start] == snapshot.text[: kept.start]
        assert kept.outline.text[kept.offset(len(snapshot.text)) :] == snapshot.text[len(snapshot.text) :]
        if snapshot.tree is not None and not snapshot.tree.has_faults:
            fresh = outline(snapshot, offset)
            assert fresh is not None
            assert far(kept.outline, kept.offset(offset)) == far(fresh, offset)


def far(found: Outline, offset: int) -> list[str]:
    """Give the signatures of what does not hold a place."""
    holding = found.chain(offset, 0)
    return [
        found.signature(each)
        for each in range(len(found.items))
        if each not in holding and not any(holder in holding[1:] for holder in found.ancestors(each))
    ]


def test_a_document_that_is_forgotten_is_read_anew() -> None:
    memory = OutlineMemory()
    first = memory.view(snapshot_of("def f():\n    pass\n"), 5)
    assert first is not None
    assert memory.view(snapshot_of("def f():\n    pass\n"), 5).outline is first.outline  # type: ignore[union-attr]
    memory.forget("file:///sample")
    assert memory.view(snapshot_of("def f():\n    pass\n"), 5).outline is not first.outline  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["", "\n", "(" * 5_000, "def f(" * 500, "\ud83d", "x = '\r\n'", "#" * 3000])
@pytest.mark.parametrize("language", ["python", "javascript", "rust", "c", "go"])
def test_whatever_stands_in_a_file_it_has_an_outline(text: str, language: str) -> None:
    snapshot: Snapshot = snapshot_of(text, language)
    view = fresh_view(snapshot, len(text))
    assert view is None or all(view.outline.signature(each) for each in range(len(view.outline.items)))


def test_of_a_long_text_only_the_lines_near_the_hole_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"value_{number} = {number}\n" for number in range(400))
    whole = outline_of(text, "python", 10_000)
    monkeypatch.setattr("infill_lsp.context.outline._READ_AROUND", 200)
    place = text.index("value_200 ")
    near = outline_of(text, "python", place)
    assert near.items == whole.items
    assert whole.counts["value_0"] == whole.counts["value_200"] == near.counts["value_200"] == 1
    assert "value_0" not in near.counts
    assert "value_399" not in near.counts
    pieces = near.pieces.pieces
    assert pieces[0].start <= place - 180
    assert pieces[-1].end >= place + 180
    assert all(place - 220 <= piece.start < piece.end <= place + 200 for piece in pieces)
    for piece in pieces:
        lines = text[piece.start : piece.end].splitlines()
        assert piece.text == "".join(f"# {line}\n" for line in lines), "whole lines, from their beginning"
        assert piece.names == {line.split()[0] for line in lines}
    assert "".join(piece.text for piece in whole.pieces.pieces) == "".join(f"# {line}\n" for line in text.splitlines())
