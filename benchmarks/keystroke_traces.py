"""What is typed in the keystroke benchmark: real files of a wanted length, and edits a keystroke each.

A trace is what a user does at one place: add a statement, open a string or a bracket that breaks all below and mend it.
It knows no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cut_sources import collected, installed
from infill_lsp.excludes.refusal import MAX_BYTES
from infill_lsp.languages import language_for

_SEED = 5
_MANY = 100_000
_STATEMENT = "value = compute(first, second[0])"
_PLACES = {"top": 0.02, "middle": 0.5, "end": 0.97}


@dataclass(frozen=True, slots=True)
class Trace:
    """Keystrokes at one place of a file, each as what it replaces: `[start, end)` by a text."""

    place: str
    name: str
    edits: tuple[tuple[int, int, str], ...]


def real_file(language: str, num_lines: int, sources: Path | None) -> str:
    """Join real files of a language until they have so many lines, or as many as are parsed."""
    files = installed([language], _MANY, _SEED) if sources is None else collected(sources, [language], _MANY, _SEED)
    parts: list[str] = []
    lines = num_bytes = 0
    for source in files:
        part = source.text.replace("\r\n", "\n").rstrip("\n") + "\n\n"
        size = len(part.encode("utf-8", "surrogatepass"))
        if num_bytes + size > MAX_BYTES - 10_000:
            continue
        parts.append(part)
        lines += part.count("\n")
        num_bytes += size
        if lines >= num_lines or num_bytes > MAX_BYTES - 20_000:
            break
    return "".join("".join(parts).splitlines(keepends=True)[:num_lines])


def traces(text: str, language: str) -> Iterator[Trace]:
    """Give every trace at every place, each for the file as it was."""
    quotes = [quote for quote in language_for(language).quotes if quote.multiline]
    comments = language_for(language).block_comments
    opener, closer = (quotes[0].opener, quotes[0].end) if quotes else comments[0] if comments else ('"', '"')
    for place, share in _PLACES.items():
        start, indent = _indented_line(text, int(len(text) * share))
        yield Trace(place, "statement", tuple(_typed(start, "\n" + indent + _STATEMENT)))
        yield Trace(place, "string", tuple(_opened_and_mended(start, "\n" + indent, opener, closer)))
        yield Trace(place, "bracket", tuple(_opened_and_mended(start, "\n" + indent + "call", "(", ")")))
        yield Trace(place, "brace", tuple(_opened_and_mended(start, "\n" + indent, "{", "}")))


def _typed(start: int, text: str) -> Iterator[tuple[int, int, str]]:
    for position, character in enumerate(text):
        yield start + position, start + position, character


def _opened_and_mended(start: int, before: str, opener: str, closer: str) -> Iterator[tuple[int, int, str]]:
    """Open something, type on within it, and close it; the closer stands in one keystroke later than it is needed."""
    yield from _typed(start, f"{before}{opener}some text, more{closer}")


def _indented_line(text: str, offset: int) -> tuple[int, str]:
    """Find the end of a line in a body near an offset, and that line's indent."""
    while True:
        start = text.find("\n", offset) + 1
        end = text.find("\n", start)
        if start <= 0 or end < 0:
            return len(text), ""
        line = text[start:end]
        indent = line[: len(line) - len(line.lstrip())]
        if indent and line.rstrip().endswith((";", ")")):
            return end, indent
        offset = end
