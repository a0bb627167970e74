"""A trace says what the passes did and changes nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from engine import wire
from engine.api import Draft, FillRequest, FillResult, FurtherHole, RowTrace
from engine.canvas import hole_canvas
from engine.denoise import Step
from engine.local import LocalFiller, load
from engine.trace import Tracer
from tests.engine.tiny import save_tiny_checkpoint

_REQUEST = FillRequest(
    "def area(width, height):\n    return ", "\n\n\nprint(area(2, 3))\n", num_candidates=3, trace=True
)
_TEXTS = ("<slack>", "a", "b")


@pytest.fixture(scope="module")
def bundled() -> LocalFiller:
    return load("bundled", device="cpu")


@pytest.fixture(scope="module")
def uniform(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    """A tiny checkpoint as the published ones are: random noise, no slack, acceptance decided anew in each step."""
    folder = tmp_path_factory.mktemp("uniform")
    declared = {"noise": "uniform", "max_prefix_tokens": 64, "hole_widths": [8]}
    return load(str(save_tiny_checkpoint(folder, initializer_range=0.9, **declared)), device="cpu")


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    filler.forget_prefixes()
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def rows_with_settled(drafts: list[Draft]) -> Iterator[tuple[Draft, RowTrace, set[int]]]:
    """Yield every row of every denoising pass, and what was accepted in it before the pass."""
    settled: dict[int, set[int]] = {}
    for draft in drafts:
        assert draft.trace is not None
        for index, row in enumerate(draft.trace.rows if draft.trace.kind == "denoise" else ()):
            before = settled.setdefault(index, set())
            yield draft, row, before
            settled[index] = before.union(row.accepted).difference(row.renoised)


def test_nothing_is_traced_unasked(bundled: LocalFiller) -> None:
    drafts, _ = run(bundled, replace(_REQUEST, trace=False))
    assert drafts
    assert all(draft.trace is None for draft in drafts)


@pytest.mark.parametrize("name", ["bundled", "uniform"])
def test_looking_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    filler = request.getfixturevalue(name)
    drafts, result = run(filler, _REQUEST)
    unseen, unseen_result = run(filler, replace(_REQUEST, trace=False))
    assert [draft.tokens for draft in drafts] == [draft.tokens for draft in unseen]
    assert result.candidates == unseen_result.candidates
    assert all(draft.trace is not None for draft in drafts)


def test_a_fill_begins_with_a_look_and_goes_on_with_a_row_for_each_beginning(bundled: LocalFiller) -> None:
    drafts, _ = run(bundled, _REQUEST)
    shapes = [(draft.trace.kind, len(draft.trace.rows)) for draft in drafts if draft.trace]
    num_rows = shapes[-1][1]
    assert 2 <= num_rows <= 3
    assert shapes == [("probe", 1), *[("denoise", num_rows)] * (len(drafts) - 1)]
    probe = drafts[0].trace
    assert probe is not None
    assert (probe.rows[0].accepted, probe.rows[0].known) == ((), ())
    assert all(entropy is not None and entropy > 0 for entropy in probe.rows[0].entropy)


def test_the_first_row_is_the_draft(bundled: LocalFiller) -> None:
    for draft in run(bundled, _REQUEST)[0]:
        assert draft.trace is not None
        row = draft.trace.rows[0]
        texts = [text for place, text in enumerate(row.tokens) if place not in row.slack]
        shown = [token.text for token in draft.tokens]
        assert texts[: len(shown)] == shown
        assert not any(place >= len(shown) for place in row.accepted), "what is accepted is shown"
        assert all(row.tokens[place] == "" for place in row.slack), "slack has no text"


def test_what_is_accepted_so_far_is_what_the_draft_calls_accepted(bundled: LocalFiller) -> None:
    drafts, _ = run(bundled, _REQUEST)
    for draft, row, before in rows_with_settled(drafts):
        if draft.trace and row is draft.trace.rows[0]:
            firm = before.union(row.accepted, row.known)
            assert [place in firm for place in range(len(draft.tokens))] == [
                token.state == "accepted" for token in draft.tokens
            ]


def test_what_is_kept_is_accepted_once_and_predicted_no_more(bundled: LocalFiller) -> None:
    drafts, _ = run(bundled, _REQUEST)
    for _, row, before in rows_with_settled(drafts):
        assert not before & {*row.accepted, *row.known}
        assert row.renoised == ()
        predicted = {place for place, entropy in enumerate(row.entropy) if entropy is not None}
        assert predicted
        assert predicted.isdisjoint(before.union(row.known))
        # A pass reaches so far from the left and no further.
        assert {*range(max(predicted))} == {*range(max(predicted))} & predicted.union(before, row.known)


def test_where_acceptance_is_decided_anew_accepted_positions_become_noise_again(uniform: LocalFiller) -> None:
    num_renoised = 0
    for seed in range(4):
        drafts, _ = run(uniform, replace(_REQUEST, seed=seed))
        for _, row, before in rows_with_settled(drafts):
            assert before.isdisjoint(row.accepted)
            assert before.issuperset(row.renoised)
            num_renoised += len(row.renoised)
    assert num_renoised > 0


def test_a_known_length_shows_so_many_positions(bundled: LocalFiller) -> None:
    drafts, _ = run(bundled, replace(_REQUEST, exact_hole_tokens=5))
    assert {len(row.tokens) for draft in drafts if draft.trace for row in draft.trace.rows} == {5}


def test_fixed_text_between_holes_is_known(bundled: LocalFiller) -> None:
    between = "\n    print("
    drafts, _ = run(bundled, replace(_REQUEST, further_holes=(FurtherHole(between, False, 16),), max_hole_tokens=16))
    for draft in drafts:
        assert draft.trace is not None
        row = draft.trace.rows[0]
        assert "".join(row.tokens[place] for place in row.known if place > 0) == between
        assert min(row.known) < max(row.slack), "slack of the second hole"


def test_a_traced_draft_survives_the_wire(bundled: LocalFiller) -> None:
    for draft in run(bundled, _REQUEST)[0]:
        assert wire.decode(Draft, wire.parse(wire.dump(wire.encode(draft)))) == draft


def step(accepted: list[bool], *, entropy: float = 1.0, finished: bool = False) -> Step:
    """A step of one row, three positions wide, behind it one token of suffix."""
    mask = torch.tensor([[*accepted, False]])
    ids = torch.tensor([[1, 2, 0, 1]])
    nats = torch.full_like(mask, entropy, dtype=torch.float32)
    return Step(1, ids, ids, mask, nats, nats, torch.tensor([finished]), False)


def tracer(*times: float) -> Tracer:
    made = Tracer(_TEXTS, 0, clock=iter(times).__next__) if times else Tracer(_TEXTS, 0)
    made.begin(hole_canvas(3, [1]), keep_accepted=True)
    return made


def test_the_time_of_a_pass_leaves_out_the_time_of_its_trace_and_what_was_before_its_canvas() -> None:
    traced = tracer(3.0, 10.0, 10.5, 11.0, 11.25, 99.0)
    assert [traced.denoised(step([False] * 3)).ms for _ in range(2)] == [500.0, 250.0]


def test_suffix_is_no_part_of_a_trace_and_slack_is_told() -> None:
    row = tracer().denoised(step([True, False, False])).rows[0]
    assert (len(row.tokens), row.slack, row.accepted, row.known) == (3, (2,), (0,), ())


def test_a_position_that_is_put_aside_has_no_entropy() -> None:
    row = tracer().denoised(step([False] * 3, entropy=torch.inf)).rows[0]
    assert row.entropy == (None, None, None)


def test_suspects_and_what_is_noise_again_are_told() -> None:
    traced = tracer()
    traced.denoised(step([True, True, False]))
    suspect = torch.tensor([[False, True, False, False]])
    row = traced.denoised(step([True, False, True]), suspect).rows[0]
    assert (row.accepted, row.renoised, row.suspect) == ((2,), (1,), (1,))


def test_a_finished_row_is_predicted_no_more() -> None:
    traced = tracer()
    traced.denoised(step([True, False, False], finished=True))
    assert traced.denoised(step([True, False, False], finished=True)).rows[0].entropy == (None, None, None)


def test_a_probe_shows_slack_behind_the_first_slack() -> None:
    logits = torch.tensor([[0.0, 9, 0], [9, 0, 0], [0, 0, 9]])
    row = tracer().probed(logits, hole_canvas(3, [1])).rows[0]
    assert row.slack == (1, 2)
    assert row.entropy[0] == pytest.approx(row.entropy[2])
