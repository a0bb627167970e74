"""What may not be shown: a fill that says nothing, says again what is there, breaks the indentation or the parse.

It judges and changes nothing; every reason is a few words for the user.
"""

from __future__ import annotations

import re
from itertools import pairwise

from infill_lsp.blocks.indentation import leading, line_text, next_line, previous_line, unit
from infill_lsp.fitting.overlap import repeated_tail, without_comments
from infill_lsp.holes.hole import Hole, lead, replaces_lines
from infill_lsp.judging.parse_check import breaks_parse
from infill_lsp.languages import language_for
from infill_lsp.reading.scan import Frame, missing_closers, place_at, unmatched, walk
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.syntax import has_grammar

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_STRING_ALONE = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')(?:\\.|(?!\1).)*\1", re.DOTALL)
_HAS_WORD = re.compile(r"\w")
_MAX_SAME_LINES = 2
# A small model that has lost its thread says `alalal` or `000000000`; names and numbers of people hardly do.
_STUTTER = re.compile(r"([A-Za-z_]{2,8}?)\1{2,}|(\w)\2{7,}")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F_]+")


def rejection(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why `text` may not be shown in this hole, or None if it may."""
    return misfit(snapshot, hole, text) or breaks_parse(snapshot, hole, text)


def misfit(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell at once why `text` may not be shown, or None if only a parse can tell (`parse_check.breaks_parse`)."""
    return unhelpful(snapshot, hole, text) or unfit(snapshot, hole, text)


def unfit(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why `text` cannot stand in this hole, whatever it says: its indentation or its brackets do not match."""
    return _breaks_indentation(snapshot, hole, text) or _breaks_brackets(snapshot, hole, text)


def unhelpful(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell why `text` helps nobody in this hole, however well it fits: it says nothing, or says again what is there."""
    return _says_nothing(snapshot, hole, text) or _says_again(snapshot, hole, text)


def _says_nothing(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    language = language_for(snapshot.language)
    if not text.strip():
        return "the fill is empty"
    if hole.kind not in ("string", "comment") and not without_comments(text, language):
        return "the fill is only a comment"
    if text == snapshot.text[hole.start : hole.end]:
        return "the fill changes nothing"
    if language.strings_document and replaces_lines(snapshot, hole) and _STRING_ALONE.fullmatch(text.strip()):
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
    if _STUTTER.search(_HEXADECIMAL.sub("0", text)):
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
    # Elsewhere a line may begin anywhere: labels, what a chain goes on with, closing brackets. Brackets must match.
    return _breaks_layout(snapshot, hole, inner) if language.blocks == "indentation" else None


def _breaks_layout(snapshot: Snapshot, hole: Hole, inner: str) -> str | None:
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


def _breaks_brackets(snapshot: Snapshot, hole: Hole, text: str) -> str | None:
    """Tell whether brackets do not match, where a parser would not: `} {` may parse in a block, and breaks it."""
    language = language_for(snapshot.language)
    frames = list(place_at(snapshot, hole.start).frames)
    if language.blocks == "indentation" or (frames and not frames[-1].is_bracket):
        return None
    missing = missing_closers(snapshot.text, hole.end, language, frames)
    for bracket in unmatched(text, 0, len(text), language, frames):
        if not missing.startswith(bracket.text):
            return "the fill closes a bracket that it did not open"
        missing = missing[1:]
    if has_grammar(snapshot.language):
        return None
    opened: list[Frame] = []
    for _ in walk(text, 0, len(text), language, opened):
        pass
    return "the fill leaves a bracket open" if any(frame.is_bracket for frame in opened) else None
