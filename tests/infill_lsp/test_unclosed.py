"""Quotes counted on from one place or text to the next are those counted from the start."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.languages import language_for
from infill_lsp.reading.unclosed import Unclosed

_LINES = ["x = 1", '    """', "'''a'''", "# it's", 'a = """b""" + c', '""""""', "    return y"]
_MANY = 4_000  # lines, so that most of the text is far from where somebody types


def line_starts(text: str) -> list[int]:
    return [0, *(offset + 1 for offset, character in enumerate(text) if character in "\r\n")]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_odd_number_of_quotes_is_found_wherever_it_is_asked_for(line_break: str, data: st.DataObject) -> None:
    language = language_for("python")
    pattern = data.draw(st.lists(st.sampled_from(_LINES), min_size=1, max_size=8))
    text = line_break.join(pattern[number % len(pattern)] for number in range(_MANY)) + line_break
    for _ in range(4):
        at = data.draw(st.integers(0, len(text)))
        new = data.draw(st.sampled_from(["a", f'{line_break}"""', "'''", ""]))
        text = text[:at] + new + text[at + data.draw(st.integers(0, 3)) :]
        unclosed, starts = Unclosed(text, language), line_starts(text)
        for _ in range(3):
            place = starts[data.draw(st.integers(0, len(starts) - 1))]
            assert unclosed.at(place) == any(text.count(quote, 0, place) % 2 for quote in ('"""', "'''"))
            Unclosed("y = 2\n'''\n", language).at(6)  # a small text between two questions about a large one
