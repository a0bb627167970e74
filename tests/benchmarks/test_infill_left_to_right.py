"""The baseline: what it writes is the causal encoder's own, and it stops where the text after the hole goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import DiffusionGemmaForBlockDiffusion

from benchmarks.infill_left_to_right import LeftToRight, cut, unfinished
from engine.api import FillRequest
from tests.engine.tiny import BOS, MASK, SLACK, SPECIAL_TOKENS, save_tiny_checkpoint, tiny_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        noise="mask",
        mask_token_id=MASK,
        slack_token_id=SLACK,
        max_prefix_tokens=64,
        hole_widths=[4, 8],
    )


def test_it_writes_the_likeliest_token_after_all_before_it(folder: Path):
    written = LeftToRight(folder, "cpu").write(FillRequest("f(", ")", multiline=True, exact_hole_tokens=9))
    model = DiffusionGemmaForBlockDiffusion.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = tiny_tokenizer()
    breaks = {tokenizer.encode(text).ids[0] for text in "\n\r"}
    ids = [BOS, *tokenizer.encode("f(").ids]
    for place in range(9):  # Without a cache: everything is read again for every token.
        with torch.no_grad():
            hidden = model.model.encoder.language_model(input_ids=torch.tensor([ids])).last_hidden_state
            logits = model.lm_head(hidden[0, -1])
        never = [*range(len(SPECIAL_TOKENS)), *range(len(SPECIAL_TOKENS) + 256, len(logits))]
        logits[[*never, *(breaks if place == 0 else ())]] = -torch.inf
        ids.append(int(logits.argmax()))
    assert written.text == tokenizer.decode(ids[3:]).rstrip()
    assert written.passes == 9


def test_one_line_told_its_length_has_no_break_and_begins_with_what_was_typed(folder: Path):
    baseline = LeftToRight(folder, "cpu")
    for prefix in ("x = ", "self.na", "f("):
        written = baseline.write(FillRequest(prefix, "\n", exact_hole_tokens=12))
        assert written.passes == 12
        assert "\n" not in written.text


def test_untold_it_writes_no_more_than_the_hole_may_hold(folder: Path):
    written = LeftToRight(folder, "cpu").write(FillRequest("f(", "§", multiline=True, max_hole_tokens=5))
    assert 1 <= written.passes <= 5


@pytest.mark.parametrize(
    ("text", "written", "kept"),
    [
        ("f(|)", "a, g(b), c) + 1", "a, g(b), c"),
        ("f(|, last)", "g(a, b), more", "g(a, b)"),
        ("f(|).strip()", "a).strip()", "a"),
        ("if |:", "x[1:2] == y: pass", "x[1:2] == y"),
        ("x = | if c else d", "one if two else", "one "),
        ("x = | if c else d", "one if", None),  # the word may go on
        ("x = | if c else d", "elif_ + gif ", None),
        ("f(|)", "g(a, b", None),
        ("x[|]", "a)", "a"),  # closes what nothing opened
        ("x = |", "a + b", None),  # the line's end is found by whoever writes
    ],
)
def test_one_line_ends_where_the_rest_of_its_line_begins(text: str, written: str, kept: str | None):
    prefix, suffix = text.split("|")
    end = cut(written, FillRequest(prefix, suffix + "\nmore\n"))
    assert (None if end is None else written[:end]) == kept


@pytest.mark.parametrize(
    ("text", "written", "kept"),
    [
        ("def f():\n    |\n\ndef g():", "a = 1\n    return a\n\ndef h", "a = 1\n    return a\n"),
        ("if x:\n    |\n    last()", "a = 1\n    last()\n    more", "a = 1"),
        ("if x:\n    |\n    last()", "a = 1\n    last(", None),  # the line is not whole yet
        ("f() {\n    |\n}", "a = 1;\n}", "a = 1;"),
        ("f(one, |wo)", "t\nwo)", "t\n"),
    ],
)
def test_several_lines_end_before_the_next_known_line_or_where_indentation_ends(
    text: str, written: str, kept: str | None
):
    prefix, suffix = text.split("|")
    end = cut(written, FillRequest(prefix, suffix, multiline=True))
    assert (None if end is None else written[:end]) == kept


def test_of_a_text_without_an_end_the_whole_lines_are_kept():
    block, span = FillRequest("", "\nx", multiline=True), FillRequest("", "(x)\n", multiline=True)
    assert unfinished("a\nb\nc", block) == "a\nb"
    assert unfinished("a\nb\nc", span) == "a"
    assert unfinished("a", block) == "a"
