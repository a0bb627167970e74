"""What a hole is, and how its fill must begin. Where holes are is found by the rooms whose names begin with `hole`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infill_lsp.blocks.indentation import line_break
from infill_lsp.text.document import Snapshot

HoleKind = Literal[
    "expression",
    "arguments",
    "line",  # the rest of a line, beyond an expression: the end of a header, a `;`
    "statement",
    "member",  # of a class, a structure, an enumeration, values in braces, a `switch`
    "body",
    "placeholder",
    "error",  # what does not parse
    "string",
    "comment",
    "selection",
]


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


def replaces_lines(snapshot: Snapshot, hole: Hole) -> bool:
    """Tell whether the hole takes whole lines, so that its fill is statements and not a part of one."""
    if hole.kind == "statement" or (hole.kind == "body" and hole.multiline):
        return True
    before = snapshot.text[snapshot.index.line_start(snapshot.index.line_of(hole.start)) : hole.start]
    after = snapshot.text[hole.end : snapshot.index.line_end(snapshot.index.line_of(hole.end))]
    return (hole.multiline or hole.kind == "member") and not before.strip() and not after.strip()


def lead(snapshot: Snapshot, hole: Hole) -> str:
    """Give what a fill must begin with: what is still missing of the indent, and below a header a line break."""
    line = snapshot.index.line_of(hole.start)
    before = snapshot.text[snapshot.index.line_start(line) : hole.start]
    if before.strip():
        return line_break(snapshot, line) + hole.indent if hole.kind == "body" and hole.multiline else ""
    return hole.indent[len(before) :] if hole.indent.startswith(before) else ""


def is_word(character: str) -> bool:
    """Tell what names are made of."""
    return character.isalnum() or character == "_"
