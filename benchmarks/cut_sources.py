"""Real files to cut: from a collection of sources, or from what is installed on this machine.

A collection is the file that `python -m engine.training.data` writes: one JSON object a line, with `package`, `path`,
`language` and `text`. What is drawn depends on the files' names and a seed alone. It knows no hole.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_lsp.languages import language_for
from infill_lsp.trees.syntax import parse

MIN_BYTES, MAX_BYTES = 1_000, 60_000
_MAX_PATHS = 200_000
_SKIPPED = frozenset({"__pycache__", ".git", "testdata"})


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `name` says where it is from; `language` is a language id."""

    name: str
    language: str
    text: str


def collected(path: Path, languages: Sequence[str], count: int, seed: int) -> Iterator[Source]:
    """Draw files of each language from a collection, as many as there are up to `count`."""
    found: dict[str, list[tuple[str, str]]] = {language: [] for language in languages}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            language = _language_of(record["path"], found, record["language"])
            if language is not None:
                found[language].append((f"{record['package']}/{record['path']}", record["text"]))
    for language, files in found.items():
        files.sort()
        random.Random(f"{seed} {language}").shuffle(files)
        sources = (Source(name, language, text) for name, text in files)
        yield from _first_fit(sources, count)


def installed(
    languages: Sequence[str], count: int, seed: int, folders: Sequence[Path] | None = None
) -> Iterator[Source]:
    """Draw files of each language from the packages and headers that this machine has, or from given folders."""
    found: dict[str, list[Path]] = {language: [] for language in languages}
    for folder in _folders() if folders is None else folders:
        for path in _files_below(folder):
            if (language := _language_of(path.name, found)) is not None:
                found[language].append(path)
    for language, paths in found.items():
        paths.sort()
        random.Random(f"{seed} {language}").shuffle(paths)
        yield from _first_fit((_read(path, language) for path in paths), count)


def _language_of(path: str, wanted: Iterable[str], collected_as: str = "") -> str | None:
    """Tell the language by the file's suffix; where two have it, a collection knows, and otherwise the first does."""
    fitting = [language for language in wanted if path.endswith(language_for(language).suffixes)]
    return collected_as if collected_as in fitting else next(iter(fitting), None)


def _first_fit(sources: Iterator[Source], count: int) -> Iterator[Source]:
    """Give the first `count` files of a fair size that parse without faults."""
    for source in sources:
        if count <= 0:
            return
        if not MIN_BYTES <= len(source.text.encode("utf-8", "surrogatepass")) <= MAX_BYTES:
            continue
        tree = parse(source.text, source.language)
        if tree is not None and not tree.has_faults:
            count -= 1
            yield source


def _read(path: Path, language: str) -> Source:
    try:
        # Bytes, since text mode would change line endings.
        text = path.read_bytes().decode("utf-8") if path.stat().st_size <= MAX_BYTES else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    return Source(str(path), language, text)


def _folders() -> list[Path]:
    paths = sysconfig.get_paths()
    home = Path.home()
    candidates = [
        Path(paths["stdlib"]),
        Path(paths["purelib"]),
        Path("/usr/include"),
        Path("/usr/lib/node_modules"),
        Path("/usr/local/lib/node_modules"),
        Path("/usr/share/nodejs"),
        Path("node_modules"),
        Path("/usr/lib/go/src"),
        Path("/usr/local/go/src"),
        Path("/usr/share/gocode/src"),
        home / "go/pkg/mod",
        home / ".cargo/registry/src",
        Path("/usr/share/cargo/registry"),
    ]
    return [path for path in candidates if path.is_dir()]


def _files_below(folder: Path) -> Iterator[Path]:
    seen = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            seen += 1
            if seen > _MAX_PATHS:
                return
            yield Path(root, name)
