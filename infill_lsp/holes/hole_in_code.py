"""Holes at a caret in code: on a blank line, on a line that has begun, between braces with nothing in them."""

from __future__ import annotations

import re

from infill_lsp.blocks.brace_kind import block_braces_off, brace_kind
from infill_lsp.blocks.brace_statements import code_above
from infill_lsp.blocks.indentation import (
    code_of,
    expected,
    header_indent,
    leading,
    line_text,
    previous_line,
    statement_line,
    unit,
)
from infill_lsp.holes.continuation import NAME_IS_TYPED, why_it_goes_on
from infill_lsp.holes.hole_kinds import Hole, HoleKind, NoHole
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Frame, Place
from infill_lsp.text.document import Snapshot

_WORD = re.compile(r"\w+")
_WORD_END = re.compile(r"\w+\Z")
_MAX_NAME = 80


def continues(snapshot: Snapshot, line: int, place: Place) -> bool:
    """Tell whether `line` goes on with what the line above began."""
    if line > 0 and line_text(snapshot, line - 1).endswith("\\"):
        return True
    if language_for(snapshot.language).blocks != "braces":
        return bool(block_braces_off(snapshot, place.frames))
    inner = _inner(snapshot, place)
    if inner is not None:
        return inner.opener != "{" or _is_interpolation(place)
    start = snapshot.index.line_start(line)
    return why_it_goes_on(snapshot, line, start, place) is not None


def on_blank_line(snapshot: Snapshot, line: int, offset: int, place: Place) -> Hole:
    """Find the hole on a line that holds nothing and goes on with nothing."""
    wanted = expected(snapshot, line)
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    # Blanks that do not begin the wanted indent are part of the hole, so that the fill can replace them.
    hole_start = offset if wanted.indent.startswith(snapshot.text[start:offset]) else start
    if _holds_members(snapshot, line, place):
        is_value = _inner(snapshot, place) is not None
        if not (wanted.empty_block and not is_value):
            why = "a blank line among members"
            return Hole(hole_start, end, "member", wanted.indent, wanted.empty_block, why)
    if wanted.empty_block:
        return Hole(hole_start, end, "body", wanted.indent, True, "the first line of an empty block")
    return Hole(hole_start, end, "statement", wanted.indent, False, "a blank line in a block")


def empty_braces(snapshot: Snapshot, line: int, offset: int, place: Place) -> Hole | None:
    """Find the hole between two braces on one line that hold nothing: `{|}`."""
    bracket = place.bracket
    if language_for(snapshot.language).blocks != "braces" or bracket is None or _is_interpolation(place):
        return None
    text, index = snapshot.text, snapshot.index
    after = text[offset : index.line_end(line)]
    if bracket.opener != "{" or text[bracket.offset + 1 : offset].strip(" \t") or not after.lstrip().startswith("}"):
        return None
    if index.line_of(bracket.offset) != line:
        return None
    holds_members = brace_kind(snapshot, bracket) in ("members", "values")
    kind: HoleKind = "body"
    if holds_members:
        kind = "expression" if _is_attribute(snapshot, bracket) else "member"
    return Hole(offset, offset, kind, leading(line_text(snapshot, line)), False, "nothing stands between the braces")


def on_line(snapshot: Snapshot, line: int, offset: int, place: Place) -> Hole | NoHole:
    """Find the hole on a line that has begun, on this line or above."""
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    before, after = snapshot.text[start:offset], snapshot.text[offset:end]
    if _takes_no_join(before, after, language_for(snapshot.language)):
        return NoHole("text follows the caret")
    why = why_it_goes_on(snapshot, line, offset, place)
    if why is None:
        return NoHole("the line is complete")
    indent = leading(before)
    if not before.strip() and not after.strip() and not indent:
        indent = _continued_indent(snapshot, line, place)
    kind = _kind(snapshot, before, place, why)
    return Hole(offset, offset if after.strip() else end, kind, indent, False, why)


def _kind(snapshot: Snapshot, before: str, place: Place, why: str) -> HoleKind:
    bracket = _inner(snapshot, place)
    if bracket is None and place.bracket is not None and before.rstrip().endswith(("{", ",")):
        return "member" if brace_kind(snapshot, place.bracket) in ("members", "values") else _in_block(before)
    if bracket is not None:
        if _is_call(snapshot, bracket.offset):
            return "arguments"
        is_braces = language_for(snapshot.language).blocks == "braces" and not _is_interpolation(place)
        is_braces = is_braces and not _is_attribute(snapshot, bracket)
        is_member = is_braces and bracket.opener == "{" and before.rstrip().endswith(("{", ","))
        return "member" if is_member else "expression"
    if why.startswith("after") or (why == NAME_IS_TYPED and not _WORD.fullmatch(before.strip())):
        return "expression"
    return "line"


def _is_attribute(snapshot: Snapshot, brace: Frame) -> bool:
    """Tell the brace around one expression in an element, `a={b}` and `<i>{b}</i>`, from that of an object."""
    return snapshot.text[max(brace.offset - 1, 0) : brace.offset] in ("=", ">")


def _in_block(before: str) -> HoleKind:
    return "body" if before.rstrip().endswith("{") else "expression"


def _inner(snapshot: Snapshot, place: Place) -> Frame | None:
    """Give the innermost bracket that is no block."""
    if place.bracket is None:
        return None
    inner = block_braces_off(snapshot, place.frames)
    return inner[-1] if inner else None


def _holds_members(snapshot: Snapshot, line: int, place: Place) -> bool:
    """Tell whether what stands on `line` is a member and no statement: in a class, in an object, before a `case`."""
    if language_for(snapshot.language).blocks != "braces" or place.bracket is None or place.bracket.opener != "{":
        return False
    kind = brace_kind(snapshot, place.bracket)
    if kind != "cases" or not language_for(snapshot.language).label_words:
        return kind != "statements"
    above = code_above(snapshot, line)
    return above is not None and code_of(snapshot, above).endswith("{") and header_indent(snapshot, above) is not None


def _is_interpolation(place: Place) -> bool:
    """Tell code within a string from a block."""
    return len(place.frames) > 1 and place.frames[-2].quote is not None


def _takes_no_join(before: str, after: str, language: Language) -> bool:
    """Tell whether an operand stands right of the caret, or anything but a closer right of an empty line start."""
    text = after.lstrip()
    if not text:
        return False
    if not before.strip():
        return text[0] not in ")]},:;"
    word = _WORD.match(text)
    is_string = text.startswith(tuple(quote.opener for quote in language.quotes))
    return is_string or bool(word and word.group() not in language.known_words)


def _is_call(snapshot: Snapshot, bracket: int) -> bool:
    """Tell the parentheses of a call or a parameter list from those that only group."""
    if snapshot.text[bracket] != "(":
        return False
    before = snapshot.text[max(bracket - _MAX_NAME, 0) : bracket]
    word = _WORD_END.search(before)
    if word is None:
        return before.endswith((")", "]", ">", "!"))
    return word.group() not in language_for(snapshot.language).open_words


def _continued_indent(snapshot: Snapshot, line: int, place: Place) -> str:
    """Give the indent of a blank line that goes on: that of the line above, one deeper below the opening one."""
    above = previous_line(snapshot, line)
    if above is None:
        return ""
    indent = leading(line_text(snapshot, above))
    bracket = _inner(snapshot, place)
    if bracket is None:
        is_first = language_for(snapshot.language).blocks != "braces" or statement_line(snapshot, above) == above
        return indent + unit(snapshot, line) if is_first else indent
    opened_above = snapshot.index.line_of(bracket.offset) == above
    return indent + unit(snapshot, line) if opened_above else indent
