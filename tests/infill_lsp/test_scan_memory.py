"""What was read of one text serves the next one, a keystroke later: the answers are those of reading afresh."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.languages import language_for, languages
from infill_lsp.reading import scan
from infill_lsp.text.document import Document, Snapshot

_PARTS = [*"()[{}\"'`#\né", "/*", "*/", "//", "    ", "return ", "x = ", "<<EOF\n"]
_LINES = {
    "python": "    value = call(first, second)[0]\n",
    "javascript": "  const value = call(first, /re[(]/g, `a ${b} c`);\n",
    "cpp": '  auto text = R"(a\n(\n)";\n',
    "php": "  $a = f($b); ?> text ( \n <?php\n",
    "shellscript": "  echo \"$(f a)\" 'b'\n",
}


def fresh(snapshot: Snapshot, offsets: list[int]) -> list[scan.Place]:
    remembered = dict(scan._last_memory)
    scan._last_memory.clear()
    scan._memory.cache_clear()
    try:
        return [scan.place_at(snapshot, offset) for offset in offsets]
    finally:
        scan._last_memory.update(remembered)
        scan._memory.cache_clear()


@pytest.mark.parametrize("language", _LINES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_places_are_those_of_a_fresh_reading(language: str, data: st.DataObject) -> None:
    document = Document("file:///sample", 1, _LINES[language] * 150, language)
    for _ in range(6):
        length = len(document.snapshot().text)
        at = data.draw(st.integers(0, length))
        document.edit(at, min(at + data.draw(st.integers(0, 3)), length), data.draw(st.sampled_from(_PARTS)))
        snapshot = document.snapshot()
        places = [data.draw(st.integers(0, len(snapshot.text))) for _ in range(3)]
        found = [scan.place_at(snapshot, place) for place in places]
        assert found == fresh(snapshot, places)


@pytest.mark.parametrize("language", [each.id for each in languages()])
@given(parts=st.lists(st.sampled_from([*_PARTS, "?", "/", "~r", "R", "url", "=", ",", "a", "0", " ", "-", "|", "\\"])))
def test_tokens_read_whole_end_with_their_line_unless_the_table_says_otherwise(language: str, parts: list[str]) -> None:
    table = language_for(language)
    text = "".join(parts)
    assert table.atom_spans_lines or not any("\n" in found.group() for found in table.atom.finditer(text))
