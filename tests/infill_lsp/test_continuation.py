"""Whether a name that is being typed is new to its file."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.holes.continuation import _occurs_elsewhere

_WORDS = st.lists(st.sampled_from(["ab", "abab", "aab", "b", "é", "_", "1", " ", ".", "\n", "ab "]), max_size=12)


@given(before=_WORDS.map("".join), after=_WORDS.map("".join), name=st.sampled_from(["ab", "b", "aba", "é", "_1"]))
@settings(max_examples=400)
def test_a_name_occurs_where_it_is_a_whole_word(before: str, after: str, name: str) -> None:
    text, end = before + name + after, len(before) + len(name)
    whole = [found.end() for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    assert _occurs_elsewhere(text, name, end) == any(place != end for place in whole)


@given(num_parts=st.integers(0, 50), is_there=st.booleans())
def test_a_name_is_found_behind_many_words_that_it_is_a_part_of(num_parts: int, is_there: bool) -> None:
    text = "data " + "metadata datasets " * num_parts + ("data" if is_there else "") + "\n"
    assert _occurs_elsewhere(text, "data", len("data")) is is_there
