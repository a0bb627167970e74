"""The languages that are known, found by language id or by file name: one file here for each.

A language is data: every room reads these tables and none asks for a language by name. It knows no parser and no file.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache

from infill_lsp.languages.language import NEVER, Blocks, Language, Quote, words

__all__ = ["NEVER", "Blocks", "Language", "Quote", "known_suffixes", "language_for", "language_of_path", "languages"]

# In most languages a block begins below a line that ends so, and a brace that stands after these holds values.
_LIKELY_OPENER = re.compile(r"(?:[{:]|(?<![=!<>])=|->|=>|\b(?:do|then|begin))\Z")
_LIKELY_VALUE = re.compile(r"(?:[=(,\[:]|\breturn)\s*\Z")
_NO_LANGUAGE = frozenset({"language"})


@cache
def _modules() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__)) - _NO_LANGUAGE


@cache
def languages() -> tuple[Language, ...]:
    """Give every language that is known, in the order of their ids."""
    return tuple(_load(name) for name in sorted(_modules()))


@cache
def language_for(language_id: str) -> Language:
    """Find a language by its id; an unknown one gets tables that assume nothing but brackets and quotes."""
    if language_id in _modules():
        return _load(language_id)  # Without a look at the others: a server starts with one language.
    for language in languages():
        if language_id in language.names:
            return language
    return Language(
        id=language_id,
        blocks="words",
        header_end="{",
        block_opener=_LIKELY_OPENER,
        end_words=words("} end else"),
        value_brace=_LIKELY_VALUE,
    )


def known_suffixes() -> tuple[str, ...]:
    """Name what the files of every language end in."""
    return tuple(suffix for language in languages() for suffix in language.suffixes)


def language_of_path(path: str) -> Language | None:
    """Find the language of a file by its name, or None."""
    name = path.replace("\\", "/").rpartition("/")[2]
    for language in languages():
        if name in language.filenames or name.endswith(language.suffixes):
            return language
    return None


def _load(name: str) -> Language:
    language = importlib.import_module(f"{__name__}.{name}").LANGUAGE
    assert isinstance(language, Language)
    return language
