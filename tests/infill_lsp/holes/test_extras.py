"""What holds for the tables of all languages: they name what their grammars have, and their patterns read any text."""

from __future__ import annotations

import dataclasses
import re

import pytest

from infill_lsp.languages import Language, language_for, language_of_path, languages
from infill_lsp.trees.grammars import grammar_of

_KINDS = tuple(field.name for field in dataclasses.fields(Language) if field.name.endswith("_kinds"))
_WITH_GRAMMAR = [language for language in languages() if language.grammar is not None]


@pytest.mark.parametrize("language", _WITH_GRAMMAR, ids=lambda language: language.id)
def test_a_table_names_kinds_that_its_grammar_has(language: Language) -> None:
    grammar = grammar_of(language.id).parser_language
    assert grammar is not None
    known = {grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count)}
    assert {field: getattr(language, field) - known for field in _KINDS} == dict.fromkeys(_KINDS, frozenset())


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.id)
def test_a_table_is_found_by_every_name_it_gives(language: Language) -> None:
    assert all(language_for(name) is language for name in (language.id, *language.names))
    assert all(language_of_path(f"/a/b{suffix}") is language for suffix in language.suffixes)
    assert all(language_of_path(f"/a/{name}") is language for name in language.filenames)


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.id)
def test_no_pattern_of_a_table_matches_nothing_at_all(language: Language) -> None:
    # An empty token would be read for ever.
    for pattern in (language.atom, language.heredoc, language.todo, language.placeholder_statement):
        assert pattern.fullmatch("") is None
    assert all(quote.opener and quote.end for quote in language.quotes)


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.id)
@pytest.mark.parametrize("character", [" ", "a", "(", "'", "/", "\\", "=", ":", "#", "-", ";", "x,"])
def test_no_pattern_of_a_table_takes_more_than_the_square_of_a_line(language: Language, character: str) -> None:
    # What doubles the line may take four times as long, and no more; what backtracks without end never returns.
    text = character * 2_000 + "!"
    for field in dataclasses.fields(language):
        pattern = getattr(language, field.name)
        if isinstance(pattern, re.Pattern):
            pattern.search(text)
