"""Fills longer than one canvas, on a tiny random checkpoint with one token a byte."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.api import Draft, FillRequest, FillResult
from engine.candidates import Fill
from engine.deadline import Deadline
from engine.local import LocalFiller, load
from engine.long_fill import Written, goes_on, long_fill, write
from engine.rows import rows_for, sized
from engine.text_ends import Ending, head_of
from engine.trace import Tracer
from tests.engine.tiny_prompted import CANVAS_LENGTH, save_prompted_checkpoint

_REQUEST = FillRequest(
    "def add(a, b):\n",
    "\n\nprint(add(1, 2))\n",
    multiline=True,
    max_hole_tokens=220,
    max_denoising_steps=3,
    language="python",
)


@pytest.fixture(scope="module", params=["prompted", "clamped"])
def filler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    folder = tmp_path_factory.mktemp(request.param)
    return load(str(save_prompted_checkpoint(folder, form=request.param, several_canvases=True)), device="cpu")


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    return pulled(filler.fill(request))


def pulled(fill: Any) -> tuple[list[Draft], Any]:
    drafts = []
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def written(
    filler: LocalFiller, request: FillRequest, ending: Ending, tracer: Tracer | None = None
) -> tuple[list[Draft], Written]:
    """Write free canvases and nothing else."""
    so_far = Written(tracer=tracer)
    seams = filler._forms.cut(request, 40, 24)
    drafts, _ = pulled(write(filler._writer, request, seams, ending, so_far, Deadline(request.deadline_ms)))
    return drafts, so_far


def test_a_long_fill_takes_several_canvases_and_keeps_within_the_most(filler: LocalFiller):
    drafts, result = run(filler, _REQUEST)
    assert result.passes == len(drafts)
    assert [draft.step for draft in drafts] == list(range(1, len(drafts) + 1))
    assert len(drafts) <= 3 * (-(-220 // (CANVAS_LENGTH - 48)) + 1)
    assert all(candidate.num_tokens <= 220 for candidate in result.candidates)


def test_every_draft_begins_with_what_is_settled(filler: LocalFiller):
    drafts, so_far = written(filler, _REQUEST, Ending(fence="never said"))
    assert len(so_far.ids) == 220
    assert len(drafts) == 3 * 3, "three canvases"
    for settled, later in ((drafts[2], drafts[3:]), (drafts[5], drafts[6:])):
        count = len(settled.tokens)
        assert all(
            [each.text for each in draft.tokens[:count]] == [each.text for each in settled.tokens] for draft in later
        )
        assert all({each.state for each in draft.tokens[:count]} == {"accepted"} for draft in later)
    texts = filler._seamstress.token_texts
    assert [each.text for each in drafts[-1].tokens[:220]] == [texts[token_id] for token_id in so_far.ids]


def test_a_trace_changes_nothing(filler: LocalFiller):
    untraced, plain = run(filler, _REQUEST)
    assert all(draft.trace is None for draft in untraced)
    filler.forget_prefixes()
    drafts, result = run(filler, replace(_REQUEST, trace=True))
    assert [each.text for each in result.candidates] == [each.text for each in plain.candidates]
    assert [draft.tokens for draft in drafts] == [draft.tokens for draft in untraced]
    assert all(draft.trace is not None for draft in drafts)


@pytest.mark.parametrize("prefix", [_REQUEST.prefix, "def add(a, b):\n    tot"])
def test_a_trace_tells_of_every_canvas_behind_what_is_settled(filler: LocalFiller, prefix: str):
    tracer = Tracer(filler._seamstress.token_texts, filler._profile.slack_token_id)
    drafts, _ = written(filler, replace(_REQUEST, prefix=prefix), Ending(fence="never said"), tracer)
    num_settled, leads = [], set[int]()
    for draft in drafts:
        assert draft.trace is not None
        (row,) = draft.trace.rows
        places = range(len(row.tokens))
        known = {*row.known}
        assert all(each in places for each in (*row.known, *row.slack, *row.accepted, *row.renoised, *row.suspect))
        assert not known & {*row.slack, *row.accepted, *row.renoised, *row.suspect}
        assert all(row.entropy[place] is None for place in known)
        # The draft lacks what was typed of the first token, which is known.
        num_lead = len(row.tokens) - len(draft.tokens)
        assert {*range(num_lead)} <= known
        leads.add(num_lead)
        assert [*row.tokens[num_lead:]] == [each.text for each in draft.tokens]
        num_settled.append(len(known) - num_lead)
        assert known == {*range(len(known))}
        assert any(row.entropy[place] is not None for place in places)
    assert num_settled == [each for each in sorted({*num_settled}) for _ in range(3)], "three passes a canvas"
    assert (num_settled[0], len({*num_settled}), len(leads)) == (0, 3, 1)


def test_what_is_settled_joins_the_prefix(filler: LocalFiller, monkeypatch: pytest.MonkeyPatch):
    read: list[list[int]] = []
    prefill = filler._adapter.prefill

    def reading(ids: Any) -> Any:
        read.append(list(ids))
        return prefill(ids)

    monkeypatch.setattr(filler._adapter, "prefill", reading)
    _, so_far = written(filler, replace(_REQUEST, prefix=_REQUEST.prefix + "    x ="), Ending(fence="never said"))
    seams = filler._forms.cut(replace(_REQUEST, prefix=_REQUEST.prefix + "    x ="), 40, 24)
    behind = [*seams.prefix_ids, *seams.lead_ids]
    assert read[0] == seams.prefix_ids
    for ids in read[1:]:
        assert ids == [*behind, *so_far.ids[: len(ids) - len(behind)]]
    assert len(read) == 3


def test_what_fits_one_canvas_is_filled_as_by_one_canvas(filler: LocalFiller):
    request = replace(_REQUEST, max_hole_tokens=32, num_candidates=4)
    assert not goes_on(request, filler._profile)
    drafts, result = run(filler, request)
    rows = rows_for(request, filler._profile)
    lead = filler._forms.max_lead_tokens(request, rows[0].width)
    last = sized(filler._profile, rows, lead)
    seams = filler._forms.cut(request, last.canvas_tokens - rows[0].width, lead)
    long = long_fill(filler._writer, request, seams, filler._forms.ending_of(request), Deadline(None), last)
    long_drafts, (fills, so_far) = pulled(long)
    assert [draft.text for draft in long_drafts] == [draft.text for draft in drafts]
    assert so_far.num_passes == result.passes
    assert {candidate.text for candidate in result.candidates} <= texts_of(filler, fills)


def texts_of(filler: LocalFiller, fills: list[Fill]) -> set[str]:
    return {filler._seamstress.text(fill.holes[0]).rstrip() for fill in fills}


def test_text_ends_at_a_token_that_says_so(filler: LocalFiller):
    _, endless = written(filler, _REQUEST, Ending(fence="never said"))
    told = endless.ids[100]
    drafts, so_far = written(filler, _REQUEST, Ending(frozenset({told}), fence="never said"))
    place = endless.ids.index(told)
    assert so_far.has_ended
    assert so_far.ids == endless.ids[:place]
    assert len(drafts) == 3 * (1 + place // CANVAS_LENGTH)


def test_text_ends_where_the_suffix_is_said_again(filler: LocalFiller):
    _, endless = written(filler, _REQUEST, Ending(fence="never said"))
    text = filler._seamstress.text(endless.ids)
    said = text[110:140]
    _, so_far = written(filler, _REQUEST, Ending(fence="never said", suffix=said))
    place = text.index(head_of(said))
    assert so_far.has_ended
    assert filler._seamstress.text(so_far.ids) == text[:place]


def test_a_fill_that_is_late_is_cut(filler: LocalFiller):
    drafts, result = run(filler, replace(_REQUEST, deadline_ms=0))
    assert len(drafts) == 1
    assert all(candidate.num_tokens <= CANVAS_LENGTH for candidate in result.candidates)


def test_a_fill_is_cancelled_on_any_canvas(filler: LocalFiller):
    seams = filler._forms.cut(_REQUEST, 40, 24)
    for num_passes in (1, 4):
        so_far = Written()
        fill = write(filler._writer, _REQUEST, seams, Ending(fence="never said"), so_far, Deadline(None))
        for _ in range(num_passes):
            next(fill)
        fill.close()
        assert so_far.num_passes == num_passes
        with pytest.raises(StopIteration):
            next(fill)
    assert run(filler, replace(_REQUEST, max_hole_tokens=8))[1].passes > 0


def test_only_long_fills_of_one_hole_go_on(filler: LocalFiller):
    profile = filler._profile
    assert goes_on(_REQUEST, profile)
    for changed in ({"multiline": False}, {"exact_hole_tokens": 200}, {"original": "x"}, {"max_hole_tokens": 48}):
        assert not goes_on(replace(_REQUEST, **changed), profile)
    assert not goes_on(_REQUEST, replace(profile, several_canvases=False))


@pytest.mark.parametrize(
    ("text", "ending", "place"),
    [
        ("a\nb\n```\nmore", Ending(fence="```"), 3),
        ("```", Ending(fence="```"), 0),
        ("x = '```'", Ending(fence="```"), None),
        ("a\n    ```", Ending(fence="```"), 1),
        ("a\nreturn total\n", Ending(suffix="\nreturn total\nx"), 1),
        ("a)\n", Ending(suffix=")\n"), None),
        ("a)\nprint(b)\n", Ending(suffix=")\nprint(b)\n\n"), 1),
        ("a\nreturn total\n```", Ending(fence="```", suffix="\nreturn total\n"), 1),
        ("\n  a  \nb", Ending(is_one_line=True), 4),
        ("a", Ending(), None),
    ],
)
def test_an_end_is_found_where_it_is_said(text: str, ending: Ending, place: int | None):
    assert ending.found_in(text) == place
