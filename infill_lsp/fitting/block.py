"""The lines of a fill that belong to a block, indented as the file indents.

An engine answers in the indent of the file, or from column 0 as if the block stood alone; both are understood.
Where white space or a word ends a block, so does a line of the fill; where a bracket does, the fill is cut before it
comes here. It knows no engine and does not judge what the lines say.
"""

from __future__ import annotations

from collections.abc import Sequence

from infill_lsp.blocks.indentation import begins_header, columns, first_word, leading, unit
from infill_lsp.fitting.reindent import reindented, spelled, width_of
from infill_lsp.holes.hole import Hole
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Frame, walk
from infill_lsp.text.document import Snapshot


def block_lines(snapshot: Snapshot, hole: Hole, lines: Sequence[str]) -> list[str]:
    """Give the lines up to where the block ends, the first without its indent, the others with theirs.

    Lines inside a string keep every character. Blank lines around are dropped.
    """
    language = language_for(snapshot.language)
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[first:]
    if not lines:
        return []
    frames = _frames(lines, language)
    if language.blocks in ("braces", "none"):
        kept = reindented(snapshot, hole, lines, frames)
    else:
        kept = _dedented(snapshot, hole, lines, [above[-1] if above else None for above in frames])
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _frames(lines: Sequence[str], language: Language) -> list[tuple[Frame, ...]]:
    """Tell for every line what stands open where it begins: brackets, a string, a comment or nothing."""
    text = "\n".join(lines) + "\n"
    frames: list[Frame] = []
    opened: list[tuple[Frame, ...]] = []
    start = 0
    for line in lines:
        opened.append(tuple(frames))
        for _ in walk(text, start, start + len(line) + 1, language, frames):
            pass
        start += len(line) + 1
    return opened


def _dedented(snapshot: Snapshot, hole: Hole, lines: Sequence[str], openers: Sequence[Frame | None]) -> list[str]:
    """Keep the lines up to the first, outside brackets and strings, that begins left of the first one.

    A line that begins with a word which ends blocks ends this one too, if no block has begun since.
    """
    language = language_for(snapshot.language)
    outside = [line for line, opener in zip(lines, openers, strict=True) if opener is None and line.strip()]
    base = _base(outside, hole, language)
    step = unit(snapshot, snapshot.index.line_of(hole.start))
    width = width_of(lines, base)
    kept = [lines[0].strip(" \t")]
    has_block = _opens_block(kept[0], language)
    for line, opener in list(zip(lines, openers, strict=True))[1:]:
        inner = columns(leading(line)) - base
        if opener is not None and not opener.is_bracket:
            kept.append(line)
        elif not line.strip():
            kept.append("")
        elif opener is None and (inner < 0 or (inner == 0 and not has_block and _ends_block(line, language))):
            break
        else:
            kept.append(spelled(hole.indent, line, inner, step, width) + line.strip(" \t"))
        if opener is None and line.strip():
            has_block = inner > 0 or _opens_block(line, language)
    return kept


def _opens_block(line: str, language: Language) -> bool:
    """Tell whether a line may be the first of a block that a word ends."""
    if language.blocks != "words":
        return False
    return begins_header(line, language) or not language.header_end_words.isdisjoint(line.split())


def _ends_block(line: str, language: Language) -> bool:
    return language.blocks == "words" and first_word(line) in language.end_words


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
    if _opens_block(first, language):
        ends = [columns(leading(line)) for line in outside[1:] if _ends_block(line, language)]
        return indent if not ends or max(ends) >= indent else max(own, max(ends))
    if language.header_end and first.rstrip().endswith(language.header_end) and begins_header(first, language):
        return own if own < inner <= indent else indent
    if inner >= indent:
        return indent
    if own:
        return own
    if first_word(first) in language.last_words:
        return indent
    # What follows at column 0 is the code below the block, unless it ends as only a block can.
    ends_as_block = any(first_word(line) in language.last_words and not leading(line) for line in outside[1:])
    return 0 if ends_as_block else indent
