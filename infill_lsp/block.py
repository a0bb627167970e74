"""The lines of a fill that belong to a block, indented as the file indents.

An engine answers in the indent of the file, or from column 0 as if the block stood alone; both are understood.
It knows no engine and does not judge what the lines say.
"""

from __future__ import annotations

from collections.abc import Sequence

from infill_lsp.document import Snapshot
from infill_lsp.hole import Hole
from infill_lsp.indentation import begins_header, columns, first_word, leading, unit
from infill_lsp.languages import Language, language_for
from infill_lsp.scan import Frame, walk

_DEFAULT_WIDTH = 4


def block_lines(snapshot: Snapshot, hole: Hole, lines: Sequence[str]) -> list[str]:
    """Give the lines up to where the block ends, the first without its indent, the others with theirs.

    A line ends the block if it begins left of the first one, outside brackets and strings.
    Lines inside a string keep every character. Blank lines around are dropped.
    """
    language = language_for(snapshot.language)
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[first:]
    if not lines:
        return []
    openers = _openers(lines, language)
    outside = [line for line, opener in zip(lines, openers, strict=True) if opener is None and line.strip()]
    base = _base(outside, hole, language)
    step = unit(snapshot, snapshot.index.line_of(hole.start))
    width = _width(lines, base)
    kept = [lines[0].strip(" \t")]
    for line, opener in list(zip(lines, openers, strict=True))[1:]:
        inner = columns(leading(line)) - base
        if opener is not None and not opener.is_bracket:
            kept.append(line)
        elif not line.strip():
            kept.append("")
        elif inner < 0 and opener is None:
            break
        else:
            kept.append(_indent(hole, line, inner, step, width) + line.strip(" \t"))
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _openers(lines: Sequence[str], language: Language) -> list[Frame | None]:
    """Tell for every line what stands open where it begins: a bracket, a string or nothing."""
    frames: list[Frame] = []
    openers: list[Frame | None] = []
    for line in lines:
        openers.append(frames[-1] if frames else None)
        for _ in walk(line + "\n", 0, len(line) + 1, language, frames):
            pass
    return openers


def _base(outside: Sequence[str], hole: Hole, language: Language) -> int:
    """Tell the column at which the outermost statements begin, from the lines outside of strings and brackets."""
    indent = columns(hole.indent)
    first = outside[0]
    own = columns(leading(first))
    if len(outside) == 1:
        return indent
    blanks = leading(outside[1])
    inner = columns(blanks)
    if blanks and hole.indent and ("\t" in blanks) != ("\t" in hole.indent):
        return own  # Not the file's style, so not the file's columns either.
    if language.header_end and first.rstrip().endswith(language.header_end) and begins_header(first, language):
        return own if own < inner <= indent else indent
    if inner >= indent:
        return indent
    if own:
        return own
    if first_word(first) in language.last_words:
        return indent
    # What follows at column 0 is the code below the block, unless it ends as only a block can.
    ends = any(first_word(line) in language.last_words and not leading(line) for line in outside[1:])
    return 0 if ends else indent


def _width(lines: Sequence[str], base: int) -> int:
    """Measure the engine's own level of indentation, in columns."""
    deeper = [columns(leading(line)) - base for line in lines[1:] if line.strip()]
    return min((inner for inner in deeper if inner > 0), default=_DEFAULT_WIDTH)


def _indent(hole: Hole, line: str, inner: int, step: str, width: int) -> str:
    """Write an indent of `inner` columns more than the hole's, in tabs or blanks as the file does."""
    if inner <= 0:
        return hole.indent
    blanks = leading(line)
    if "\t" in step:
        return hole.indent + step * (inner // width) + " " * (inner % width)
    return hole.indent + (step * (inner // width) if "\t" in blanks else " " * inner)
