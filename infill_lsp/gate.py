"""What may not be shown: a fill that says nothing, says again what is there, breaks the indentation or the parse.

It judges and changes nothing; every reason is a few words for the user.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from infill_lsp.document import Snapshot
from infill_lsp.hole import Hole, lead, replaces_lines
from infill_lsp.indentation import leading, line_text, next_line, previous_line, unit
from infill_lsp.languages import language_for
from infill_lsp.neutral import neutral_fills
from infill_lsp.overlap import repeated_tail
from infill_lsp.scan import Frame, walk
from infill_lsp.syntax import SyntaxTree, has_grammar, parse
from infill_lsp.validity import is_valid

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_STRING_ALONE = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')(?:\\.|(?!\1).)*\1", re.DOTALL)
_HAS_WORD = re.compile(r"\w")
_MAX_SAME_LINES = 2
# A small model that has lost its thread says `alalal` or `000000000`; names and numbers of people hardly do.
_STUTTER = re.compile(r"([A-Za-z_]{2,8}?)\1{2,}|(\w)\2{7,}")


def rejection(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why `text` may not be shown in this hole, or None if it may."""
    return (
        unhelpful(snapshot, hole, text)
        or _breaks_indentation(snapshot, hole, text)
        or _breaks_parse(snapshot, hole, text)
    )


def unhelpful(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why `text` helps nobody in this hole, however well it fits: it says nothing, or says again what is there."""
    return _says_nothing(snapshot, hole, text) or _says_again(snapshot, hole, text)


def _says_nothing(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    language = language_for(snapshot.language)
    lines = [line.strip() for line in _LINE_BREAK.split(text) if line.strip()]
    if not lines:
        return "the fill is empty"
    if all(line.startswith(language.line_comments) for line in lines):
        return "the fill is only a comment"
    if text == snapshot.text[hole.start : hole.end]:
        return "the fill changes nothing"
    if replaces_lines(snapshot, hole) and _STRING_ALONE.fullmatch(text.strip()):
        return "the fill is only a string"
    placeholder = language.placeholder_statement.fullmatch(text.strip())
    if placeholder and hole.kind in ("body", "placeholder"):
        return "the fill is only a placeholder"
    return None


def _says_again(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    index = snapshot.index
    first, last = index.line_of(hole.start), index.line_of(hole.end)
    before = snapshot.text[index.line_start(first) : hole.start]
    suffix = snapshot.text[hole.end : index.line_end(last)]
    if repeated_tail(text, suffix, language_for(snapshot.language)):
        return "the fill repeats the text after the hole"
    lines = [line.rstrip() for line in _LINE_BREAK.split(before + text + suffix)]
    above = previous_line(snapshot, first)
    if text[:1] in ("\n", "\r"):
        above, lines = first, lines[1:]
    lines = [line for line in lines if line]
    below = next_line(snapshot, last)
    if below is not None and _is_same(lines[-1], line_text(snapshot, below)):
        return "the fill repeats the line below"
    if above is not None and _is_same(lines[0], line_text(snapshot, above)):
        return "the fill repeats the line above"
    if _STUTTER.search(text):
        return "the fill repeats itself"
    run = 1
    for previous, line in pairwise(lines):
        run = run + 1 if _is_same(previous, line) else 1
        if run > _MAX_SAME_LINES:
            return "the fill repeats itself"
    return None


def _is_same(line: str, other: str) -> bool:
    return line.rstrip() == other.rstrip() and bool(_HAS_WORD.search(line))


def _breaks_indentation(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    start = lead(snapshot, hole)
    inner = text[len(start) :] if text.startswith(start) else text
    if not hole.multiline and _LINE_BREAK.search(inner):
        return "the fill holds a line break"
    if not replaces_lines(snapshot, hole):
        return None
    if not text.startswith(start) or inner[:1] in (" ", "\t", "\n", "\r"):
        return "the fill breaks the indentation"
    language = language_for(snapshot.language)
    step = unit(snapshot, snapshot.index.line_of(hole.start))
    frames: list[Frame] = []
    for number, line in enumerate(_LINE_BREAK.split(inner)):
        indent = leading(line)
        if number and not frames and line.strip():
            if not indent.startswith(hole.indent):
                return "the fill breaks the indentation"
            if _mixes(indent[len(hole.indent) :], step):
                return "the fill mixes tabs and blanks"
        for _ in walk(line + "\n", 0, len(line) + 1, language, frames):
            pass
    return None


def _mixes(indent: str, step: str) -> bool:
    if not indent:
        return False
    return ("\t" in indent) != ("\t" in step) or ("\t" in indent and " " in indent)


def _breaks_parse(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    if not has_grammar(snapshot.language):
        return None
    before, after = snapshot.text[: hole.start], snapshot.text[hole.end :]
    tree = parse(before + text + after, snapshot.language)
    if tree is None:
        return "the file with the fill could not be checked in time"
    fills = neutral_fills(snapshot, hole)
    num_faults, num_touching = _count(tree, hole.start, hole.start + len(text))
    if num_faults:
        num_allowed, num_touching_allowed = _baseline(before, after, fills, snapshot.language)
        if num_faults > num_allowed or (num_touching and not num_touching_allowed):
            return "the fill adds a parse error"
    if is_valid(before + text + after, snapshot.language):
        return None
    if not replaces_lines(snapshot, hole) and _lacks_body_alone(before, text, after, snapshot.language):
        return None
    return "the fill adds a parse error" if _can_be_valid(before, after, fills, snapshot.language) else None


def _lacks_body_alone(before: str, text: str, after: str, language: str) -> bool:
    """Tell whether the fill completes a header that the user began, and the file lacks nothing but its body."""
    body = next(iter(language_for(language).neutral_statements), "")
    return text.rstrip().endswith(":") and is_valid(f"{before}{text} {body}{after}", language)


def _count(tree: SyntaxTree, start: int, end: int) -> tuple[int, int]:
    faults = tree.faults()
    return len(faults), sum(1 for fault in faults if fault.start <= end and fault.end >= start)


# The candidates of one request are judged one after another. More than one entry would keep texts of closed documents.
@lru_cache(maxsize=1)
def _baseline(before: str, after: str, fills: tuple[str, ...], language: str) -> tuple[int, int]:
    """Count the faults of the file, and of those that touch the hole, with the harmless fill that leaves fewest."""
    counts: list[tuple[int, int]] = []
    for fill in fills:
        tree = parse(before + fill + after, language)
        if tree is not None:
            counts.append(_count(tree, len(before), len(before) + len(fill)))
            if counts[-1][0] == 0:
                break
    return min(counts, default=(0, 0))


@lru_cache(maxsize=1)
def _can_be_valid(before: str, after: str, fills: tuple[str, ...], language: str) -> bool:
    """Tell whether the file compiles with any of the harmless fills."""
    return any(is_valid(before + fill + after, language) for fill in fills)
