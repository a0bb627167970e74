"""Where a fill ends: slack only ever settles from the left, behind all of the text."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.canvas import Canvas
from engine.denoise import denoise
from engine.denoise_config import DenoiseConfig
from engine.length import closable, decide_slack, draft_text

_SLACK, _MASK, _VOCAB, _WIDTH, _LENGTH = 1, 0, 12, 8, 11


def test_slack_is_predicted_exactly_when_the_text_has_more_likely_ended_than_not():
    # Slack is the likeliest token of both rows, but in the first the others together are likelier.
    raw = torch.tensor([[-9.0, 1.0, 0.9, 0.9, 0.9], [-9.0, 4.0, 0.9, 0.9, 0.9]])
    open_mask = torch.tensor([[True, True]])
    logits = decide_slack(raw, open_mask, torch.zeros_like(open_mask), _SLACK)
    assert (logits.argmax(-1) == _SLACK).tolist() == [False, True]


def test_no_slack_is_predicted_left_of_an_accepted_token():
    raw = torch.full((2, 5), -9.0)
    raw[:, _SLACK] = 9.0
    open_mask, kept_text = torch.tensor([[True, False, True]]), torch.tensor([[False, True, False]])
    logits = decide_slack(raw, open_mask, kept_text, _SLACK)
    assert (logits.argmax(-1) == _SLACK).tolist() == [False, True]


def test_the_draft_is_what_stands_left_of_the_first_slack():
    predicted = torch.tensor([[5, _SLACK, 6, 7], [5, 6, 7, 8]])
    open_mask = torch.tensor([[True, True, True, False], [True, False, True, False]])
    assert draft_text(predicted, open_mask, _SLACK).tolist() == [
        [True, False, False, False],
        [True, False, True, False],
    ]


def test_a_row_is_closed_at_once_when_its_first_open_position_is_slack():
    nothing, past = torch.tensor([[False, False]]), torch.tensor([[True, True]])
    assert closable(nothing, nothing, past, torch.tensor([[2.0, 2.0]]), 0.1).equal(past)


def test_an_uncertain_end_waits_for_the_text_before_it():
    chosen, past = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
    unsure, sure = torch.tensor([[0.0, 0.6, 0.0]]), torch.tensor([[0.0, 0.05, 3.0]])
    assert not closable(chosen, chosen, past, unsure, 0.1).any()
    assert closable(chosen, chosen, past, sure, 0.1).equal(past)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**16), rows=st.integers(1, 3), steps=st.integers(1, 10), slope=st.floats(-3, 6))
def test_any_model_gives_text_then_slack_and_keeps_what_it_accepted(seed: int, rows: int, steps: int, slope: float):
    random = torch.Generator().manual_seed(seed)

    def forward(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        logits = torch.randn(int(open_mask.sum()), _VOCAB, generator=random) * 3
        logits[:, _SLACK] += slope
        return logits

    known = torch.arange(_LENGTH).expand(rows, -1) >= _WIDTH
    canvas = Canvas(known_ids=torch.full((rows, _LENGTH), 7), known=known)
    config = DenoiseConfig(
        vocab_size=_VOCAB,
        noise="mask",
        mask_token_id=_MASK,
        slack_token_id=_SLACK,
        max_denoising_steps=steps,
        keep_accepted=True,
        greedy=True,
        self_conditioning=False,
    )
    before, settled = None, torch.zeros_like(known)
    for step in denoise(forward, canvas, config, torch.Generator().manual_seed(seed)):
        assert step.canvas_ids[known].eq(7).all()
        if before is not None:
            assert step.canvas_ids[settled].equal(before[settled])
        before, settled = step.canvas_ids, step.accepted
    assert step.is_last
    assert step.accepted.equal(~known)
    is_slack = step.argmax_ids[:, :_WIDTH] == _SLACK
    assert is_slack.equal(is_slack.cummax(dim=-1).values), "slack is followed by slack alone"
    assert not step.argmax_ids[:, :_WIDTH].eq(_MASK).any()
