"""What a critic doubts is written anew, a bounded number of times, and what was rejected does not come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.api import Draft, EngineUnavailable, FillRequest, FillResult, FurtherHole, finish
from engine.canvas import Canvas
from engine.critic import Reviewer
from engine.denoise import denoise
from engine.denoise_config import DenoiseConfig
from engine.host import Loader
from engine.layout import NextHole, Row
from engine.local import LocalFiller, load
from engine.seam import FurtherSeam, Seams
from tests.engine.test_denoise import MASK, RandomLogits, canvases, check_many, configs, forwards
from tests.engine.tiny import save_tiny_checkpoint

Spans = tuple[tuple[int, int], ...]
SLACK = 0
_REQUEST = FillRequest("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n", language="python")


@dataclass
class ScriptedCritic:
    """A critic that follows a rule and remembers what it was asked."""

    rule: Callable[[str], Spans] = lambda _: ()
    asked: list[tuple[FillRequest, str]] = field(default_factory=list)

    def __call__(self, request: FillRequest, fill: str) -> Spans:
        self.asked.append((request, fill))
        return self.rule(fill)


def against(word: str) -> Callable[[str], Spans]:
    return lambda fill: ((fill.index(word), fill.index(word) + len(word)),) if word in fill else ()


def at_the_end(fill: str) -> Spans:
    return ((len(fill), len(fill)),)


# The loop.


@dataclass
class RandomReview:
    """Sends random positions of finished rows back, some times over."""

    generator: torch.Generator
    rounds: int

    def __call__(self, ids: Tensor, asked: Tensor, settled: Tensor) -> Tensor:
        self.rounds -= 1
        drawn = torch.rand(ids.shape, generator=self.generator) < 0.5
        return drawn & asked[:, None] & (self.rounds >= 0)


@given(forwards, canvases(), configs(), st.integers(0, 2**32), st.integers(0, 3))
@check_many
def test_what_is_sent_back_is_noise_again_and_the_rest_stays(
    forward: RandomLogits, canvas: Canvas, config: DenoiseConfig, seed: int, rounds: int
) -> None:
    drawn = RandomReview(torch.Generator().manual_seed(seed), rounds)

    def review(ids: Tensor, asked: Tensor, settled: Tensor) -> Tensor:
        return drawn(ids, asked, settled) & canvas.free

    steps = list(denoise(forward, canvas, config, torch.Generator().manual_seed(seed), review))
    assert len(steps) <= config.max_denoising_steps
    assert steps[-1].is_last
    for before, step in pairwise(steps):
        frozen = before.finished
        assert torch.equal(step.canvas_ids[frozen], before.canvas_ids[frozen])
        assert bool(step.finished[frozen].all())
    for step in steps:
        assert torch.equal(step.canvas_ids[canvas.known], canvas.known_ids[canvas.known])
        assert not bool((step.accepted & canvas.known).any())
        if step.suspect is not None:
            assert not bool((step.accepted & step.suspect).any())
            assert not bool(step.finished[step.suspect.any(dim=-1)].any())
            if config.noise == "mask":
                assert bool((step.canvas_ids[step.suspect] == MASK).all())


@given(forwards, canvases(), configs(keep_accepted=True), st.integers(0, 2**32))
@check_many
def test_a_review_that_finds_nothing_changes_nothing(
    forward: RandomLogits, canvas: Canvas, config: DenoiseConfig, seed: int
) -> None:
    plain = list(denoise(forward, canvas, config, torch.Generator().manual_seed(seed)))
    nothing = torch.zeros_like(canvas.known)
    reviewed = list(denoise(forward, canvas, config, torch.Generator().manual_seed(seed), lambda *_: nothing))
    assert [step.argmax_ids.tolist() for step in reviewed] == [step.argmax_ids.tolist() for step in plain]
    assert [step.is_last for step in reviewed] == [step.is_last for step in plain]


# From spans of text to positions. Id 1 is "a", 2 is "b" and so on; 5 is "ee".


def text_of(ids: Sequence[int]) -> str:
    return "".join("ee" if index == 5 else chr(ord("a") + index - 1) for index in ids)


def reviewer_of(
    critic: ScriptedCritic, *rows: Row, rounds: int = 3, typed: str = "", slack: int | None = SLACK
) -> Reviewer:
    further = tuple(FurtherSeam(hole.between_ids, "", ()) for hole in rows[0].further)
    holes = tuple(FurtherHole(text_of(list(hole.between_ids))) for hole in rows[0].further)
    request = FillRequest("<" + typed, ">", language="x", max_syntax_rounds=rounds, further_holes=holes)
    return Reviewer(critic, request, rows, Seams([], [], typed, (), further), text_of, slack)


def reviewed(reviewer: Reviewer, *ids: list[int], num_settled: int = 99) -> list[list[int]]:
    drafts = torch.tensor(ids)
    settled = torch.arange(drafts.shape[1]).expand_as(drafts) < num_settled
    found = reviewer(drafts, torch.ones(len(ids), dtype=torch.bool), settled)
    return [row.nonzero().flatten().tolist() for row in found]


def forbidden(reviewer: Reviewer, is_open: list[list[int]]) -> set[tuple[int, int]]:
    """Return (number of the open position, id) of what the reviewer rules out."""
    mask = torch.tensor(is_open, dtype=torch.bool)
    logits = reviewer.over(lambda *_: torch.zeros(int(mask.sum()), 8))(torch.zeros_like(mask).long(), mask, None)
    return {(place, token_id) for place, token_id in logits.isinf().nonzero().tolist()}


def test_the_token_to_blame_and_what_follows_it_are_sent_back() -> None:
    reviewer = reviewer_of(ScriptedCritic(against("d")), Row(5))
    assert reviewed(reviewer, [1, 5, 4, 2, SLACK, 7]) == [[2, 3, 4]]
    assert forbidden(reviewer, [[0, 0, 1, 1, 1, 0]]) == {(0, 4)}
    assert forbidden(reviewer, [[0, 0, 0, 1, 1, 0]]) == set()


def test_a_fill_that_cannot_end_there_goes_on() -> None:
    reviewer = reviewer_of(ScriptedCritic(at_the_end), Row(4))
    assert reviewed(reviewer, [1, 2, SLACK, SLACK]) == [[2, 3]]
    assert forbidden(reviewer, [[0, 0, 1, 1]]) == {(0, SLACK)}


@pytest.mark.parametrize("slack", [SLACK, None])
def test_where_there_is_no_room_to_go_on_the_last_token_is_to_blame(slack: int | None) -> None:
    reviewer = reviewer_of(ScriptedCritic(at_the_end), Row(3), slack=slack)
    assert reviewed(reviewer, [1, 2, 3, 7]) == [[2]]


def test_a_row_that_loses_its_first_token_begins_as_no_other_row_does() -> None:
    reviewer = reviewer_of(ScriptedCritic(against("a")), Row(2, first_id=1), Row(2, first_id=3))
    assert reviewed(reviewer, [1, 2], [3, 2]) == [[0, 1], []]
    assert forbidden(reviewer, [[1, 1], [1, 1]]) == {(0, 1), (0, 3)}


def test_a_row_is_sent_back_as_often_as_the_request_allows() -> None:
    critic = ScriptedCritic(against("a"))
    reviewer = reviewer_of(critic, Row(2), rounds=2)
    assert [reviewed(reviewer, [1, other]) for other in (2, 3, 4)] == [[[0, 1]], [[0, 1]], [[]]]
    assert not reviewer.is_sound(("ad",))
    assert reviewer.is_sound(("bd",))


def test_a_token_is_blamed_when_all_up_to_it_is_settled() -> None:
    reviewer = reviewer_of(ScriptedCritic(against("d")), Row(4), rounds=1)
    assert [reviewed(reviewer, [1, 2, 4, 2], num_settled=count) for count in (0, 2, 3)] == [[[]], [[]], [[2, 3]]]


def test_what_was_typed_of_the_first_token_is_not_the_fills() -> None:
    critic = ScriptedCritic(against("b"))
    assert reviewed(reviewer_of(critic, Row(4), typed="e"), [5, 2, 2, SLACK]) == [[1, 2, 3]]
    assert critic.asked[0][1] == "ebb"


def test_each_of_several_holes_is_judged_among_the_others() -> None:
    critic = ScriptedCritic(against("d"))
    row = Row(2, further=(NextHole((3,), 2),))
    assert reviewed(reviewer_of(critic, row), [1, SLACK, 3, 2, 4]) == [[4]]
    assert [(asked.prefix, fill, asked.suffix) for asked, fill in critic.asked] == [
        ("<", "a", "cbd>"),
        ("<ac", "bd", ">"),
    ]


# The whole way.


@pytest.fixture(scope="module")
def loaded() -> tuple[LocalFiller, ScriptedCritic]:
    critic = ScriptedCritic()
    return load("bundled", device="cpu", critic=critic), critic


@pytest.fixture
def critic(loaded: tuple[LocalFiller, ScriptedCritic]) -> ScriptedCritic:
    _, critic = loaded
    critic.asked.clear()
    critic.rule = lambda _: ()
    return critic


@pytest.fixture
def filler(loaded: tuple[LocalFiller, ScriptedCritic]) -> LocalFiller:
    return loaded[0]


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


@pytest.mark.parametrize("request_", [_REQUEST, replace(_REQUEST, multiline=True, num_candidates=4)])
def test_a_critic_that_finds_nothing_changes_nothing(
    filler: LocalFiller, critic: ScriptedCritic, request_: FillRequest
) -> None:
    drafts, result = run(filler, request_)
    assert critic.asked
    plain_drafts, plain = run(filler, replace(request_, max_syntax_rounds=0))
    assert [draft.tokens for draft in drafts] == [draft.tokens for draft in plain_drafts]
    assert [each.text for each in result.candidates] == [each.text for each in plain.candidates]
    assert [each.score for each in result.candidates] == pytest.approx([each.score for each in plain.candidates])


@pytest.mark.parametrize("unasked", [{"max_syntax_rounds": 0}, {"language": ""}])
def test_without_rounds_or_language_no_critic_is_asked(
    filler: LocalFiller, critic: ScriptedCritic, unasked: dict[str, object]
) -> None:
    finish(filler.fill(replace(_REQUEST, **unasked)))  # type: ignore[arg-type]
    assert critic.asked == []


def test_what_the_critic_rejects_is_replaced(filler: LocalFiller, critic: ScriptedCritic) -> None:
    told = replace(_REQUEST, exact_hole_tokens=6)  # No other end can be chosen.
    _, plain = run(filler, replace(told, max_syntax_rounds=0))
    word = plain.candidates[0].text.strip()[:1]
    critic.rule = against(word)
    drafts, result = run(filler, replace(told, trace=True))
    assert word not in result.candidates[0].text
    traced = [row for draft in drafts if draft.trace for row in draft.trace.rows]
    assert any(row.suspect for row in traced)
    assert all(set(row.suspect).isdisjoint(row.accepted) for row in traced)


def test_an_unsound_fill_is_a_candidate_behind_the_sound_ones(filler: LocalFiller, critic: ScriptedCritic) -> None:
    asked = replace(_REQUEST, num_candidates=4, max_syntax_rounds=1)
    plain = [each.text for each in finish(filler.fill(replace(asked, max_syntax_rounds=0))).candidates]
    assert len(plain) > 1
    # All but one of the fills are unsound, and nothing can be done about it.
    critic.rule = lambda fill: () if fill.strip() == plain[1].strip() else at_the_end(fill)
    found = [each.text for each in finish(filler.fill(asked)).candidates]
    assert found[0] == plain[1]


def test_a_critic_that_is_never_content_ends_the_fill_all_the_same(filler: LocalFiller, critic: ScriptedCritic) -> None:
    critic.rule = at_the_end
    result = finish(filler.fill(_REQUEST))
    assert result.candidates
    assert result.passes <= 17


def test_a_host_is_told_by_name_who_judges() -> None:
    filler = Loader("bundled", "infill_lsp.judging.critic:Critic")()
    broken_before = replace(_REQUEST, prefix="x = (1,\n     ", suffix="\n     )\ny = 2\n")
    assert finish(filler.fill(broken_before)).candidates
    for name in ("infill_lsp.nobody:Critic", "infill_lsp.judging.critic:Nobody", "nothing", ":"):
        with pytest.raises(EngineUnavailable, match="There is no critic"):
            Loader("bundled", name)()


def test_a_checkpoint_of_random_noise_is_sent_back_as_well(tmp_path: Path) -> None:
    critic = ScriptedCritic()
    # Such a checkpoint predicts what stands there, so that it settles before the last step.
    filler = load(str(save_tiny_checkpoint(tmp_path, branch_scale=0.01)), device="cpu", critic=critic)
    asked = replace(_REQUEST, prefix="x = 1\n", max_hole_tokens=4, multiline=True, max_denoising_steps=48)
    plain = finish(filler.fill(replace(asked, language=""))).candidates[0].text
    critic.rule = against(plain[-1])
    drafts, result = run(filler, replace(asked, trace=True))
    assert critic.asked
    assert any(row.suspect for draft in drafts if draft.trace for row in draft.trace.rows)
    assert plain[-1] not in result.candidates[0].text
