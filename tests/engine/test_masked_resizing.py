"""Holes that grow and shrink: the expand and delete tokens are obeyed, within bounds, and nothing known changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.api import Draft, FillRequest, FillResult, FurtherHole
from engine.canvas import Canvas, hole_canvas
from engine.denoise import Forward
from engine.elastic import Cell, Elastic, ElasticStep, Hole, denoise_elastic, resized
from engine.local import LocalFiller, load
from tests.engine.tiny_masked import EXPAND, MASK, qwen2, save_masked

_MASK, _EXPAND, _DELETE, _VOCAB = 0, 1, 2, 12
_SUFFIX = (10, 11)
_CONFIG = Elastic(_VOCAB, _MASK, _EXPAND, _DELETE, max_width=8, max_expansions=8, max_denoising_steps=12)

Wish = Callable[[Sequence[int], int], int]
"""What a scripted model wants at a place of a row's hole, given what stands in the hole."""


def steps_of(wish: Wish, widths: Sequence[int], config: Elastic = _CONFIG, nats: float = 9.0) -> list[ElasticStep]:
    """Run the loop with a model that is sure of its wishes, and check what the forward pass is shown."""

    def lay(widths: Sequence[int]) -> tuple[Canvas, Forward]:
        canvases = [hole_canvas(width, [*_SUFFIX, *[9] * (max(widths) - width)]) for width in widths]
        canvas = Canvas(*(torch.cat([getattr(one, name) for one in canvases]) for name in ("known_ids", "known")))

        def forward(canvas_ids: Tensor, open_mask: Tensor, _: Tensor | None) -> Tensor:
            assert torch.equal(canvas_ids[canvas.known], canvas.known_ids[canvas.known]), "known positions stay"
            assert bool((canvas_ids[open_mask] == _MASK).all()), "what is undecided is masked"
            for row, width in enumerate(widths):
                assert tuple(canvas_ids[row, width : width + 2].tolist()) == _SUFFIX
            logits = torch.zeros(int(open_mask.sum()), _VOCAB)
            for at, (row, place) in enumerate(open_mask.nonzero().tolist()):
                logits[at, wish(canvas_ids[row, : widths[row]].tolist(), place)] = nats
            return logits

        return canvas, forward

    return list(denoise_elastic(lay, widths, config))


def ids_of(hole: Hole) -> list[int | None]:
    return [cell.token_id for cell in hole.cells]


def test_a_hole_grows_until_the_text_fits() -> None:
    steps = steps_of(lambda hole, place: _EXPAND if len(hole) < 5 else 5 + place % 2, [1])
    assert ids_of(steps[-1].holes[0]) == [5, 6, 5, 6, 5]
    assert [len(step.holes[0].cells) for step in steps] == [2, 3, 4, 5, 5]
    assert steps[-1].holes[0].num_expansions == 4
    assert steps[-1].is_last


def test_a_hole_shrinks_at_the_fills_end() -> None:
    steps = steps_of(lambda _, place: _DELETE if place >= 3 else 7, [8, 5])
    assert [ids_of(hole) for hole in steps[-1].holes] == [[7, 7, 7], [7, 7, 7]]
    assert len(steps) == 1


def test_a_fill_may_be_nothing() -> None:
    assert steps_of(lambda *_: _DELETE, [4])[-1].holes[0].cells == ()


@pytest.mark.parametrize("config", [_CONFIG, replace(_CONFIG, max_expansions=2), replace(_CONFIG, max_width=4)])
def test_a_model_that_only_grows_comes_to_an_end(config: Elastic) -> None:
    # What it wants besides growing is a token.
    steps = steps_of(lambda *_: _EXPAND, [3, 1], config)
    assert len(steps) <= config.max_denoising_steps
    for start, hole in zip((3, 1), steps[-1].holes, strict=True):
        assert hole.is_done
        assert len(hole.cells) <= min(config.max_width, start + config.max_expansions)
        assert not {_MASK, _EXPAND, _DELETE} & (set(ids_of(hole)) - {_DELETE})


@given(st.integers(0, 2**31), st.lists(st.integers(1, 8), min_size=1, max_size=3), st.integers(1, 12))
def test_every_fill_ends_within_its_bounds_and_decided_text_stays(seed: int, widths: list[int], max_steps: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def wish(*_: object) -> int:
        return int(torch.randint(1, _VOCAB, (1,), generator=generator))

    config = replace(_CONFIG, max_denoising_steps=max_steps, forbidden_ids=(3,))
    steps = steps_of(wish, widths, config, nats=float(torch.rand((), generator=generator)) * 9)
    assert len(steps) <= max_steps
    for before, after in pairwise(steps):
        for earlier, later in zip(before.holes, after.holes, strict=True):
            kept = [cell for cell in earlier.cells if cell.is_decided]
            rest = iter(later.cells)
            assert all(any(cell is found for found in rest) for cell in kept), "in order, and as it was decided"
    for start, hole in zip(widths, steps[-1].holes, strict=True):
        assert hole.is_done
        assert len(hole.cells) <= max(start, config.max_width)
        assert not {_MASK, _EXPAND, _DELETE, 3, None} & set(ids_of(hole))


def test_only_the_most_certain_place_grows_and_deletion_leaves_what_was_accepted() -> None:
    predicted = {
        0: Cell(_EXPAND, entropy=0.4),
        1: Cell(_EXPAND, entropy=0.1),
        2: Cell(_DELETE, entropy=0.2),
        3: Cell(7, entropy=0.3),
        5: Cell(8, entropy=0.9),
    }
    hole = Hole((Cell(), Cell(), Cell(), Cell(), Cell(9, is_decided=True), Cell()))
    after = resized(hole, {0, 1, 2, 3}, predicted, _EXPAND, _DELETE)
    assert [(cell.token_id, cell.is_decided) for cell in after.cells] == [
        (None, False),
        (None, False),
        (None, False),
        (7, True),
        (9, True),
    ]
    assert after.num_expansions == 1


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    return willing(tmp_path_factory.mktemp("dreamon"), 0.0, 0.0)


def willing(folder: Path, to_grow: float, to_delete: float) -> LocalFiller:
    """Return a DreamOn checkpoint whose head leans towards growing or deleting by so much."""
    model = qwen2("DreamOn", initializer_range=0.1)
    direction = torch.nn.functional.normalize(torch.ones(32), dim=0)
    with torch.no_grad():
        model.model.norm.weight.fill_(1.0)
        for layer in model.model.layers:
            layer.mlp.down_proj.weight.mul_(0.0)
            layer.self_attn.o_proj.weight.mul_(0.0)
        # Whatever stands there points the same way.
        model.model.embed_tokens.weight.add_(direction)
        model.lm_head.weight[EXPAND] += to_grow * direction
        model.lm_head.weight[256] += to_delete * direction
    loaded = load(str(save_masked(folder, "DreamOn", model, infill={"hole_widths": [4, 8]})), device="cpu")
    assert isinstance(loaded, LocalFiller)
    return loaded


_REQUEST = FillRequest("def add(a, b):\n    return (", ")\n\nprint(add(1, 2))\n", max_hole_tokens=12)


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


def test_a_checkpoint_that_wants_to_grow_fills_the_widest_hole(tmp_path: Path) -> None:
    drafts, result = run(willing(tmp_path, 5.0, 0.0), _REQUEST)
    assert [candidate.num_tokens for candidate in result.candidates] == [12]
    assert len(drafts[0].tokens) == 9
    assert result.passes == len(drafts) <= 32
    assert all(token.state == "accepted" for token in drafts[-1].tokens)


def test_a_checkpoint_that_wants_to_delete_has_nothing_to_add(tmp_path: Path) -> None:
    _, result = run(willing(tmp_path, 0.0, 5.0), _REQUEST)
    assert result.candidates == ()
    assert result.reason


def test_candidates_begin_with_holes_of_several_widths(filler: LocalFiller) -> None:
    assert filler.info.capabilities.slack
    drafts, result = run(filler, replace(_REQUEST, num_candidates=2))
    assert 1 <= len(result.candidates) <= 2
    assert result.passes == len(drafts)
    assert not any("<|" in candidate.text for candidate in result.candidates)
    assert all(candidate.num_tokens <= 12 for candidate in result.candidates)
    assert run(filler, replace(_REQUEST, num_candidates=2))[1].candidates == result.candidates


def test_what_was_typed_of_a_token_begins_the_fill(filler: LocalFiller) -> None:
    _, result = run(filler, replace(_REQUEST, prefix="def add(a, b):\n    retur"))
    assert result.passes > 0


def test_a_known_length_and_several_holes_are_not_resized(filler: LocalFiller) -> None:
    _, exact = run(filler, replace(_REQUEST, exact_hole_tokens=3))
    assert {candidate.num_tokens for candidate in exact.candidates} <= {3}
    _, two = run(filler, replace(_REQUEST, further_holes=(FurtherHole(")\n\nprint("),)))
    assert all(len(candidate.further_texts) == 1 for candidate in two.candidates)


def test_a_deadline_leaves_one_pass_and_its_answer(filler: LocalFiller) -> None:
    drafts, result = run(filler, replace(_REQUEST, deadline_ms=0))
    assert len(drafts) == result.passes == 1
    assert MASK not in {candidate.num_tokens for candidate in result.candidates}
