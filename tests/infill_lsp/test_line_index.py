from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.text import line_index
from infill_lsp.text.line_index import _LINE_END, LineIndex, PositionEncoding

ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")
# Line ends of every kind, tabs, separators that are no line ends, a mark, an astral character, halves of one.
ALPHABET = "ab\n\r\t é\u0301日𝒳😀\ufeff\u2028\x0b\x0c\x00\ud83d\ude00"
texts = st.lists(st.sampled_from([*ALPHABET, "\r\n", "\r\r\n"]), max_size=30).map("".join)


def boundaries(text: str) -> list[int]:
    """Give every offset that a caret can have: not between the two characters of `\\r\\n`."""
    return [offset for offset in range(len(text) + 1) if text[offset - 1 : offset + 1] != "\r\n" or offset == 0]


def test_lines_end_where_editors_end_them() -> None:
    index = LineIndex("a\nb\r\nc\rd\x0ce\u2028f\n")
    assert [index.line_start(line) for line in range(index.num_lines)] == [0, 2, 5, 7, 13]
    assert [index.line_end(line) for line in range(index.num_lines)] == [1, 3, 6, 12, 13]
    assert [index.line_ending(line) for line in range(index.num_lines)] == ["\n", "\r\n", "\r", "\n", ""]


def test_carriage_returns_before_a_line_break_are_lines_of_their_own() -> None:
    index = LineIndex("\r\r\n\n")
    assert [index.line_start(line) for line in range(index.num_lines)] == [0, 1, 3, 4]
    assert [index.line_end(line) for line in range(index.num_lines)] == [0, 1, 3, 4]


def test_an_empty_text_has_one_empty_line() -> None:
    index = LineIndex("")
    assert (index.num_lines, index.line_start(0), index.line_end(0), index.line_ending(0)) == (1, 0, 0, "")


@pytest.mark.parametrize(
    ("encoding", "character", "offset"),
    [
        ("utf-16", 0, 0),
        ("utf-16", 1, 1),
        ("utf-16", 2, 1),  # inside the emoji
        ("utf-16", 3, 2),
        ("utf-16", 4, 3),
        ("utf-16", 99, 4),
        ("utf-8", 2, 1),
        ("utf-8", 4, 1),
        ("utf-8", 5, 2),
        ("utf-8", 6, 2),  # inside the é
        ("utf-8", 7, 3),
        ("utf-8", 99, 4),
        ("utf-32", 2, 2),
        ("utf-32", 99, 4),
        ("utf-32", -3, 0),
    ],
)
def test_a_position_inside_a_character_snaps_back_and_one_past_the_end_is_the_end(
    encoding: PositionEncoding, character: int, offset: int
) -> None:
    assert LineIndex("a😀éz\r\nx").offset(0, character, encoding) == offset


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_positions_outside_the_text_are_clamped(encoding: PositionEncoding) -> None:
    index = LineIndex("é\nb")
    assert index.offset(-1, 5, encoding) == 0
    assert index.offset(7, 0, encoding) == 3
    assert index.position(-4, encoding) == (0, 0)
    assert index.position(99, encoding) == (1, 1)


def test_an_offset_between_the_two_characters_of_a_line_break_is_called_the_lines_end() -> None:
    assert LineIndex("ab\r\nc").position(3, "utf-16") == (0, 2)


def test_a_byte_inside_a_character_snaps_back() -> None:
    index = LineIndex("a😀\né")
    assert [index.offset_of_byte(byte) for byte in range(9)] == [0, 1, 1, 1, 1, 2, 3, 3, 4]


@settings(deadline=None)
@given(texts)
def test_every_offset_has_a_name_that_leads_back(text: str) -> None:
    index = LineIndex(text)
    for offset in boundaries(text):
        assert index.offset_of_byte(index.byte(offset)) == offset
        for encoding in ENCODINGS:
            assert index.offset(*index.position(offset, encoding), encoding) == offset


@settings(deadline=None)
@given(texts)
def test_positions_and_bytes_agree_with_the_encoders(text: str) -> None:
    index = LineIndex(text)
    lines = re.split(r"\r\n|\n|\r", text)
    assert index.num_lines == len(lines)
    for line, content in enumerate(lines):
        assert text[index.line_start(line) : index.line_end(line)] == content
        for length in range(len(content) + 1):
            offset = index.line_start(line) + length
            head = content[:length]
            assert index.line_of(offset) == line
            assert index.byte(offset) == len(text[:offset].encode("utf-8", "surrogatepass"))
            assert index.position(offset, "utf-32") == (line, length)
            assert index.position(offset, "utf-8") == (line, len(head.encode("utf-8", "surrogatepass")))
            assert index.position(offset, "utf-16") == (line, len(head.encode("utf-16-le", "surrogatepass")) // 2)


@settings(deadline=None)
@given(st.data())
def test_a_spliced_index_equals_one_built_anew(data: st.DataObject) -> None:
    text = data.draw(texts)
    index = LineIndex(text)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        new = data.draw(texts)
        after = text[:start] + new + text[end:]
        index = index.spliced(start, end, new, after)
        text = after
        fresh = LineIndex(text)
        assert index.num_lines == fresh.num_lines
        for line in range(fresh.num_lines):
            assert index.line_start(line) == fresh.line_start(line)
            assert index.line_end(line) == fresh.line_end(line)
            assert index.byte(index.line_start(line)) == fresh.byte(fresh.line_start(line))
        assert index.offset_of_byte(fresh.byte(len(text))) == len(text)


@pytest.mark.parametrize(
    ("text", "start", "end", "new"),
    [
        ("a\rb", 2, 2, "\n"),  # joins a line break
        ("a\r\nb", 2, 2, "x"),  # parts one
        ("a\r\nb", 2, 3, ""),
        ("a\r\nb", 1, 2, ""),
        ("a\nb\nc", 1, 2, "\r"),
        ("a\rx\nb", 2, 3, ""),
        ("a\n\r", 2, 2, "\r"),
        ("\r\r\r", 1, 2, "\n"),
        ("é\nb\nc", 0, 1, "a"),
        ("a\nb\nc", 2, 3, "😀"),
        ("a\nb\nc", 0, 5, ""),
        ("", 0, 0, "\n"),
    ],
)
def test_splicing_joins_and_parts_line_breaks(text: str, start: int, end: int, new: str) -> None:
    after = text[:start] + new + text[end:]
    spliced, fresh = LineIndex(text).spliced(start, end, new, after), LineIndex(after)
    assert spliced.num_lines == fresh.num_lines
    for line in range(fresh.num_lines):
        assert spliced.line_start(line) == fresh.line_start(line)
        assert spliced.line_end(line) == fresh.line_end(line)
        assert spliced.byte(spliced.line_start(line)) == fresh.byte(fresh.line_start(line))


def test_splicing_reads_only_the_lines_around_the_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x = 1\r\n" * 10_000
    index = LineIndex(text)
    after = text[:35_000] + "y\n" + text[35_000:]
    num_scanned = 0

    class Counting:
        """Search as the real pattern does, and add up how much of the text is searched."""

        def finditer(self, string: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
            nonlocal num_scanned
            num_scanned += min(end, len(string)) - start
            return _LINE_END.finditer(string, start, end)

    monkeypatch.setattr(line_index, "_LINE_END", Counting())
    spliced = index.spliced(35_000, 35_000, "y\n", after)
    assert (spliced.num_lines, spliced.line_start(9_000)) == (10_002, 62_995)
    assert num_scanned < 100
    LineIndex(after)
    assert num_scanned > len(after)
