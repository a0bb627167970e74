"""Readings settle a draft on what writing the product token by token gives: the naive way is the measure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from engine.guidance import Guidance, product_of
from engine.repeats import Repeats
from engine.settle import Scored, Settling, settle, until_end

_V, _SLACK = 11, 10
_GUIDANCE = Guidance(0.6, _SLACK, next_id=3)
_HEAD = [3, 4]


def reader(seed: int):
    """Return a causal reading that depends on all tokens before: rows [B, W], asked [B, W] bool -> logits [N, V]."""

    def read(rows: Tensor, asked: Tensor) -> Tensor:
        logits = torch.empty(*rows.shape, _V)
        for row, ids in enumerate(rows.tolist()):
            for place in range(len(ids)):
                generator = torch.Generator().manual_seed(hash((seed, *ids[:place])) % 2**31)
                logits[row, place] = 3 * torch.randn(_V, generator=generator)
        logits[..., _SLACK] = -10
        return logits[asked]

    return read


def read_all(ids: list[int], seed: int) -> Tensor:
    """Return log-probabilities of every place: [W, V]."""
    return reader(seed)(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool)).log_softmax(-1)


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
        causal = read_all([*ids, 0], seed)[-1]
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


@pytest.mark.parametrize("seed", range(40))
def test_guesses_from_the_text_change_nothing_but_how_often_is_read(seed: int) -> None:
    """Of few tokens, so that there is a guess nearly everywhere; most are wrong, and some are longer than the draft."""
    text = torch.randint(0, _SLACK, (60,), generator=torch.Generator().manual_seed(seed)).tolist()
    denoised = denoised_by(seed, 1 + seed % 14)
    draft = Settling([5], denoised, _SLACK, Repeats([*text, *range(_SLACK), *range(_SLACK)]))
    scored, _ = finish([draft], [], seed)
    wanted = written_one_by_one([5], denoised, seed)
    assert [one.ids for one in scored] == [draft.ids] == [wanted]
    row = [*wanted, *_HEAD]
    assert scored[0].log_probs == pytest.approx(read_all(row, seed)[torch.arange(len(row)), row].tolist())


def test_a_right_guess_is_read_at_once() -> None:
    denoised = denoised_by(3, 12)
    given = [5, 6]
    wanted = written_one_by_one(given, denoised, 3)
    plain, knowing = (Settling(given, denoised, _SLACK, Repeats(text)) for text in ((), wanted))
    assert finish([knowing], [], 3)[1] < finish([plain], [], 3)[1]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_every_text_is_scored_as_it_was_left(most: int) -> None:
    drafts = [Settling([5], denoised_by(seed, 9), _SLACK) for seed in (1, 2)]
    scored, readings = finish(drafts, [[1, 2], [7]], 0, most)
    assert readings <= most
    assert sorted(one.ids for one in scored) == sorted([[1, 2], [7], *(draft.ids for draft in drafts)])
    for one in scored:
        row = [*one.ids, *_HEAD]
        causal = read_all(row, 0)
        assert one.log_probs == pytest.approx([float(causal[place, token]) for place, token in enumerate(row)])


def test_a_reading_is_asked_about_no_more_than_its_window() -> None:
    asked: list[int] = []

    def read(rows: Tensor, places: Tensor) -> Tensor:
        asked.append(int(places.sum()))
        return reader(1)(rows, places)

    draft = Settling([5], denoised_by(1, 12), _SLACK)
    assert len([*settle([draft], [], _HEAD, read, _GUIDANCE, lambda count: True)]) > 2
    assert len(draft.ids) > 6
    assert all(count <= 6 for count in asked)  # a window of four, the place after it and, at first, what is given


def test_texts_alone_are_scored_by_one_reading() -> None:
    scored, readings = finish([], [[1, 2, 3], [4]], 0)
    assert ([one.ids for one in scored], readings) == ([[1, 2, 3], [4]], 1)
