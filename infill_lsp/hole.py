"""Where text is missing: a snapshot and a caret or a selection become a hole, or a reason why there is none.

A hole never takes text right of the caret, but for blanks at the line's end and a placeholder that the caret touches.
It knows no engine and no protocol.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from infill_lsp.continuation import NAME_IS_TYPED, why_it_goes_on
from infill_lsp.document import Snapshot
from infill_lsp.indentation import expected, leading, line_break, line_text, previous_line, unit
from infill_lsp.languages import Language, language_for
from infill_lsp.placeholder import empty_body_indent, placeholder_at, todo_at
from infill_lsp.scan import Place, place_at

HoleKind = Literal["expression", "arguments", "line", "statement", "body", "placeholder", "selection"]

_WORD = re.compile(r"\w+")
_WORD_END = re.compile(r"\w+\Z")
_MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Hole:
    """The half-open range to replace. `indent` is the indent of the line, or of the block for a body."""

    start: int
    end: int
    kind: HoleKind
    indent: str
    multiline: bool  # the fill may hold line breaks
    why: str


@dataclass(frozen=True, slots=True)
class NoHole:
    """There is nothing to fill, and why, in words for the user."""

    reason: str


def hole_at(snapshot: Snapshot, offset: int, *, explicit: bool = True) -> Hole | NoHole:
    """Find the hole at a caret, as inline completion and `fill --at` ask for it.

    For a user who only types (`explicit` false), a placeholder is a hole only with the caret at its start: one that was
    typed just now is text that the user means.
    """
    index = snapshot.index
    offset = min(max(offset, 0), len(snapshot.text))
    line = index.line_of(offset)
    start, end = index.line_start(line), index.line_end(line)
    offset = min(offset, end)
    place = place_at(snapshot, offset)
    if place.where != "code":
        return NoHole(f"the caret is in a {place.where}")
    if (found := placeholder_at(snapshot, offset)) is not None:
        if not explicit and offset != found.start:
            return NoHole("the placeholder is filled on request, or with the caret at its start")
        indent = leading(line_text(snapshot, line))
        return Hole(found.start, found.end, "placeholder", indent, found.whole_line, "a placeholder at the caret")
    before, after = snapshot.text[start:offset], snapshot.text[offset:end]
    if after and _is_word(after[0]):
        return NoHole("a word begins right of the caret")
    if not before.strip() and not _continues(snapshot, line, place):
        return NoHole("text follows the caret") if after.strip() else _on_blank_line(snapshot, line, offset)
    return _on_line(snapshot, line, offset, place)


def hole_for_action(snapshot: Snapshot, start: int, end: int) -> Hole | NoHole:
    """Find what a code action may fill: the selection, or at a caret a placeholder, a TODO or an empty body."""
    start, end = sorted((min(max(start, 0), len(snapshot.text)), min(max(end, 0), len(snapshot.text))))
    if snapshot.text[start:end].strip():
        return _selection(snapshot, start, end)
    line = snapshot.index.line_of(start)
    indent = leading(line_text(snapshot, line))
    if (found := placeholder_at(snapshot, start)) is not None:
        return Hole(found.start, found.end, "placeholder", indent, found.whole_line, "a placeholder at the caret")
    if (found := todo_at(snapshot, start)) is not None:
        return Hole(found.start, found.end, "placeholder", indent, True, "a TODO that is the whole block")
    if (inner := empty_body_indent(snapshot, line)) is not None:
        line_end = snapshot.index.line_end(line)
        return Hole(line_end, line_end, "body", inner, True, "the block below is empty")
    if not line_text(snapshot, line).strip() and place_at(snapshot, start).where == "code":
        hole = hole_at(snapshot, start)
        if isinstance(hole, Hole) and hole.kind == "body":
            return hole
    return NoHole("nothing to fill here")


def replaces_lines(snapshot: Snapshot, hole: Hole) -> bool:
    """Tell whether the hole takes whole lines, so that its fill is statements and not a part of one."""
    if hole.kind in ("statement", "body"):
        return True
    before = snapshot.text[snapshot.index.line_start(snapshot.index.line_of(hole.start)) : hole.start]
    after = snapshot.text[hole.end : snapshot.index.line_end(snapshot.index.line_of(hole.end))]
    return hole.multiline and not before.strip() and not after.strip()


def lead(snapshot: Snapshot, hole: Hole) -> str:
    """Give what a fill must begin with: what is still missing of the indent, and below a header a line break."""
    line = snapshot.index.line_of(hole.start)
    before = snapshot.text[snapshot.index.line_start(line) : hole.start]
    if before.strip():
        return line_break(snapshot, line) + hole.indent if hole.kind == "body" else ""
    return hole.indent[len(before) :] if hole.indent.startswith(before) else ""


def _continues(snapshot: Snapshot, line: int, place: Place) -> bool:
    """Tell whether `line` goes on with what the line above began."""
    return bool(place.frames) or (line > 0 and line_text(snapshot, line - 1).endswith("\\"))


def _on_blank_line(snapshot: Snapshot, line: int, offset: int) -> Hole:
    wanted = expected(snapshot, line)
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    # Blanks that do not begin the wanted indent are part of the hole, so that the fill can replace them.
    hole_start = offset if wanted.indent.startswith(snapshot.text[start:offset]) else start
    if wanted.empty_block:
        return Hole(hole_start, end, "body", wanted.indent, True, "the first line of an empty block")
    return Hole(hole_start, end, "statement", wanted.indent, False, "a blank line in a block")


def _on_line(snapshot: Snapshot, line: int, offset: int, place: Place) -> Hole | NoHole:
    """Find the hole on a line that has begun, on this line or above."""
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    before, after = snapshot.text[start:offset], snapshot.text[offset:end]
    if _takes_no_join(before, after, language_for(snapshot.language)):
        return NoHole("text follows the caret")
    why = why_it_goes_on(snapshot, line, offset, place)
    if why is None:
        return NoHole("the line is complete")
    kind: HoleKind = "expression"
    if place.bracket is not None:
        kind = "arguments" if _is_call(snapshot, place.bracket.offset) else "expression"
    elif not why.startswith("after") and (why != NAME_IS_TYPED or _WORD.fullmatch(before.strip())):
        kind = "line"
    indent = leading(before)
    if not before.strip() and not after.strip() and not indent:
        indent = _continued_indent(snapshot, line, place)
    return Hole(offset, offset if after.strip() else end, kind, indent, False, why)


def _takes_no_join(before: str, after: str, language: Language) -> bool:
    """Tell whether an operand stands right of the caret, or anything but a closer right of an empty line start."""
    text = after.lstrip()
    if not text:
        return False
    if not before.strip():
        return text[0] not in ")]},:"
    word = _WORD.match(text)
    return text.startswith(tuple(quote.opener for quote in language.quotes)) or bool(word and word.group() not in language.known_words)


def _is_call(snapshot: Snapshot, bracket: int) -> bool:
    """Tell the parentheses of a call or a parameter list from those that only group."""
    if snapshot.text[bracket] != "(":
        return False
    before = snapshot.text[max(bracket - _MAX_NAME, 0) : bracket]
    word = _WORD_END.search(before)
    if word is None:
        return before.endswith((")", "]"))
    return word.group() not in language_for(snapshot.language).open_words


def _continued_indent(snapshot: Snapshot, line: int, place: Place) -> str:
    """Give the indent of a blank line inside brackets: that of the line above, one deeper below the opening one."""
    above = previous_line(snapshot, line)
    if above is None:
        return ""
    indent = leading(line_text(snapshot, above))
    opened_above = place.bracket is not None and snapshot.index.line_of(place.bracket.offset) == above
    return indent + unit(snapshot, line) if opened_above or place.bracket is None else indent


def _selection(snapshot: Snapshot, start: int, end: int) -> Hole | NoHole:
    """Trim a selection to what is not blank, widen it to whole words, and make it a hole."""
    text, index = snapshot.text, snapshot.index
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    while start > 0 and _is_word(text[start]) and _is_word(text[start - 1]):
        start -= 1
    while end < len(text) and _is_word(text[end - 1]) and _is_word(text[end]):
        end += 1
    if place_at(snapshot, start).where != "code":
        return NoHole("the selection begins in a comment or a string")
    if place_at(snapshot, end).where == "string":
        return NoHole("the selection ends in a string")
    first, last = index.line_of(start), index.line_of(end)
    whole = not text[index.line_start(first) : start].strip() and not text[end : index.line_end(last)].strip()
    indent = leading(line_text(snapshot, first))
    return Hole(start, end, "selection", indent, whole or first != last, "the selection")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
