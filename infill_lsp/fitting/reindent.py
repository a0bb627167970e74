"""The indent of a fill's lines where brackets make the blocks: whole lines shifted, none of them judged.

What stands left of its statement stays there by as much: labels, closing brackets, lines that a compiler reads from
column 0. It knows no engine, and no block that white space ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from infill_lsp.blocks.indentation import columns, leading, unit
from infill_lsp.holes.hole import Hole
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Frame
from infill_lsp.text.document import Snapshot

_DEFAULT_WIDTH = 4
_CLOSERS = (")", "]", "}")


def reindented(snapshot: Snapshot, hole: Hole, lines: Sequence[str], frames: Sequence[tuple[Frame, ...]]) -> list[str]:
    """Indent lines for the hole, the first without its indent; `frames` tells what is open where each begins."""
    language = language_for(snapshot.language)
    indent = columns(hole.indent)
    base = _base(lines, frames, indent, language)
    step = unit(snapshot, snapshot.index.line_of(hole.start))
    width = width_of(lines, base)
    is_own_style = _keeps_style(snapshot, lines, step)
    is_even = all((columns(leading(line)) - base) % width == 0 for line in lines[1:] if line.strip())
    kept = [lines[0].strip(" \t")]
    for line, opened in list(zip(lines, frames, strict=True))[1:]:
        ink = line.strip(" \t")
        if opened and opened[-1].quote is not None:
            kept.append(line)
        elif not ink:
            kept.append("")
        elif line.startswith(language.directives):
            kept.append(ink)
        elif base == indent and is_own_style:
            kept.append(leading(line) + ink)
        elif base != indent and is_even:
            kept.append(hole.indent + step * ((columns(leading(line)) - base) // width) + ink)
        else:
            kept.append(spelled(hole.indent, line, columns(leading(line)) - base, step, width) + ink)
    return kept


def width_of(lines: Sequence[str], base: int) -> int:
    """Measure the engine's own level of indentation, in columns."""
    deeper = [columns(leading(line)) - base for line in lines[1:] if line.strip()]
    return min((inner for inner in deeper if inner > 0), default=_DEFAULT_WIDTH)


def spelled(indent: str, line: str, inner: int, step: str, width: int) -> str:
    """Write an indent of `inner` columns more than the hole's `indent`, in tabs or blanks as the file does."""
    if inner <= 0:
        return indent
    blanks = leading(line)
    if "\t" in step:
        return indent + step * (inner // width) + " " * (inner % width)
    return indent + (step * (inner // width) if "\t" in blanks else " " * inner)


def _base(lines: Sequence[str], frames: Sequence[tuple[Frame, ...]], indent: int, language: Language) -> int:
    """Tell the column at which the engine's outermost statements begin."""
    own = columns(leading(lines[0]))
    outer: list[int] = []
    inner: list[int] = []
    for line, opened in list(zip(lines, frames, strict=True))[1:]:
        ink = line.lstrip(" \t")
        if not ink or line.startswith(language.directives) or language.mark.match(ink):
            continue
        if opened and not opened[-1].is_bracket:
            continue
        depth = len(opened) - (len(ink) - len(ink.lstrip("".join(_CLOSERS))))
        (outer if depth <= 0 else inner).append(columns(leading(line)))
    if indent in outer:
        return indent
    if outer:
        # All of them deeper: lines that go on with a statement; or the engine's first line tells its column.
        lowest = min(outer)
        return lowest if lowest < indent or lowest == own else indent
    return indent if not inner or min(inner) > indent else own


def _keeps_style(snapshot: Snapshot, lines: Sequence[str], step: str) -> bool:
    """Tell whether the lines indent with what the file does: tabs, blanks, or either where it shows both or none."""
    indents = [leading(line) for line in lines[1:] if line.strip()]
    if "\t" in step:
        is_foreign = any(indent[:1] == " " for indent in indents)
        return not is_foreign or "\n  " in snapshot.text
    return not any("\t" in indent for indent in indents) or "\n\t" in snapshot.text or "\n  " not in snapshot.text
