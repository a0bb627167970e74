"""Two readings of one draft, multiplied: what the product knows, and how far along the draft it holds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.guidance import Guidance, Guided, flattened, product_of, up_to_first_difference
from engine.repeats import Repeats

SLACK, A, B, C, CLOSER = range(5)
GUIDANCE = Guidance(share=0.5, slack_token_id=SLACK, next_id=CLOSER)


def reading(*rows: dict[int, float]) -> Tensor:
    """Return log-probabilities [1, W, 5] from the probabilities that are not nearly nothing."""
    table = torch.full((1, len(rows), 5), 1e-6)
    for place, row in enumerate(rows):
        for token, probability in row.items():
            table[0, place, token] = probability
    return (table / table.sum(-1, keepdim=True)).log()


def test_the_product_takes_what_both_readings_allow():
    product = product_of(reading({A: 0.6, B: 0.4}), reading({B: 0.4, C: 0.6}), GUIDANCE)
    assert int(product.argmax()) == B
    torch.testing.assert_close(product.exp().sum(-1), torch.ones(1, 1))


def test_the_fill_has_ended_where_the_suffix_is_expected_next():
    undecided = reading({A: 0.5, SLACK: 0.5})
    assert int(product_of(undecided, reading({CLOSER: 0.9, A: 0.1}), GUIDANCE).argmax()) == SLACK
    assert int(product_of(undecided, reading({CLOSER: 0.1, A: 0.9}), GUIDANCE).argmax()) == A


def test_with_no_suffix_the_denoising_pass_decides_the_end():
    alone = Guidance(share=0.5, slack_token_id=SLACK, next_id=None)
    likely, unlikely = (
        product_of(reading({A: 1 - p, SLACK: p}), reading({A: 0.9, B: 0.1}), alone)[0, 0, SLACK] for p in (0.9, 0.1)
    )
    assert likely > math.log(0.5) > unlikely


def test_what_one_reading_rules_out_stays_out():
    denoised = reading({A: 0.5, B: 0.5})
    denoised[..., C] = -torch.inf
    assert product_of(denoised, reading({C: 1.0}), GUIDANCE)[0, 0, C] == -torch.inf


@pytest.mark.parametrize(
    ("draft", "ids", "open_places", "holds"),
    [
        ("abcd", "abcd", "xxxx", "^^^^"),
        ("abcd", "abxd", "xxxx", "^^^."),
        ("abcd", "xbcd", "xxxx", "^..."),
        ("abcd", "xbxd", ".xxx", "^^^."),  # What is accepted cannot differ.
    ],
)
def test_the_product_holds_up_to_its_first_difference_from_the_draft(
    draft: str, ids: str, open_places: str, holds: str
):
    rows = (torch.tensor([[ord(letter) for letter in text]]) for text in (ids, draft))
    found = up_to_first_difference(*rows, torch.tensor([[place == "x" for place in open_places]]))
    assert "".join("^" if held else "." for held in found[0].tolist()) == holds


@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
def test_flattening_leaves_the_end_alone_and_makes_tokens_less_sure(weights: list[float]):
    before = reading(dict(enumerate(weights)))
    after = flattened(before, SLACK)
    torch.testing.assert_close(after[..., SLACK].exp(), before[..., SLACK].exp(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(after.exp().sum(-1), torch.ones(1, 1), atol=1e-4, rtol=1e-3)
    tokens = [table[..., 1:].log_softmax(-1).exp() for table in (before, after)]
    assert tokens[1].max() <= tokens[0].max() + 1e-5
    assert int(tokens[1].argmax()) == int(tokens[0].argmax())


class Readings:
    """A causal encoder that expects the same whatever it reads, but for what follows B; it notes what it was shown."""

    def __init__(self, *expected: dict[int, float], after_b: dict[int, float]) -> None:
        self._expected, self._after_b, self.seen = expected, after_b, list[list[int]]()

    def __call__(self, ids: Tensor, asked: Tensor) -> Tensor:
        text = ids[0].tolist()
        self.seen.append(text)
        befores = [None, *text]
        rows = [self._after_b if befores[at] == B else self._expected[at] for at in range(len(text))]
        return reading(*rows)[asked]


def guided(read: Readings, *denoised: dict[int, float], before: str = "") -> tuple[Guided, Tensor]:
    """Run a guided pass over a first token A and three open places, `before` being what stands left of them."""

    def forward(canvas_ids: Tensor, open_mask: Tensor, _: Tensor | None) -> Tensor:
        return reading({A: 0.9}, *denoised)[:, :4][open_mask[:, :4]]

    canvas_ids = torch.tensor([[A, A, A, A, CLOSER]])
    open_mask = torch.tensor([[False, True, True, True, False]])
    run = Guided(forward, read, GUIDANCE, 4, Repeats(["-ABC".index(letter) for letter in before]))
    return run, run(canvas_ids, open_mask, None)


def test_a_guided_pass_reads_its_draft_again_where_the_product_wants_another_token():
    read = Readings({A: 0.9}, {B: 0.9}, {C: 0.9}, {CLOSER: 0.9}, after_b={C: 0.5, A: 0.5})
    run, logits = guided(read, {A: 0.6, B: 0.4}, {C: 0.9}, {SLACK: 0.9})
    assert read.seen == [[A, A, C, SLACK], [A, B, C, SLACK]]  # Then there is nothing left to put right.
    assert logits.argmax(-1).tolist() == [B, C, SLACK]
    assert run.holds is not None
    assert run.holds[0].tolist() == [False, True, True, True, False]


def test_what_a_correction_makes_unlikely_is_put_right_in_turn():
    read = Readings({A: 0.9}, {B: 0.9}, {C: 0.9}, {CLOSER: 0.9}, after_b={A: 0.95})
    _, logits = guided(read, {A: 0.6, B: 0.4}, {C: 0.6, A: 0.4}, {SLACK: 0.9})
    assert read.seen == [[A, A, C, SLACK], [A, B, C, SLACK], [A, B, A, SLACK]]
    assert logits.argmax(-1).tolist() == [B, A, SLACK]


def test_right_of_a_correction_stands_what_followed_the_last_time():
    """The guess is read as any draft is: the product takes of it what it wants."""
    read = Readings({A: 0.9}, {B: 0.9}, {C: 0.9}, {CLOSER: 0.9}, after_b={A: 0.95})
    run, logits = guided(read, {A: 0.6, B: 0.4}, {C: 0.6, A: 0.4}, {SLACK: 0.9}, before="CABAC")
    assert read.seen == [[A, A, C, SLACK], [A, B, A, C]]
    assert logits.argmax(-1).tolist() == [B, A, SLACK]
    assert run.holds is not None
    assert run.holds[0].tolist() == [False, True, True, True, False]


def test_a_pass_reads_its_draft_three_times_and_leaves_the_rest_to_the_next():
    """What stands right of the last correction keeps its end's probability and is less sure of its token."""
    read = Readings({A: 0.9}, {B: 0.9}, {C: 0.9}, {B: 0.9}, after_b={B: 0.95})
    run, logits = guided(read, {A: 0.6, B: 0.4}, {C: 0.6, B: 0.4}, {C: 0.6, B: 0.4})
    assert len(read.seen) == 3
    assert logits.argmax(-1).tolist() == [B, B, B]
    assert run.holds is not None
    assert run.holds[0].tolist() == [False, True, True, True, False]


def test_a_correction_that_ends_the_text_is_the_last():
    read = Readings({A: 0.9}, {CLOSER: 0.99}, {C: 0.9}, {C: 0.9}, after_b={C: 0.9})
    run, logits = guided(read, {A: 0.6, SLACK: 0.4}, {C: 0.9}, {SLACK: 0.9})
    assert read.seen == [[A, A, C, SLACK]]
    assert int(logits[0].argmax()) == SLACK
    assert run.holds is not None
    assert run.holds[0].tolist() == [False, True, False, False, False]
    assert logits[1].softmax(-1).max() < 0.95  # What follows is read anew in the next pass,
    assert logits[2].softmax(-1)[SLACK] > 0.99  # but for where the text has ended.
