"""Several holes on one canvas: each has slack of its own, its own limits, and the code between them stays."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine import wire
from engine.api import Draft, FillRequest, FillResult, FurtherHole, RequestError, finish
from engine.canvas import Canvas
from engine.constraints import constraints
from engine.denoise import Forward, denoise
from engine.denoise_config import DenoiseConfig
from engine.fake import ScriptedFiller
from engine.guidance import Guidance, Guided, guided_across
from engine.hole_limits import limited
from engine.layout import NextHole, Row, holes_ids, joined_ids, lay_out, next_ids, running_places
from engine.length import closable, decide_slack, draft_text
from engine.local import LocalFiller, load
from engine.models.diffusion_gemma import Prefix
from engine.profile import Profile
from engine.rows import rows_of_several
from engine.running_text import hiding_slack, running_text
from tests.engine.tiny import save_tiny_checkpoint, save_untrained_checkpoint

MASK, SLACK, VOCAB = 0, 1, 12
CPU = torch.device("cpu")
# `..44..` and the suffix 7 7: two holes of two positions, two fixed tokens between them.
ROW = Row(2, further=(NextHole((4, 5), 2),))


@pytest.fixture(scope="module")
def bundled() -> LocalFiller:
    return load("bundled", device="cpu")


def canvas_of(*rows: Row) -> Canvas:
    return lay_out(rows, [7, 8], 8, 9, CPU)


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def test_holes_and_the_code_between_them_come_before_the_suffix_head() -> None:
    canvas = canvas_of(ROW, Row(2, first_id=6, lead_ids=(3,), tail_ids=(2,)))
    written = [
        "".join(str(token) if known else "." for known, token in zip(*row, strict=True))
        for row in zip(canvas.known.tolist(), canvas.known_ids.tolist(), strict=True)
    ]
    assert written == ["..45..78", "36.27899"]


def test_a_canvas_says_which_hole_a_position_belongs_to_and_what_follows_it() -> None:
    canvas = canvas_of(ROW)
    assert canvas.known_ids[canvas.known].tolist() == [4, 5, 7, 8]
    assert canvas.hole_index is not None
    assert canvas.hole_index.tolist() == [[0, 0, -1, -1, 1, 1, -1, -1]]
    assert next_ids([ROW], [7, 8], 8, CPU).tolist() == [[4, 4, -1, -1, 7, 7, -1, -1]]
    assert next_ids([ROW], [], 8, CPU)[0, 4:6].tolist() == [-1, -1]


def test_a_row_is_read_off_hole_by_hole_and_as_running_text() -> None:
    row = replace(ROW, lead_ids=(3,), tail_ids=(2,))
    ids = torch.tensor([3, 6, SLACK, 4, 5, 8, 9, 2])
    assert holes_ids(ids, row, SLACK) == [[6], [8, 9]]
    assert joined_ids([[6], [8, 9]], row) == [3, 6, 4, 5, 8, 9, 2]
    places = running_places(ids, row, SLACK)
    assert [int(ids[place]) for place, _ in places] == [3, 6, 4, 5, 8, 9, 2]
    assert [given for _, given in places] == [True, False, True, True, False, False, True]


def test_slack_of_one_hole_says_nothing_of_the_other() -> None:
    canvas = canvas_of(ROW)
    predicted = torch.tensor([[SLACK, 6, 0, 0, 6, SLACK, 0, 0]])
    text = draft_text(predicted, canvas.free, SLACK, canvas.holes)
    assert text.tolist() == [[False, False, False, False, True, False, False, False]]
    raw = torch.full((4, VOCAB), -9.0)
    raw[:, SLACK] = 9.0
    accepted_right = torch.zeros_like(canvas.known)
    accepted_right[0, 5] = True
    open_mask = canvas.free & ~accepted_right
    ends = decide_slack(raw[:3], open_mask, accepted_right, SLACK, canvas.holes).argmax(-1) == SLACK
    assert ends.tolist() == [True, True, False]


def test_a_hole_is_closed_while_another_is_open() -> None:
    canvas = canvas_of(ROW)
    candidates = torch.tensor([[True, False, False, False, True, False, False, False]])
    chosen = torch.tensor([[True, False, False, False, False, False, False, False]])
    past_end = canvas.free & ~candidates
    closed = closable(chosen, candidates, past_end, torch.zeros(1, 8), 0.1, canvas.holes)
    assert closed.nonzero()[:, 1].tolist() == [1]


def test_the_causal_reading_gets_text_without_slack() -> None:
    canvas = canvas_of(ROW, replace(ROW, further=(NextHole((4, 5), 2),)))
    draft = torch.tensor([[6, SLACK, 4, 5, 3, 2, 7, 8], [6, 3, 4, 5, SLACK, SLACK, 7, 8]])
    assert canvas.holes is not None
    text = running_text(draft, canvas.free, canvas.holes, SLACK)
    assert text.ids.tolist() == [[6, 4, 5, 3, 2], [6, 3, 4, 5, 7]]
    assert text.place[0, [0, 1, 4, 5]].tolist() == [0, 1, 3, 4], "the first slack reads where what follows stands"
    assert text.is_asked.int().tolist() == [[1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0, 0, 0]]


def test_slack_is_shown_as_noise() -> None:
    seen = []

    def forward(canvas_ids: Tensor, open_mask: Tensor, _: Tensor | None) -> Tensor:
        seen.append(canvas_ids.tolist())
        return torch.zeros(int(open_mask.sum()), VOCAB)

    hiding_slack(forward, SLACK, MASK)(torch.tensor([[6, SLACK, 4]]), torch.tensor([[False, False, True]]), None)
    assert seen == [[[6, MASK, 4]]]


def test_each_hole_has_its_own_limits() -> None:
    canvas = canvas_of(ROW)
    assert canvas.hole_index is not None
    first = constraints(VOCAB, CPU, never=[10], first_ids=[2, 3])
    second = constraints(VOCAB, CPU, first_ids=[4])
    logits = limited(lambda *_: torch.zeros(4, VOCAB), [first, second], canvas.hole_index)(
        canvas.known_ids, canvas.free, None
    )
    possible = [row.isfinite().nonzero().flatten().tolist() for row in logits]
    assert possible == [[2, 3], [i for i in range(VOCAB) if i != 10], [4], list(range(VOCAB))]


random_models = st.tuples(st.integers(0, 2**16), st.floats(-3, 6), st.integers(1, 10))


def random_forward(seed: int, slope: float):
    random = torch.Generator().manual_seed(seed)
    table = torch.randn(8, VOCAB, VOCAB, generator=random) * 3

    def forward(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        context = (canvas_ids.sum(-1, keepdim=True) % VOCAB).expand_as(canvas_ids)
        logits = table[torch.arange(canvas_ids.shape[1]).expand_as(canvas_ids), context]
        logits = logits + 0.0
        logits[..., SLACK] += slope
        return logits[open_mask]

    return forward


def config_of(steps: int) -> DenoiseConfig:
    return DenoiseConfig(
        vocab_size=VOCAB,
        noise="mask",
        mask_token_id=MASK,
        slack_token_id=SLACK,
        max_denoising_steps=steps,
        keep_accepted=True,
        greedy=True,
        self_conditioning=False,
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(random_models)
def test_any_model_gives_each_hole_text_then_slack_and_leaves_the_code_between(model: tuple[int, float, int]) -> None:
    seed, slope, steps = model
    canvas = canvas_of(ROW, replace(ROW, width=1, further=(NextHole((4, 5), 3),)))
    assert canvas.holes is not None
    settled = None
    for step in denoise(random_forward(seed, slope), canvas, config_of(steps), torch.Generator()):
        assert step.canvas_ids[canvas.known].equal(canvas.known_ids[canvas.known])
        if settled is not None:
            assert step.canvas_ids[settled[1]].equal(settled[0][settled[1]]), "an accepted position changed"
        settled = step.canvas_ids, step.accepted
    assert step.accepted.equal(canvas.free)
    for row, hole in canvas.holes.nonzero()[:, :2].unique(dim=0).tolist():
        is_slack = step.argmax_ids[row][canvas.holes[row, hole]] == SLACK
        assert is_slack.equal(is_slack.cummax(dim=-1).values), "slack is followed by slack alone"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(random_models)
def test_one_hole_is_denoised_the_same_whether_or_not_it_is_told_apart(model: tuple[int, float, int]) -> None:
    seed, slope, steps = model
    plain = lay_out([Row(6)], [7, 8], 8, 9, CPU)
    assert plain.hole_index is None
    told = replace(plain, hole_index=torch.where(plain.known, -1, 0))
    runs = [
        list(denoise(random_forward(seed, slope), canvas, config_of(steps), torch.Generator()))
        for canvas in (plain, told)
    ]
    assert len(runs[0]) == len(runs[1])
    for one, other in zip(*runs, strict=True):
        for name in ("canvas_ids", "argmax_ids", "accepted", "entropy", "log_probs", "finished"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name


@settings(max_examples=40, deadline=None, derandomize=True)
@given(random_models)
def test_guidance_across_one_hole_reads_as_guidance_of_one_hole(model: tuple[int, float, int]) -> None:
    seed, slope, _ = model
    canvas = lay_out([Row(5)], [7, 8], 7, 9, CPU)
    holes = (~canvas.known)[:, None]
    canvas_ids = canvas.with_known(torch.full_like(canvas.known_ids, MASK))
    table = torch.randn(8, VOCAB, VOCAB, generator=torch.Generator().manual_seed(seed + 1)) * 3

    def read(ids: Tensor, asked: Tensor) -> Tensor:
        before = torch.cat([torch.zeros_like(ids[:, :1]), ids[:, :-1]], dim=1)
        return table[torch.arange(ids.shape[1]).expand_as(ids), before][asked]

    guidance = Guidance(0.6, SLACK, 7, readings=1)
    follows = torch.where(canvas.known, -1, 7)
    forward = random_forward(seed, slope)
    one = Guided(forward, read, guidance, 5)(canvas_ids, canvas.free, None)
    across = guided_across(forward, read, guidance, holes, follows)(canvas_ids, canvas.free, None)
    draft = canvas_ids.masked_scatter(
        canvas.free,
        decide_slack(forward(canvas_ids, canvas.free, None), canvas.free, torch.zeros_like(canvas.known), SLACK).argmax(
            -1
        ),
    )
    is_read = running_text(draft, canvas.free, holes, SLACK).is_asked[canvas.free]
    torch.testing.assert_close(across[is_read], one[is_read])


def test_a_disagreement_in_one_hole_lets_the_other_go_on() -> None:
    canvas = canvas_of(ROW)
    assert canvas.holes is not None
    denoised = torch.full((8, VOCAB), 1e-4)
    for place, token in ((0, 2), (1, 3), (4, 6), (5, 8)):
        denoised[place, token] = 1.0
    causal = torch.full((6, VOCAB), 1e-4)
    # The text reads 2 3 4 5 6 8: the reader would rather begin with 9 and agrees with the rest.
    for place, token in enumerate((9, 3, 4, 5, 6, 8)):
        causal[place, token] = 1.0
    causal[0, 2] = 1e-12
    seen = []

    def read(ids: Tensor, asked: Tensor) -> Tensor:
        seen.append(ids.tolist())
        return causal.log()[None, : ids.shape[1]][asked]

    forward = guided_across(
        lambda ids, open_mask, _: denoised.log()[None][open_mask],
        read,
        Guidance(0.6, SLACK, None),
        canvas.holes,
        next_ids([ROW], [7, 8], 8, CPU),
    )
    logits = forward(canvas.with_known(torch.full_like(canvas.known_ids, MASK)), canvas.free, None)
    assert seen == [[[2, 3, 4, 5, 6, 8]]]
    assert logits.argmax(-1).tolist() == [9, 3, 6, 8]
    sure = logits.softmax(-1).max(-1).values > 0.95
    assert sure.tolist() == [True, False, True, True], "only what follows the disagreement in its own hole waits"


PAIR = FillRequest(
    "class Point:\n    def __init__(self, x, y):\n        self.x = ",
    "\n\n    def norm(self):\n        return self.x\n",
    further_holes=(FurtherHole("\n        self.y = "),),
)


# The second hole ends long before the first.
LONG_PAIR = FillRequest(
    "def area(width, height):\n    ", "\n\nprint(area(2, 3))\n", further_holes=(FurtherHole("\n    return "),)
)


def test_two_holes_are_filled_together_around_the_code_between_them(bundled: LocalFiller) -> None:
    drafts, result = run(bundled, replace(PAIR, num_candidates=3))
    assert result.passes == drafts[-1].step
    for draft in drafts:
        assert "\n        self.y =" in draft.text, "the code between is not what it was"
    for best, next_best in pairwise(result.candidates):
        assert best.score >= next_best.score
    assert result.candidates
    for candidate in result.candidates:
        assert len(candidate.further_texts) == 1
        assert "\n" not in candidate.text + candidate.further_texts[0]


def test_a_hole_of_several_lines_beside_one_of_a_single_line(bundled: LocalFiller) -> None:
    holes = (FurtherHole("\n    return ", multiline=False),)
    request = FillRequest(
        "def area(width, height):\n    ", "\n\nprint(area(2, 3))\n", multiline=True, further_holes=holes
    )
    _, result = run(bundled, request)
    assert all("\n" not in candidate.further_texts[0] for candidate in result.candidates)


def test_a_half_typed_name_left_of_a_further_hole_is_completed(bundled: LocalFiller) -> None:
    request = replace(PAIR, further_holes=(FurtherHole("\n        sel"),))
    _, result = run(bundled, request)
    assert result.candidates
    assert all(candidate.further_texts[0].startswith("f") for candidate in result.candidates), "only `self` fits"


def test_a_further_hole_begins_with_what_was_typed_of_it_whatever_the_weights_say(tmp_path: Path) -> None:
    texts = ["def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n"] * 40
    untrained = load(str(save_untrained_checkpoint(tmp_path, texts, 340)), device="cpu")
    request = replace(PAIR, prefix="def add(a, b):\n    a = ", further_holes=(FurtherHole("\n    retur"),))
    _, result = run(untrained, replace(request, num_candidates=4))
    assert result.candidates
    assert all(candidate.further_texts[0].startswith("n") for candidate in result.candidates)


def test_a_hole_that_has_ended_is_never_shown_its_slack(bundled: LocalFiller, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    real = bundled._adapter.forward_for

    def watched(prefix: Prefix, batch_size: int = 1) -> Forward:
        forward = real(prefix, batch_size)

        def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
            seen.append(canvas_ids)
            return forward(canvas_ids, open_mask, self_conditioning)

        return run

    monkeypatch.setattr(bundled._adapter, "forward_for", watched)
    slack_token_id = bundled._profile.slack_token_id
    drafts, _ = run(bundled, LONG_PAIR)
    assert len(drafts) == len(seen) > 3
    assert not any(bool((canvas_ids == slack_token_id).any()) for canvas_ids in seen)


def test_a_row_of_a_batch_fills_as_it_does_alone(bundled: LocalFiller) -> None:
    first, second = (run(bundled, replace(PAIR, num_candidates=count))[1].candidates for count in (2, 1))
    assert (first[0].text, first[0].further_texts) == (second[0].text, second[0].further_texts)


def test_a_checkpoint_without_slack_tries_common_widths(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path, noise="uniform", max_prefix_tokens=64, hole_widths=[2, 4])
    request = FillRequest("a", "b", num_candidates=3, max_denoising_steps=3, further_holes=(FurtherHole("="),))
    result = finish(load(str(folder), device="cpu").fill(request))
    assert result.passes == 3
    assert all(len(candidate.further_texts) == 1 for candidate in result.candidates)


def test_holes_share_a_canvas_by_narrowing_the_widest() -> None:
    profile = Profile(slack_token_id=SLACK, hole_widths=(16, 32, 48))
    (row,) = rows_of_several(PAIR, profile, [(4,) * 6])
    assert (row.width, row.further[0].width) == (16, 16), "lines share alike"
    (row,) = rows_of_several(replace(PAIR, max_hole_tokens=48, multiline=True), profile, [(4,) * 6])
    assert (row.width, row.further[0].width) == (32, 16)
    assert row.num_tokens <= 64 - 8
    narrow = replace(PAIR, further_holes=(FurtherHole("\n", max_hole_tokens=3),) * 3)
    (row,) = rows_of_several(narrow, profile, [(4,)] * 3)
    assert [hole.width for hole in row.further] == [3, 3, 3]


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (replace(PAIR, further_holes=(FurtherHole("x = 1\n" * 20),)), "fill them one after another"),
        (replace(PAIR, further_holes=(FurtherHole(""),)), "one hole"),
        (replace(PAIR, further_holes=(FurtherHole("\n", max_hole_tokens=0),)), "at least 1"),
        (replace(PAIR, exact_hole_tokens=4), "known length"),
    ],
)
def test_holes_that_no_canvas_holds_are_refused(bundled: LocalFiller, request_: FillRequest, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        finish(bundled.fill(request_))


def test_the_scripted_engine_and_the_wire_know_further_holes() -> None:
    request = replace(PAIR, original="x", locked=((0, 1), (1, 1)), noise=0.5)
    assert wire.decode(FillRequest, wire.parse(wire.dump(wire.encode(request)))) == request
    result = finish(ScriptedFiller("None").fill(PAIR))
    assert result.candidates[0].further_texts == ("None",)
    assert wire.decode(FillResult, wire.parse(wire.dump(wire.encode(result)))) == result
    with pytest.raises(RequestError, match="array of 2"):
        wire.decode(FillRequest, {**wire.encode(request), "locked": [[1]]})
