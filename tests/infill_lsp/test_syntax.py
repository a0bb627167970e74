from __future__ import annotations

import tracemalloc

import pytest

from infill_lsp.text.line_index import LONG_LINE
from infill_lsp.trees import syntax
from infill_lsp.trees.syntax import SyntaxFault, SyntaxNode, parse
from tests.fixture import marked


def in_lines(text: str) -> str:
    """Break a text into lines, none so long that it would be refused."""
    return "\n".join(text[start : start + 10_000] for start in range(0, len(text), 10_000))


def kinds_at(text: str) -> list[str]:
    at = marked(text)
    tree = parse(at.text, "python")
    assert tree is not None
    return [node.kind for node in tree.path_at(at.offset)]


def test_the_path_goes_from_the_root_to_the_leaf() -> None:
    assert kinds_at("foo(ba$0r)\n") == [
        "module",
        "expression_statement",
        "call",
        "argument_list",
        "identifier",
    ]


def test_of_two_leaves_that_meet_the_left_one_is_taken() -> None:
    assert kinds_at("foo$0(bar)\n")[-1] == "identifier"


def test_offsets_are_code_points_behind_wide_characters_and_a_byte_order_mark() -> None:
    at = marked("\ufeffé = '😀'\r\nname$0 = 1\r\n")
    tree = parse(at.text, "python")
    assert tree is not None
    assert tree.path_at(at.offset)[-1] == SyntaxNode("identifier", at.offset - 4, at.offset, True)


def test_faults_name_text_that_fits_nowhere_and_tokens_that_are_missing() -> None:
    text = "é = 1\nx = (1\n"
    tree = parse(text, "python")
    assert tree is not None
    assert tree.faults()
    assert tree.has_faults
    assert all(isinstance(fault, SyntaxFault) and 0 <= fault.start <= fault.end <= len(text) for fault in tree.faults())
    assert any(fault.end >= text.index("(") for fault in tree.faults())


def test_no_tree_for_a_language_without_a_grammar() -> None:
    assert parse("x = 1\n", "klingon") is None


def test_no_tree_for_a_binary_text() -> None:
    assert parse("x = 1\n\0", "python") is None
    assert parse("#" * 9_000 + "\n\0", "python") is not None


def test_no_tree_for_a_text_with_a_line_that_nobody_wrote() -> None:
    assert parse("x = 1\n#" + "-" * (LONG_LINE - 2) + "\n", "python") is not None
    assert parse("x = 1\n#" + "-" * LONG_LINE + "\n", "python") is None


def test_no_tree_for_a_text_over_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "MAX_BYTES", 20)
    assert parse("x = '" + "é" * 7 + "'", "python") is not None
    assert parse("x = '" + "é" * 8 + "'", "python") is None


def test_a_parse_that_runs_out_of_time_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(syntax, "_BUDGET_S", -1.0)
        assert parse("x = [1, 2, 3]\n" * 5_000, "python") is None
    tree = parse("y = 1\n", "python")
    assert tree is not None
    assert tree.path_at(0)[0] == SyntaxNode("module", 0, 6, True)


@pytest.mark.parametrize(
    "text",
    [
        in_lines("(" * 100_000),
        in_lines("(" * 50_000 + ")" * 50_000),
        "(" + in_lines("-" * 60_000 + "1)"),
        "(a" + in_lines(".b" * 60_000),
        "\\" * 10_000,
        "\x01" * 90,
        "\ud83d" * 90,
        "'" * 10_001,
    ],
    ids=["openers", "nested", "minus", "dots", "backslashes", "control", "surrogates", "quotes"],
)
def test_hostile_texts_are_read_without_a_crash(text: str) -> None:
    tree = parse(text, "python")
    assert tree is not None
    for offset in (0, len(text) // 2, len(text)):
        assert len(tree.path_at(offset)) <= 500
    assert len(tree.faults()) <= 10_000


def test_a_tree_that_gave_itself_away_parses_again() -> None:
    tree = parse("x = (1\n", "python")
    assert tree is not None
    faults = tree.faults()
    moved = tree.take()
    assert moved is not None
    assert tree.take() is None
    assert tree.faults() == moved.faults() == faults


def test_a_parse_keeps_nothing_of_its_text() -> None:
    text = in_lines("x = [é]\n" * 20_000)
    parse(text, "python")
    tracemalloc.start()
    for _ in range(8):
        parse(text, "python")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < len(text)
