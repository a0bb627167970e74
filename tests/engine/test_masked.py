"""Masked diffusion on Qwen2's classes: published layouts load, and a pass is a plain forward with full attention."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from engine.api import FillRequest, FurtherHole, finish
from engine.likelihood import denoised_logprob, likelihood
from engine.local import LocalFiller, load
from engine.models import checkpoint
from engine.models.masked import MaskedQwen2
from engine.models.tokenizer_files import tokenizer_of
from engine.seam import Seamstress
from tests.engine.tiny_masked import (
    BEGINOFTEXT,
    ENDOFTEXT,
    KINDS,
    MASK,
    NUM_BYTES,
    OPEN_DCODER_MASK,
    Kind,
    qwen2,
    save_masked,
)

_REQUEST = FillRequest("def add(a, b):\n    return (", ")\n\nprint(add(1, 2))\n", max_hole_tokens=16)
_CPU = torch.device("cpu")


def naive_logits(model: Qwen2ForCausalLM, ids: Tensor) -> Tensor:
    """Predict every position but the first with a mask that hides nothing: ids [L] -> [L - 1, V], of place 1 on."""
    nothing_hidden = torch.zeros(1, 1, len(ids), len(ids))
    with torch.inference_mode():
        return model(input_ids=ids[None], attention_mask={"full_attention": nothing_hidden}).logits[0, :-1]


@pytest.fixture(scope="module", params=KINDS)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Kind, MaskedQwen2]:
    kind: Kind = request.param
    folder = save_masked(tmp_path_factory.mktemp("masked"), kind)
    adapter = checkpoint.load(folder, dtype=torch.float32)
    assert isinstance(adapter, MaskedQwen2)
    return kind, adapter


def test_a_pass_is_a_plain_forward_that_sees_everything_and_predicts_from_the_left(
    loaded: tuple[Kind, MaskedQwen2],
) -> None:
    kind, adapter = loaded
    prefix_ids, canvas = [3, 1, 4, 1, 5], torch.tensor([[MASK, 9, MASK, 2, 6]])
    open_mask = torch.tensor([[True, False, True, False, False]])
    logits = adapter.forward_for(adapter.prefill(prefix_ids))(canvas, open_mask, None)
    expected = naive_logits(qwen2(kind), torch.tensor([*prefix_ids, *canvas[0].tolist()]))
    torch.testing.assert_close(logits, expected[[4, 6]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.1), ("int4", 0.7)])
def test_quantised_weights_predict_nearly_the_same(
    loaded: tuple[Kind, MaskedQwen2], precision: str, most: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, adapter = loaded
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    quantised = checkpoint.load(save_masked(tmp_path / "it", kind), precision=precision)
    canvas, open_mask = torch.tensor([[MASK, 9, MASK, 2]]), torch.tensor([[True, False, True, False]])
    shares = [
        model.forward_for(model.prefill([3, 1, 4]))(canvas, open_mask, None).softmax(-1)
        for model in (adapter, quantised)
    ]
    assert 0 < float((shares[0] - shares[1]).abs().sum(-1).max()) < most
    assert quantised.num_parameters == adapter.num_parameters


def test_a_row_of_a_batch_is_the_row_by_itself_whatever_its_length(loaded: tuple[Kind, MaskedQwen2]) -> None:
    _, adapter = loaded
    forward = adapter.forward_for(adapter.prefill([7, 8, 9]), 3)
    rows = torch.tensor([[MASK, MASK, 5, -1, -1, -1], [MASK, 1, 2, 3, 4, -1], [1, 2, 3, 4, 5, -1]])
    open_mask = rows == MASK
    together = forward(rows, open_mask, None)
    alone = [
        forward(row[None, : int((row >= 0).sum())], (row == MASK)[None, : int((row >= 0).sum())], None) for row in rows
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4)
    assert len(together) == 3


def test_what_stands_right_of_a_position_counts_and_so_does_the_prefix(loaded: tuple[Kind, MaskedQwen2]) -> None:
    _, adapter = loaded
    open_mask = torch.tensor([[True, False]])
    seen = [
        adapter.forward_for(adapter.prefill(prefix))(torch.tensor([[MASK, right]]), open_mask, None)
        for prefix, right in (([1, 2], 3), ([1, 2], 4), ([9, 2], 3))
    ]
    assert not torch.allclose(seen[0], seen[1], atol=1e-3)
    assert not torch.allclose(seen[0], seen[2], atol=1e-3)


def test_special_tokens_are_found_and_never_written(loaded: tuple[Kind, MaskedQwen2]) -> None:
    kind, adapter = loaded
    declared = adapter.declared
    assert declared["mask_token_id"] == (OPEN_DCODER_MASK if kind == "Open-dCoder" else MASK)
    assert (declared["expand_token_id"] is not None) == (kind == "DreamOn")
    assert declared["delete_token_id"] == (NUM_BYTES if kind == "DreamOn" else None)
    assert {declared["mask_token_id"], NUM_BYTES} <= set(adapter.unwritable_ids)


def test_a_text_is_as_likely_as_denoising_it_four_tokens_apart(loaded: tuple[Kind, MaskedQwen2]) -> None:
    _, adapter = loaded
    model, mask = qwen2(loaded[0]), adapter.declared["mask_token_id"]
    prefix_ids, ids, follows = [1, 2, 3], [11, 12, 13, 14, 15, 16], [21, 22]
    found = likelihood(adapter, adapter.prefill(prefix_ids), follows, mask)(ids)
    for place in range(len(ids)):
        shown = [token if at % 4 < place % 4 else mask for at, token in enumerate(ids)]
        whole = torch.tensor([*prefix_ids, *shown, *follows])
        expected = naive_logits(model, whole)[len(prefix_ids) + place - 1].log_softmax(-1)[ids[place]]
        assert float(found[place]) == pytest.approx(float(expected), abs=1e-3)


def test_the_likelihoods_of_all_texts_of_a_length_sum_to_one() -> None:
    def forward(canvas_ids: Tensor, open_mask: Tensor, _: Tensor | None) -> Tensor:
        # Depends on everything that is shown.
        weights = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]])
        context = canvas_ids.float() @ torch.tensor([1.0, 3.0, 0.5])
        return context[open_mask.nonzero()[:, 0], None].sin() * weights[open_mask.nonzero()[:, 1] % 2]

    texts = [[first, second] for first in range(3) for second in range(3)]
    total = sum(float(denoised_logprob(forward, [2], 9, _CPU, text).sum().exp()) for text in texts)
    assert total == pytest.approx(1.0, abs=1e-5)
    assert denoised_logprob(forward, [2], 9, _CPU, []).shape == (0,)


@pytest.fixture(scope="module", params=KINDS)
def filler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    filler = load(str(save_masked(tmp_path_factory.mktemp("filled"), request.param)), device="cpu")
    assert isinstance(filler, LocalFiller)
    return filler


def test_a_hole_is_filled_and_the_likelier_text_comes_first(filler: LocalFiller) -> None:
    fill = filler.fill(replace(_REQUEST, num_candidates=3))
    drafts = []
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            result = stop.value
            break
    assert result.passes == len(drafts) > 0
    scores = [candidate.score for candidate in result.candidates]
    assert scores == sorted(scores, reverse=True)
    assert result.candidates
    assert all(score < 0 for score in scores)
    assert not any("\n" in candidate.text for candidate in result.candidates)
    assert finish(filler.fill(replace(_REQUEST, num_candidates=3))).candidates == result.candidates


def test_widths_compete_until_each_is_done(tmp_path: Path) -> None:
    filler = load(str(save_masked(tmp_path, "Dream-Coder")), device="cpu")
    found = finish(filler.fill(replace(_REQUEST, max_hole_tokens=16, num_candidates=8))).candidates
    assert {candidate.num_tokens for candidate in found} == {4, 8, 16}


def test_a_hole_of_known_length_several_holes_and_rewriting_work(filler: LocalFiller) -> None:
    exact = finish(filler.fill(replace(_REQUEST, exact_hole_tokens=5)))
    assert {candidate.num_tokens for candidate in exact.candidates} <= {5}
    two = finish(filler.fill(replace(_REQUEST, further_holes=(FurtherHole(")\n\nprint("),))))
    assert all(len(candidate.further_texts) == 1 for candidate in two.candidates)
    rewritten = finish(filler.fill(replace(_REQUEST, original="a + b", noise=0.5, locked=((0, 1),))))
    assert all(candidate.text.startswith("a") for candidate in rewritten.candidates)


def test_a_critic_sends_back_what_it_doubts(tmp_path: Path) -> None:
    asked: list[str] = []

    def critic(request: FillRequest, fill: str) -> tuple[tuple[int, int], ...]:
        asked.append(fill)
        return ((0, 1),) if fill and not fill[0].isdigit() else ()

    filler = load(str(save_masked(tmp_path, "Dream-Coder")), device="cpu", critic=critic)
    finish(filler.fill(replace(_REQUEST, language="python")))
    assert asked


@pytest.mark.parametrize("prefix", ["", "é" * 3000, "x = '\ud83d'\n"])
@pytest.mark.parametrize("suffix", ["", "\U0001f600" * 500])
def test_any_surroundings_are_filled(filler: LocalFiller, prefix: str, suffix: str) -> None:
    finish(filler.fill(FillRequest(prefix, suffix, max_hole_tokens=4, max_denoising_steps=2)))


@pytest.mark.parametrize(("kind", "first"), [("DreamOn", BEGINOFTEXT), ("Open-dCoder", ENDOFTEXT)])
def test_a_whole_text_is_marked_as_in_training(tmp_path: Path, kind: Kind, first: int) -> None:
    tokenizer = tokenizer_of(save_masked(tmp_path, kind))
    seams = Seamstress(tokenizer, 264, MaskedQwen2.edge_tokens).cut(FillRequest("", "x\n"), 8, 8)
    assert seams.prefix_ids == [first]
    assert seams.suffix_ids[-1] == ENDOFTEXT


def test_a_vocabulary_and_merges_are_as_good_as_a_tokenizer_file(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(save_masked(tmp_path, "DreamOn"))
    assert tokenizer.token_to_id("<|mask|>") == MASK
    text = "def f(x):\n\treturn 'é' + x2  \n"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
