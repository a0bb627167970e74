"""A language of which no table is known, and one whose grammar is not installed: brackets and indents remain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_lsp import languages
from infill_lsp.trees.grammars import grammar_of
from tests.fixture import marked, snapshot_of
from tests.infill_lsp.holes.case import COMPLETE, STRING, WORD, Case, blank, body, hole, none

CASES = [
    hole("let x = $0\n", "expression"),
    hole("proc f(x: int): int =\n  return x + $0\n", "expression"),
    hole("echo(a, $0)\n", "arguments"),
    hole("echo(a, $0\n", "arguments"),
    hole("echo(\n  a,\n  $0\n)\n", "arguments", indent="  "),
    hole("let xs = @[1, $0]\n", "expression"),
    hole("let t = {1: $0}\n", "expression"),
    blank("proc f =\n  let x = 1\n  $0\n  echo x\n", "  "),
    blank("proc f =\n  echo 1\n\nproc g =\n  echo 2\n\n$0\n\nproc h =\n  echo 3\n", ""),
    blank("\n$0\n", ""),
    blank("void f() {\n  let x = 1;\n  $0\n  return x;\n}\n", "  "),
    body("void f() {\n$0\n}\n", "    "),
    body("while x:\n  $0\n", "  "),
    none('echo "a $0"\n', STRING),
    none("let x = 1\nlet y = x$0\n", COMPLETE),
    none("let x = $0name\n", WORD),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_a_language_without_a_table(case: Case) -> None:
    case.check("nim")


_TABLE = """
from infill_lsp.languages.language import Language

LANGUAGE = Language(id="gleam", grammar="tree_sitter_that_nobody_installed", line_comments=("//",), header_end="{")
"""


@pytest.fixture
def gleam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A language like those that are shipped, but for a grammar that cannot be imported."""
    (tmp_path / "gleam.py").write_text(_TABLE, encoding="utf-8")
    monkeypatch.setattr(languages, "__path__", [*languages.__path__, str(tmp_path)])
    for function in (languages._modules, languages.languages, languages.language_for, grammar_of):
        function.cache_clear()
    yield "gleam"
    monkeypatch.undo()
    for function in (languages._modules, languages.languages, languages.language_for, grammar_of):
        function.cache_clear()


@pytest.mark.parametrize(
    "case",
    [
        hole("let x = $0\n", "expression"),
        hole("f(a, $0\n", "arguments"),
        blank("fn f() {\n  g()\n  $0\n  h()\n}\n", "  "),
        none('let x = "a $0"\n', STRING),
        none("let x = 1\nlet y = x$0\n", COMPLETE),
    ],
    ids=lambda case: repr(case.text),
)
def test_a_language_whose_grammar_is_not_installed(case: Case, gleam: str) -> None:
    case.check(gleam)


def test_it_is_known_that_the_grammar_is_not_installed(gleam: str) -> None:
    found = grammar_of(gleam)
    assert found.parser_language is None
    assert found.problem
    assert snapshot_of(marked("let x = $0\n").text, gleam).tree is None
