"""Lines read many at once say what they say one after the other."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.blocks.lines import columns, leading, levels, line_text, previous_line, unit
from infill_lsp.languages import language_for
from infill_lsp.text.document import Document, Snapshot

_INK = ["", "a()", "if a:", "def f(a):", "# c", "\x0c", "if (a) {", "}", "while a do"]
_INDENTS = ["", "  ", "    ", "\t", "\t\t", " \t", "        "]
_LINES = st.lists(
    st.tuples(st.sampled_from(_INDENTS), st.sampled_from(_INK), st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])),
    max_size=40,
)
_LANGUAGES = st.sampled_from(["python", "javascript", "ruby", "lua"])


def snapshot_with(lines: list[tuple[str, str, str]], num_before: int, language: str) -> Snapshot:
    text = "x = 1\n" * num_before + "".join(map("".join, lines))
    return Document("file:///sample", 1, text, language).as_it_is()


def step_between(line: str, above: str, language: str) -> str:
    """Give what a block's first line adds to the indent of its header."""
    table = language_for(language)
    if table.blocks == "words":
        begins = table.block_opener.search(above.rstrip()) is not None
    else:
        begins = not table.header_end or above.rstrip().endswith(table.header_end)
    grown = len(leading(line)) > len(leading(above)) and leading(line).startswith(leading(above))
    return leading(line)[len(leading(above)) :] if grown and above and begins else ""


def unit_by_lines(snapshot: Snapshot, line: int) -> str:
    """Find a level of indentation line by line, each looked up for itself."""

    def step_of(each: int) -> str:
        above = previous_line(snapshot, each)
        return "" if above is None else step_between(line_text(snapshot, each), line_text(snapshot, above), language)

    language = snapshot.language
    if step := step_of(line):
        return step
    first, last = max(line - 400, 0), min(line + 400, snapshot.index.num_lines)
    for lines in (range(line - 1, first, -1), range(line + 1, last)):
        inked = [each for each in lines if line_text(snapshot, each).strip()]
        steps = [step for each in inked if (step := step_of(each))][:9]
        if steps:
            return Counter(steps).most_common(1)[0][0]
    has_tabs = any(line_text(snapshot, each).startswith("\t") for each in range(first, last))
    return "\t" if has_tabs else language_for(language).indent_unit


@given(lines=_LINES, num_before=st.sampled_from([0, 0, 390, 420]), at=st.floats(0, 1), language=_LANGUAGES)
@settings(deadline=None, max_examples=300)
def test_a_level_of_indentation_is_that_of_the_lines_near(
    lines: list[tuple[str, str, str]], num_before: int, at: float, language: str
) -> None:
    snapshot = snapshot_with(lines, num_before, language)
    line = int(at * (snapshot.index.num_lines - 1))
    for each in (line, min(line + 1, snapshot.index.num_lines - 1)):
        assert unit(snapshot, each) == unit_by_lines(snapshot, each)


@given(lines=_LINES, num_before=st.sampled_from([0, 95, 205]), at=st.floats(0, 1))
@settings(deadline=None, max_examples=200)
def test_levels_are_those_found_line_by_line(lines: list[tuple[str, str, str]], num_before: int, at: float) -> None:
    deep = [("      ", "x()", "\n")] * num_before
    snapshot = snapshot_with([*lines[:5], *deep, *lines[5:]], 0, "python")
    line = int(at * (snapshot.index.num_lines - 1))
    expected = [leading(line_text(snapshot, line))]
    for above in range(line - 1, -1, -1):
        text = line_text(snapshot, above)
        if expected[-1] and text.strip() and columns(leading(text)) < columns(expected[-1]):
            expected.append(leading(text))
    assert levels(snapshot, line) == expected
