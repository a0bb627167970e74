"""Readings settle a draft on what writing the product token by token gives: the naive way is the measure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from engine.guidance import Guidance, product_of
from engine.settle import Scored, Settling, settle, until_end

_V, _SLACK = 11, 10
_GUIDANCE = Guidance(0.6, _SLACK, next_id=3)
_HEAD = [3, 4]


def reader(seed: int):
    """Return a causal reading that depends on all tokens before: rows [B, W] -> logits [B, W, V]."""

    def read(rows: Tensor) -> Tensor:
        logits = torch.empty(*rows.shape, _V)
        for row, ids in enumerate(rows.tolist()):
            for place in range(len(ids)):
                generator = torch.Generator().manual_seed(hash((seed, *ids[:place])) % 2**31)
                logits[row, place] = 3 * torch.randn(_V, generator=generator)
        logits[..., _SLACK] = -10
        return logits

    return read


def denoised_by(seed: int, num_places: int) -> Tensor:
    logits = 3 * torch.randn(num_places, _V, generator=torch.Generator().manual_seed(seed))
    logits[:, _SLACK] = torch.linspace(-3, 6, num_places)
    return logits.log_softmax(-1)


def finish(drafts: Sequence[Settling], others: list[list[int]], seed: int, most: int = 99) -> tuple[list[Scored], int]:
    """Settle, and return what it came to and after how many readings."""
    readings = settle(drafts, others, _HEAD, reader(seed), _GUIDANCE, lambda count: count < most)
    for number in range(100):
        try:
            next(readings)
        except StopIteration as end:
            return end.value, number
    raise AssertionError("it does not settle")


def written_one_by_one(given: list[int], denoised: Tensor, seed: int) -> list[int]:
    ids = list(given)
    for row in denoised:
        causal = reader(seed)(torch.tensor([[*ids, 0]]))[0, -1].log_softmax(-1)
        more = until_end(product_of(row[None], causal[None], _GUIDANCE), _SLACK)
        if not more:
            break
        ids += more
    return ids


@pytest.mark.parametrize("seed", range(40))
def test_a_draft_settles_on_what_is_written_one_by_one(seed: int) -> None:
    denoised = denoised_by(seed, 1 + seed % 14)
    given = [[], [5], [5, 6]][seed % 3]
    draft = Settling(given, denoised, _SLACK)
    scored, readings = finish([draft], [], seed)
    wanted = written_one_by_one(given, denoised, seed)
    assert draft.ids == wanted
    assert draft.is_settled
    assert readings <= len(wanted) - len(given) + 1
    assert [one.ids for one in scored] == ([wanted] if wanted else [])


@pytest.mark.parametrize("most", [1, 2, 5])
def test_every_text_is_scored_as_it_was_left(most: int) -> None:
    drafts = [Settling([5], denoised_by(seed, 9), _SLACK) for seed in (1, 2)]
    scored, readings = finish(drafts, [[1, 2], [7]], 0, most)
    assert readings <= most
    assert sorted(one.ids for one in scored) == sorted([[1, 2], [7], *(draft.ids for draft in drafts)])
    for one in scored:
        row = [*one.ids, *_HEAD]
        causal = reader(0)(torch.tensor([row]))[0].log_softmax(-1)
        assert one.log_probs == pytest.approx([float(causal[place, token]) for place, token in enumerate(row)])


def test_texts_alone_are_scored_by_one_reading() -> None:
    scored, readings = finish([], [[1, 2, 3], [4]], 0)
    assert ([one.ids for one in scored], readings) == ([[1, 2, 3], [4]], 1)
