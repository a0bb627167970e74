"""The one place where grammars come from: a language's own package, else a bundle of grammars, else none.

Nothing here fetches anything: of the bundles only those are opened that bring their grammars along.
It knows the names that a language's table gives its grammar, and no trees and no text.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tree_sitter

from infill_lsp.languages import Language, language_for

_OLDEST, _TOO_NEW = (0, 26, 1), (0, 27)
_PACK, _PACK_MODULE = "tree-sitter-language-pack", "tree_sitter_language_pack"
_BUNDLE_MODULE = "tree_sitter_languages"
_BUNDLE_LIBRARIES = ("languages.so", "languages.dylib", "languages.dll")
_CAPSULE_NAME = b"tree_sitter.Language"


@dataclass(frozen=True, slots=True)
class Grammar:
    """What was found for a language: a grammar and the package that it came with, or neither and the reason."""

    parser_language: tree_sitter.Language | None
    source: str = ""
    problem: str = ""


@cache
def grammar_of(language_id: str) -> Grammar:
    """Find the grammar of a language. Never raises for a package that is missing, too old or broken."""
    if (problem := unusable_parser()) is not None:
        return Grammar(None, problem=problem)
    language = language_for(language_id)
    problems: list[str] = []
    for find in (_from_own_package, _from_pack, _from_bundle):
        try:
            found = find(language)
        except Exception as error:  # A package can fail to load in any way, and the next one may not.
            problems.append(f"{find.__name__.removeprefix('_from_')}: {type(error).__name__}: {error}")
            continue
        if found is not None:
            return found
    return Grammar(None, problem="; ".join(problems) or "none is installed")


@cache
def unusable_parser() -> str | None:
    """Say why the installed parser library is not used, or None. Versions beside those that are asked for crash."""
    version = _installed_version()
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
    if _OLDEST <= numbers < _TOO_NEW:
        return None
    return f"tree-sitter {version} is not used: it may crash; install tree-sitter>=0.26.1,<0.27"


def _installed_version() -> str:
    """Read the version off the package's own record; the library that looks it up takes a while to load."""
    if tree_sitter.__file__ is not None:
        for record in Path(tree_sitter.__file__).parent.parent.glob("tree_sitter-*.dist-info"):
            return record.name.removeprefix("tree_sitter-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version("tree-sitter")


def _from_own_package(language: Language) -> Grammar | None:
    if language.grammar is None or importlib.util.find_spec(language.grammar) is None:
        return None
    module = importlib.import_module(language.grammar)
    return Grammar(_loaded(getattr(module, language.grammar_function)()), language.grammar.replace("_", "-"))


def _from_pack(language: Language) -> Grammar | None:
    """Look into the bundle whose releases before 1 bring their grammars along; later ones fetch them."""
    if importlib.util.find_spec(_PACK_MODULE) is None:
        return None
    from importlib import metadata

    if not metadata.version(_PACK).startswith("0."):
        return None
    pack = importlib.import_module(_PACK_MODULE)
    for name in _bundle_names(language):
        try:
            return Grammar(pack.get_language(name), _PACK)
        except LookupError:
            continue
    return None


def _from_bundle(language: Language) -> Grammar | None:
    """Take a grammar out of the shared library of the bundle, whose own code does not work with this parser."""
    spec = importlib.util.find_spec(_BUNDLE_MODULE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    path = next((folder / name for name in _BUNDLE_LIBRARIES if (folder / name).is_file()), None)
    if path is None:
        return None
    library = ctypes.CDLL(str(path))
    for name in _bundle_names(language):
        function = getattr(library, f"tree_sitter_{name}", None)
        if function is not None:
            function.restype = ctypes.c_void_p
            return Grammar(_loaded(_capsule(function())), _BUNDLE_MODULE.replace("_", "-"))
    return None


def _bundle_names(language: Language) -> tuple[str, ...]:
    """Give the names that bundles may have for a language, without those that no symbol can have."""
    names = (language.bundle_name, language.id)
    return tuple(dict.fromkeys(name for name in names if name.isidentifier()))


def _capsule(pointer: int) -> object:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(pointer, _CAPSULE_NAME, None)


def _loaded(capsule: object) -> tree_sitter.Language:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Some packages still hand out a bare number.
        return tree_sitter.Language(capsule)
