"""Lines of a snapshot: their text, their indent, their neighbours, and one level of indentation as the file has it.

It knows no blocks and no holes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Snapshot

_MAX_LINES = 1_000
_MAX_LINES_FOR_UNIT = 400
_MANY_LINES = 100
_MAX_STEPS = 9
_MAX_HEADER = 2_000
_TAB_COLUMNS = 8
_BLANKS = frozenset((" ", "\t"))
_USED_AS_NAME = ("=", ".", ",", ")")
_FIRST_WORD = re.compile(r"\w+")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Expected:
    """The indent that code on a blank line should have, and whether it is the first of its block."""

    indent: str
    empty_block: bool


def line_text(snapshot: Snapshot, line: int) -> str:
    """Give a line without its line ending."""
    return snapshot.text[snapshot.index.line_start(line) : snapshot.index.line_end(line)]


def line_break(snapshot: Snapshot, line: int) -> str:
    """Give the line break in use around `line`; `\\n` in a text without any."""
    index = snapshot.index
    return (index.line_ending(line - 1) if line > 0 else index.line_ending(line)) or "\n"


def leading(text: str) -> str:
    """Give the blanks and tabs that a line begins with."""
    return text[: len(text) - len(text.lstrip(" \t"))]


def columns(indent: str) -> int:
    """Measure an indent, tabs to the next multiple of eight."""
    return len(indent.expandtabs(_TAB_COLUMNS))


def code_of(snapshot: Snapshot, line: int) -> str:
    """Give a line without its comment and its trailing blanks."""
    start, end = snapshot.index.line_start(line), snapshot.index.line_end(line)
    place = place_at(snapshot, end)
    if place.where == "comment":
        end = place.frames[-1].offset
    return snapshot.text[start:end].rstrip()


def previous_code_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line above that holds more than a comment."""
    markers = language_for(snapshot.language).line_comments
    for above in range(line - 1, max(line - 1 - _MAX_LINES, -1), -1):
        text = line_text(snapshot, above).strip()
        if text and not text.startswith(markers):
            return above
    return None


def previous_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line above that is not blank."""
    for above in range(line - 1, max(line - 1 - _MAX_LINES, -1), -1):
        if line_text(snapshot, above).strip():
            return above
    return None


def levels(snapshot: Snapshot, line: int) -> list[str]:
    """Give the indents of `line` and of the lines above it that stand further and further left, innermost first."""
    found = [leading(line_text(snapshot, line))]
    last, least = line, max(line - _MAX_LINES, 0)
    while found[-1] and last > least:
        first = max(last - _MANY_LINES, least)
        for text in reversed(_texts(snapshot, first, last)):
            # Most lines stand as deep or deeper, which is quicker seen than measured.
            if not text.startswith(found[-1]) and text.strip() and columns(leading(text)) < columns(found[-1]):
                found.append(leading(text))
                if not found[-1]:
                    break
        last = first
    return found


def next_line(snapshot: Snapshot, line: int) -> int | None:
    """Find the line below that is not blank."""
    for below in range(line + 1, min(line + 1 + _MAX_LINES, snapshot.index.num_lines)):
        if line_text(snapshot, below).strip():
            return below
    return None


def begins_header(line: str, language: Language) -> bool:
    """Tell whether a line begins with a word that opens a block, used as such and not as a name."""
    word = first_word(line)
    return word in language.header_words and line.lstrip()[len(word) :].lstrip()[:1] not in _USED_AS_NAME


def first_word(line: str) -> str:
    """Give the word that a line begins with, or `""`."""
    match = _FIRST_WORD.match(line.lstrip(" \t"))
    return match.group() if match else ""


def unit(snapshot: Snapshot, line: int) -> str:
    """Give one level of indentation as most of the lines near `line` have it, or the language's own."""
    # The blanks that were typed on the line itself tell most, those on other blank lines nothing.
    language = language_for(snapshot.language)
    if step := _step(line_text(snapshot, line), _above(snapshot, line), language):
        return step
    index = snapshot.index
    first, last = max(line - _MAX_LINES_FOR_UNIT, 0), min(line + _MAX_LINES_FOR_UNIT, index.num_lines)
    start, end = index.line_start(first), index.line_start(line)
    if step := _likely_step(snapshot.text[start:end], _above(snapshot, first), language.id):
        return step
    texts = _texts(snapshot, first, last)
    if step := _step_of_most(texts, range(line + 1 - first, last - first), _above(snapshot, first), language):
        return step
    return "\t" if any(text.startswith("\t") for text in texts) else language.indent_unit


# While a line is being typed, what stands above it stays: most often that is all that is looked at.
@lru_cache(maxsize=4)
def _likely_step(above: str, first_above: str, language_id: str) -> str:
    """Give the step that most of the last lines of a text have; `""` if they have none."""
    texts = _LINE_BREAK.split(above) if "\r" in above else above.split("\n")
    texts.pop()
    return _step_of_most(texts, range(len(texts) - 1, 0, -1), first_above, language_for(language_id))


def _step_of_most(texts: Sequence[str], numbers: Iterable[int], first_above: str, language: Language) -> str:
    """Give the step that most of some lines of a text have, of the first few that have one; `""` if none has.

    `first_above` is the line that is not blank above the first one.
    """
    steps: Counter[str] = Counter()
    for number in numbers:
        text = texts[number]
        if text[:1] not in _BLANKS or not text.strip():
            continue
        above = next((texts[each] for each in range(number - 1, -1, -1) if texts[each].strip()), first_above)
        if step := _step(text, above, language):
            steps[step] += 1
            if steps.total() == _MAX_STEPS:
                break
    return steps.most_common(1)[0][0] if steps else ""


def _texts(snapshot: Snapshot, first: int, last: int) -> list[str]:
    """Give lines without their endings: hundreds of them at once are cheaper than one after the other."""
    index = snapshot.index
    if index.may_hold_returns:
        return [line_text(snapshot, line) for line in range(first, last)]
    return snapshot.text[index.line_start(first) : index.line_end(last - 1)].split("\n")


def _above(snapshot: Snapshot, line: int) -> str:
    """Give the line above that is not blank, `""` without one."""
    above = previous_line(snapshot, line)
    return "" if above is None else line_text(snapshot, above)


def _step(line: str, above: str, language: Language) -> str:
    """Give what the indent of a block's first line adds to that of its header above it; `""` where it is none."""
    indent, outer = leading(line), leading(above)
    if len(indent) <= len(outer) or not indent.startswith(outer) or not above or not _begins_block(above, language):
        return ""
    return indent[len(outer) :]


def _begins_block(line: str, language: Language) -> bool:
    if language.blocks == "words":
        return language.block_opener.search(line[-_MAX_HEADER:].rstrip()) is not None
    return not language.header_end or line.rstrip().endswith(language.header_end)
