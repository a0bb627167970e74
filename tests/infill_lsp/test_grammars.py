"""Where grammars are found: a package of their own, then bundles, then nowhere; and nothing is ever fetched."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import tree_sitter
import tree_sitter_python

from infill_lsp.languages import languages
from infill_lsp.trees import grammars
from infill_lsp.trees.grammars import grammar_of, unusable_parser
from infill_lsp.trees.syntax import parse

_PACKAGES = {"tree_sitter_python", "tree_sitter_language_pack", "tree_sitter_languages"}


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The packages with a grammar for Python that can be found; none unless a test adds some."""
    found: set[str] = set()
    real = grammars.importlib.util.find_spec

    def find_spec(name: str) -> object:
        return real(name) if name in found or name not in _PACKAGES else None

    monkeypatch.setattr(grammars.importlib.util, "find_spec", find_spec)
    grammar_of.cache_clear()
    unusable_parser.cache_clear()
    yield found
    grammar_of.cache_clear()
    unusable_parser.cache_clear()


def put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, code: str) -> None:
    """Install a package of this name."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)


def as_version(monkeypatch: pytest.MonkeyPatch, distribution: str, version: str) -> None:
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == distribution else real(name))


@pytest.mark.parametrize("language", [language.id for language in languages() if language.grammar is not None])
def test_every_grammar_of_the_tables_loads_and_parses(language: str) -> None:
    found = grammar_of(language)
    assert found.source.startswith("tree-sitter-"), found.problem
    tree = parse("\n", language)
    assert tree is not None
    assert tree.path_at(0) is not None


def test_a_language_without_a_grammar_says_so() -> None:
    assert grammar_of("plaintext") == grammars.Grammar(None, problem="none is installed")


def test_the_own_package_comes_first(only: set[str]) -> None:
    only |= {"tree_sitter_python"}
    assert grammar_of("python").source == "tree-sitter-python"


def test_the_bundle_of_the_last_release_that_brings_its_grammars(
    only: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = "import tree_sitter, tree_sitter_python\ndef get_language(name):\n    if name != 'python':\n"
    code += "        raise LookupError(name)\n    return tree_sitter.Language(tree_sitter_python.language())\n"
    put(monkeypatch, tmp_path, "tree_sitter_language_pack", code)
    as_version(monkeypatch, "tree-sitter-language-pack", "0.13.0")
    only |= {"tree_sitter_language_pack"}
    assert grammar_of("python").source == "tree-sitter-language-pack"
    assert grammar_of("plaintext").parser_language is None


def test_a_bundle_that_would_fetch_grammars_is_not_even_opened(
    only: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(monkeypatch, tmp_path, "tree_sitter_language_pack", "raise AssertionError('opened')\n")
    as_version(monkeypatch, "tree-sitter-language-pack", "1.23.1")
    only |= {"tree_sitter_language_pack"}
    assert grammar_of("python") == grammars.Grammar(None, problem="none is installed")


def test_the_older_bundle_gives_its_shared_library(
    only: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(monkeypatch, tmp_path, "tree_sitter_languages", "raise AssertionError('its own code needs another parser')\n")
    (tmp_path / "tree_sitter_languages" / "languages.so").write_bytes(b"")
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    pointer = get(tree_sitter_python.language(), b"tree_sitter.Language")
    library = SimpleNamespace(tree_sitter_python=ctypes.CFUNCTYPE(ctypes.c_void_p)(lambda: pointer))
    monkeypatch.setattr(grammars.ctypes, "CDLL", lambda path: library)
    only |= {"tree_sitter_languages"}
    found = grammar_of("python")
    assert found.source == "tree-sitter-languages", found.problem
    assert found.parser_language is not None
    assert tree_sitter.Parser(found.parser_language).parse(b"x = 1\n").root_node.type == "module"


def test_a_broken_package_leads_to_the_next_and_says_why(
    only: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_python", ModuleType("tree_sitter_python"))
    monkeypatch.setattr(grammars.importlib.util, "find_spec", lambda name: name == "tree_sitter_python" or None)
    assert "has no attribute 'language'" in grammar_of("python").problem


@pytest.mark.parametrize("version", ["0.26.0", "0.25.2", "0.27.0"])
def test_a_parser_that_may_crash_is_refused(only: set[str], version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only |= {"tree_sitter_python"}
    monkeypatch.setattr(grammars, "_installed_version", lambda: version)
    assert f"tree-sitter {version} is not used" in grammar_of("python").problem
    assert parse("x = 1\n", "python") is None
