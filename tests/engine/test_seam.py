"""Where prefix, hole and suffix meet between tokens. `|` is the cursor."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from engine.api import FillRequest
from engine.seam import Seamstress
from engine.training import tokenizer as training_tokenizer

_TEXTS = [
    "def name(self, value):\n    return self.name + value\n",
    "names = [one._name for one in values if one]\n",
] * 50


@pytest.fixture(scope="module")
def trained() -> Tokenizer:
    return training_tokenizer.train(_TEXTS, 340)


@pytest.fixture(scope="module")
def seamstress(trained: Tokenizer) -> Seamstress:
    return Seamstress(trained, 340)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("x = |", " "),
        ("x =|", ""),
        ("return self.na|", "na"),
        ("return na|", " na"),
        ("foo(|)", ""),
        ("if x:\n    |", ""),
        ("if x:\n    na|", "na"),
        ("na|", "na"),
        ("a.b_na|", "_na"),
        ("|", ""),
    ],
)
def test_what_was_typed_of_a_token_goes_into_the_hole(seamstress: Seamstress, text: str, typed: str):
    prefix, suffix = text.split("|")
    seams = seamstress.cut(FillRequest(prefix, suffix), 64, 16)
    assert seams.typed == typed
    assert seamstress.text(seams.prefix_ids).removeprefix("<bos>") == prefix[: len(prefix) - len(typed)]
    allowed = [seamstress.token_texts[index] for index in seams.first_ids]
    assert all(token.startswith(typed) and not token[len(typed) :][:1].isspace() for token in allowed)
    assert bool(allowed) == bool(typed)


def test_every_cut_of_a_text_gives_back_the_text(seamstress: Seamstress):
    text = _TEXTS[0] + _TEXTS[1]
    for cut in range(len(text) + 1):
        seams = seamstress.cut(FillRequest(text[:cut], text[cut:]), 200, 200)
        joined = seamstress.text(seams.prefix_ids) + seams.typed + seams.rest + seamstress.text(seams.suffix_ids)
        assert joined == f"<bos>{text}<eos>"


def test_the_prefix_keeps_its_end_and_the_suffix_its_beginning(seamstress: Seamstress):
    seams = seamstress.cut(FillRequest("value\n" * 200, "name\n" * 200), 10, 6)
    assert 8 <= len(seams.prefix_ids) <= 10
    assert len(seams.suffix_ids) == 6
    assert seamstress.text(seams.prefix_ids).endswith("value\n")
    assert seamstress.text(seams.suffix_ids).startswith("name\n")


def test_an_empty_file_has_a_prefix_of_its_beginning_alone(seamstress: Seamstress):
    seams = seamstress.cut(FillRequest("", ""), 10, 6)
    assert seamstress.text(seams.prefix_ids) == "<bos>"
    assert seamstress.text(seams.suffix_ids) == "<eos>"


def test_half_an_emoji_and_windows_line_ends_are_no_obstacle(seamstress: Seamstress):
    seams = seamstress.cut(FillRequest("x = '\ud83d'\r\ny = ", "\r\n"), 64, 16)
    assert "\r" not in seamstress.text(seams.prefix_ids) + seamstress.text(seams.suffix_ids)


def test_a_keystroke_leaves_the_beginning_of_a_long_prefix_where_it_was(seamstress: Seamstress):
    text = "value = name\n" * 100
    beginnings = {tuple(seamstress.cut(FillRequest(text[:end], ""), 64, 16).prefix_ids[:20]) for end in range(900, 912)}
    assert len(beginnings) <= 2


def test_the_ends_of_the_file_are_marked_where_they_are(seamstress: Seamstress):
    seams = seamstress.cut(FillRequest("x", "y", starts_file=False, ends_file=False), 10, 6)
    assert "<" not in seamstress.text([*seams.prefix_ids[1:], *seams.suffix_ids])
