"""Real files with something taken out, and what stood there: for `benchmarks.context_recall`.

A hole is a statement of a function or all statements of its body; what is wanted are the identifiers of what was taken
out, as the parser tells them from words in strings and comments. It knows no context.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tree_sitter

from benchmarks.cut_nodes import nodes_of
from infill_lsp.blocks.lines import leading
from infill_lsp.context.names import MIN_NAME_CHARS, keywords
from infill_lsp.holes.hole import Hole
from infill_lsp.languages import language_for
from infill_lsp.text.document import Document, Snapshot
from infill_lsp.text.line_index import LineIndex
from infill_lsp.trees.grammars import grammar_of
from infill_lsp.trees.syntax import parse

_MIN_CHARS, _MAX_CHARS = 2_000, 200_000
_MAX_LINE = 400
_MAX_OTHERS = 6
_MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a package."""

    package: str
    path: str
    language: str
    text: str

    @property
    def uri(self) -> str:
        """What an editor would call it."""
        return f"file:///{self.package}/{self.path}"


@dataclass(frozen=True, slots=True)
class Missing:
    """A file with a hole in it, and the identifiers of what stood there."""

    kind: str  # "statement" or "body"
    snapshot: Snapshot
    hole: Hole
    names: frozenset[str]


def read(path: Path, languages: Sequence[str]) -> dict[str, list[Source]]:
    """Read a collection of sources, the languages apart."""
    found: dict[str, list[Source]] = {language: [] for language in languages}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            language = record["language"]
            if language in found and record["path"].endswith(language_for(language).suffixes):
                found[language].append(Source(record["package"], record["path"], language, record["text"]))
    return found


def drawn(sources: Sequence[Source], count: int, seed: int) -> Iterator[Source]:
    """Draw files of a fair size that parse, no more than a tenth of them from one package."""
    files = sorted(sources, key=lambda each: each.uri)
    random.Random(f"{seed} {files[0].language if files else ''}").shuffle(files)
    taken: dict[str, int] = {}
    for source in files:
        if count <= 0:
            return
        fits = _MIN_CHARS <= len(source.text) <= _MAX_CHARS and taken.get(source.package, 0) < max(count // 10, 6)
        if not fits or max(map(len, source.text.split("\n"))) > _MAX_LINE:
            continue
        tree = parse(source.text, source.language)
        if tree is not None and not tree.has_faults:
            taken[source.package] = taken.get(source.package, 0) + 1
            count -= 1
            yield source


def others(source: Source, sources: Sequence[Source], seed: int) -> tuple[Snapshot, ...]:
    """Choose what else of the package is open: files of the same folder before those further away."""
    folder = os.path.dirname(source.path)
    candidates = [each for each in sources if each.package == source.package and each.path != source.path]
    chance = random.Random(f"{seed} {source.uri}")
    candidates.sort(key=lambda each: each.path)
    chance.shuffle(candidates)
    candidates.sort(key=lambda each: -len(os.path.commonpath(["/" + folder, "/" + os.path.dirname(each.path)])))
    return tuple(
        Document(each.uri, 1, each.text, each.language).snapshot()
        for each in candidates[:_MAX_OTHERS]
        if len(each.text) <= _MAX_CHARS
    )


def missing(source: Source, count: int, seed: int) -> Iterator[Missing]:
    """Take statements and bodies out of functions, `count` of each kind."""
    nodes = nodes_of(source.text, source.language)
    identifiers = _identifiers(source)
    ranges = {
        "statement": [(each.start, each.end) for each in nodes.statements if each.function is not None],
        "body": [
            (each.start, each.end)
            for each in nodes.bodies
            if each.function is not None and not each.is_of_class and each.end - each.start < 4_000
        ],
    }
    for kind, places in ranges.items():
        random.Random(f"{seed} {kind} {source.uri}").shuffle(places)
        left = count
        for start, end in places:
            names = frozenset(name for at, name in identifiers if start <= at < end)
            if not names or left <= 0:
                continue
            left -= 1
            text = source.text[:start] + source.text[end:]
            line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
            hole = Hole(start, start, "body" if kind == "body" else "statement", leading(line), True, "taken out")
            yield Missing(kind, Document(source.uri, 1, text, source.language).snapshot(), hole, names)


def _identifiers(source: Source) -> list[tuple[int, str]]:
    """Give the names in code and where they stand, in no order."""
    language, grammar = language_for(source.language), grammar_of(source.language).parser_language
    assert grammar is not None
    tree = tree_sitter.Parser(grammar).parse(source.text.encode("utf-8", "surrogatepass"))
    index, known = LineIndex(source.text), keywords(source.language)
    skipped = language.string_kinds | language.comment_kinds
    found: list[tuple[int, str]] = []
    stack = [tree.root_node]
    while stack:
        node = stack.pop()
        if node.type in skipped:
            continue
        if node.child_count:
            stack += node.children
        elif node.is_named:
            start = index.offset_of_byte(node.start_byte)
            name = source.text[start : index.offset_of_byte(node.end_byte)]
            if len(name) >= MIN_NAME_CHARS and name.isidentifier() and name not in known:
                found.append((start, name))
    return found
