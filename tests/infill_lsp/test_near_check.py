"""Judging a fill by the items around its hole, and finding what does not parse before the file has a tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.blocks.near_items import Cut
from infill_lsp.holes.hole import Hole, hole_at, hole_for_action
from infill_lsp.judging import near_check
from infill_lsp.judging.near_check import Verdict, breaks_above, verdict_near
from infill_lsp.judging.validity import first_error
from infill_lsp.text.document import Document
from infill_lsp.trees.syntax import parse
from tests.fixture import marked, snapshot_of

# language, what opens a block, a member, the member with the hole, what closes the block, a line that is wrong
CLASSES = [
    ("javascript", "class A extends B {\n", "  f(a) {\n    return g(a, 'b');\n  }\n\n", "return g($0);", "}\n", "f( {"),
    (
        "java",
        "class A<T>\n    extends B {\n",
        "  int f(int a) {\n    return g(a);\n  }\n\n",
        "return g($0);",
        "}\n",
        "int (",
    ),
    (
        "rust",
        "impl<T> A for B\nwhere\n    T: C,\n{\n",
        "  fn f(a: A) -> B {\n    g(a)\n  }\n\n",
        "g($0)",
        "}\n",
        "fn f(",
    ),
    ("python", "class A(\n    B,\n):\n", "  def f(a):\n    return g(a, 'b')\n\n", "return g($0)", "", "def f("),
]


def verdict(text: str, fill: str, language: str) -> Verdict:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole), hole.reason
    return verdict_near(snapshot, hole, fill)


def member_with(line: str, member: str) -> str:
    first, _, rest = member.partition("\n")
    return f"{first}\n    {line}\n" + rest.partition("\n")[2]


@pytest.mark.parametrize(("language", "opens", "member", "line", "closes", "wrong"), CLASSES)
@pytest.mark.parametrize("num_members", [2, 120, 1_500])
def test_members_of_a_long_class_are_judged_by_those_around(
    language: str, opens: str, member: str, line: str, closes: str, wrong: str, num_members: int
) -> None:
    around = member * num_members
    text = opens + around + member_with(line, member) + around + closes
    for whole in (text, f"{wrong}\n\n\n{text}\n\n{wrong}\n"):
        assert verdict(whole, "a", language) == "sound"
        for fill in ("(a", "a b", "'a"):
            assert verdict(whole, fill, language) == "broken"


@pytest.mark.parametrize(("fill", "expect"), [("1", "sound"), ("(1", "broken"), ("1 1", "broken")])
def test_what_was_wrong_in_the_line_already_may_be_wrong(fill: str, expect: Verdict) -> None:
    assert verdict("function f() {\n  x = a b + $0;\n}\n", fill, "javascript") == expect


def test_a_fault_is_found_before_the_tree_of_a_large_file_is_ready() -> None:
    item = "def f(a):\n    return g(a)\n\n\n"
    text = item * 6_000 + "def h(a):\n    return g(a b)\n\n\n" + item * 6_000
    place = text.index("a b") + len("a b")
    document = Document("file:///a.py", 1, text, "python")
    snapshot = document.as_it_is()
    assert snapshot.tree is None
    found = hole_for_action(snapshot, place, place)
    assert found == hole_for_action(document.snapshot(60.0), place, place)
    assert isinstance(found, Hole)
    assert found.kind == "error"


# Whole and broken pieces of lines; joined, they open and close what they like.
PIECES = {
    "c": [
        "int f(int a) {",
        "}",
        "a = b;",
        "if (a)",
        "/* a",
        "b */",
        "// c",
        "f(a,",
        ");",
        "#if A",
        "#endif",
        '"a',
        "a b c",
    ],
    "javascript": [
        "const f = (a) => {",
        "}",
        "a = b;",
        "`a ${",
        "b`",
        "[1,",
        "];",
        "/* a",
        "*/ b",
        "a b c",
        "class A {",
        "'a",
    ],
    "python": [
        "def f(a):",
        "    return a",
        "x = [",
        "]",
        '"""a',
        'b"""',
        "# c",
        "f(a,",
        ")",
        "a b c",
        "  a +",
        "class A:",
    ],
    "rust": [
        "fn f(a: A) -> B {",
        "}",
        "let a = b;",
        "match a {",
        "A => b,",
        "/* a",
        "b */",
        "// c",
        "f(a,",
        ");",
        "a b c",
        "#[a]",
    ],
}
LINES = st.sampled_from(sorted(PIECES)).flatmap(
    lambda language: st.tuples(
        st.just(language),
        *(st.lists(st.sampled_from(PIECES[language]), max_size=most).map("\n".join) for most in (7, 2, 4)),
    )
)


@given(LINES)
@settings(max_examples=400, deadline=None)
def test_no_line_mends_what_the_parser_stumbled_over_above_it(given_lines: tuple[str, str, str, str]) -> None:
    language, above, line, below = given_lines
    if breaks_above(f"{above}\n", language):
        tree = parse(f"{above}\n{line}\n{below}", language)
        assert tree is not None
        assert tree.has_faults


@pytest.mark.parametrize(
    ("above", "broken"),
    [
        ("f(a b;\nint c;\nint d;\n", True),
        ("f(a,\n", False),  # incomplete, as a line may go on with it
        ("f(a,\n  // c\n", False),
        ("int a;\n/* b c d\n e f\n", False),
        ("b c d e f;\n */\nint a;\nint b;\n", True),  # the text began within a comment
    ],
)
def test_what_is_only_incomplete_above_is_not_broken(above: str, broken: bool) -> None:
    assert breaks_above(above, "c") is broken


@given(LINES)
@settings(max_examples=200, deadline=None)
def test_a_text_parsed_again_in_part_is_as_sound_as_parsed_whole(given_lines: tuple[str, str, str, str]) -> None:
    language, above, line, below = given_lines
    tree, new = parse(f"{above}\n{below}", language), f"{above}\n{line}\n{below}"
    assert tree is not None
    if not tree.has_faults:
        again, whole = tree.reparsed(len(above) + 1, len(above) + 1, new), parse(new, language)
        assert again is not None
        assert whole is not None
        assert again.has_faults == whole.has_faults
        assert tree.faults() == ()


@given(LINES, st.sampled_from(["", "a", "a b", "(a", "pass", "return 1"]), st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_judged_before_changes_no_verdict(
    given_lines: tuple[str, str, str, str], fill: str, data: st.DataObject
) -> None:
    language, above, line, below = given_lines
    document = Document("file:///sample", 1, f"{above}\n{line}\n{below}", language)
    for _ in range(4):
        caret = data.draw(st.integers(0, len(document.text)))
        document.edit(caret, caret, data.draw(st.sampled_from([" ", "  ", "a", "(", "\n    ", " = "])))
        snapshot = document.snapshot()
        hole = hole_at(snapshot, caret + 1)
        if isinstance(hole, Hole):
            remembered = verdict_near(snapshot, hole, fill)
            for each in ("_place", "_compiles", "_last_fitting", "_parsed", "_sound_tree", "_is_sound_without"):
                getattr(near_check, each).cache_clear()
            assert verdict_near(snapshot, hole, fill) == remembered


@given(
    st.lists(st.sampled_from([*PIECES["python"], "a = \\", "a = 1 \\", "", "    b", "\tc"]), max_size=6).map("\n".join),
    st.text(" \t", max_size=5),
    st.lists(st.sampled_from(PIECES["python"]), max_size=4).map("\n".join),
)
@settings(max_examples=400, deadline=None)
def test_blanks_alone_on_a_line_make_no_difference_to_the_compiler(above: str, blanks: str, below: str) -> None:
    cut = Cut(f"{above}\n", below and f"\n{below}")
    text = cut.above + blanks + cut.below
    start = len(cut.above)
    hole = Hole(start, start + len(blanks), "statement", "", False, "a blank line")
    place = near_check._Place(snapshot_of(text), hole, "", "", (cut,))
    assert place._is_sound(cut, blanks, compiled=True) == (first_error(text, "python") is None)
