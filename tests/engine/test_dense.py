"""The lean layers equal the published classes: encoding, reading and denoising, from a whole prefix and from parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.local import BUNDLED
from engine.models import checkpoint, dense
from engine.models.dense_adapter import DenseDiffusionGemma
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.idle_experts import leave_out_idle_experts
from engine.training.export import published
from engine.training.holes import Sizes
from engine.training.network import Network, Shape
from tests.engine.tiny import tiny_model

_CLOSE = {"rtol": 1e-4, "atol": 1e-4}
_SHAPE = Shape(200, hidden_size=32, intermediate_size=48, num_layers=7, num_heads=4, num_key_value_heads=2, head_dim=16)


def _untrained() -> Any:
    torch.manual_seed(0)
    network = Network(_SHAPE)
    for parameter in network.parameters():  # Scales that are not one, or a swapped norm would not show.
        parameter.data += torch.randn_like(parameter) * 0.1
    model = published(network.float(), Sizes(prefix_length=48, canvas_length=64)).eval()
    leave_out_idle_experts(model)
    return model


@pytest.fixture(scope="module", params=["untrained", "bundled"])
def model(request: pytest.FixtureRequest) -> Any:
    if request.param == "untrained":
        return _untrained()
    return checkpoint.load(BUNDLED, dtype=torch.float32)._model


def _ids(*shape: int) -> torch.Tensor:
    return torch.randint(10, 190, shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture
def both(model: Any) -> tuple[DiffusionGemma, DenseDiffusionGemma]:
    return DiffusionGemma(model), DenseDiffusionGemma(model, dense.Dense(model, torch.float32))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("prefix_length", [1, 30, 150])
def test_a_denoising_pass_equals_the_published_one(
    both: tuple[DiffusionGemma, DenseDiffusionGemma], rows: int, prefix_length: int
):
    ids, canvas = _ids(prefix_length).tolist(), _ids(rows, 64)
    open_mask = torch.zeros_like(canvas, dtype=torch.bool)
    open_mask[:, 3:20] = True
    theirs, ours = (each.forward_for(each.prefill(ids), rows)(canvas, open_mask, None) for each in both)
    torch.testing.assert_close(ours, theirs, **_CLOSE)


def test_rows_with_nothing_open_are_left_out(both: tuple[DiffusionGemma, DenseDiffusionGemma]):
    canvas = _ids(3, 64)
    open_mask = torch.zeros_like(canvas, dtype=torch.bool)
    open_mask[1, :5] = True
    _, ours = both
    run = ours.forward_for(ours.prefill(_ids(20).tolist()), 3)
    alone = ours.forward_for(ours.prefill(_ids(20).tolist()))(canvas[1:2], open_mask[1:2], None)
    torch.testing.assert_close(run(canvas, open_mask, None), alone, **_CLOSE)


@pytest.mark.parametrize("width", [1, 2, 17])
def test_the_causal_reading_equals_the_published_one(both: tuple[DiffusionGemma, DenseDiffusionGemma], width: int):
    ids, drafts = _ids(100).tolist(), _ids(3, width)
    theirs, ours = (each.autoregressive_logits(each.prefill(ids), drafts) for each in both)
    torch.testing.assert_close(ours, theirs, **_CLOSE)
    theirs, ours = (each.autoregressive_logprob(each.prefill(ids), drafts[0].tolist()) for each in both)
    torch.testing.assert_close(ours, theirs, **_CLOSE)


def test_a_prefix_that_grew_equals_one_encoded_at_once(both: tuple[DiffusionGemma, DenseDiffusionGemma]):
    _, ours = both
    ids = _ids(200).tolist()
    for length in (90, 91, 170):
        ours.prefill(ids[:length])
    grown = ours.prefill(ids)
    ours.forget_prefixes()
    fresh = ours.prefill(ids)
    torch.testing.assert_close(grown.last_hidden, fresh.last_hidden, **_CLOSE)
    for mine, theirs in zip(grown.kv_cache, fresh.kv_cache, strict=True):
        torch.testing.assert_close(mine, theirs, **_CLOSE)


def test_bfloat16_products_predict_nearly_the_same(model: Any):
    precise, quick = (
        DenseDiffusionGemma(model, dense.Dense(model, dtype)) for dtype in (torch.float32, torch.bfloat16)
    )
    ids, canvas = _ids(100).tolist(), _ids(2, 64)
    open_mask = torch.ones_like(canvas, dtype=torch.bool)
    log_probs = [
        each.forward_for(each.prefill(ids), 2)(canvas, open_mask, None).log_softmax(-1) for each in (precise, quick)
    ]
    divergence = (log_probs[0].exp() * (log_probs[0] - log_probs[1])).sum(-1)
    assert float(divergence.mean()) < 0.002


def test_the_bundled_checkpoint_runs_on_it_and_others_do_not():
    assert isinstance(checkpoint.load(BUNDLED), DenseDiffusionGemma)
    assert not dense.fits(tiny_model(), 100), "it has experts"
    small = _untrained()
    assert dense.fits(small, _SHAPE.sliding_window)
    assert not dense.fits(small, _SHAPE.sliding_window + 1), "a window would cut its text"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drafts=st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(10, 12), min_size=1, max_size=6)), max_size=5))
def test_a_reader_that_goes_on_equals_one_that_reads_anew(
    both: tuple[DiffusionGemma, DenseDiffusionGemma], drafts: list[tuple[int, list[int]]]
):
    """Few different tokens, so that drafts begin alike; the rows of one differ in their last token."""
    prefixes = [each.prefill(_ids(20).tolist()) for each in both]
    anew, going_on = (each.reader_for(prefix) for each, prefix in zip(both, prefixes, strict=True))
    for num_rows, text in drafts:
        ids = torch.tensor([[*text, row] for row in range(10, 10 + num_rows)])
        asked = ids % 2 == 0
        torch.testing.assert_close(going_on(ids, asked), anew(ids, asked), **_CLOSE)


@pytest.mark.parametrize("parts", [[40], [30, 40]])
def test_a_prefix_keeps_its_keys_and_values_and_nothing_else(
    both: tuple[DiffusionGemma, DenseDiffusionGemma], parts: list[int]
):
    _, ours = both
    for length in parts:
        prefix = ours.prefill(_ids(40).tolist()[:length])
    for tensor in (each for layer in prefix.kv_cache for each in layer):
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
