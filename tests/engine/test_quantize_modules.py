"""Quantised modules on a tiny random DiffusionGemma equal the same model on the weights that the codes stand for."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DiffusionGemmaForBlockDiffusion
from transformers.models.diffusion_gemma.modeling_diffusion_gemma import DiffusionGemmaTextExperts

from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.quantize.embedding import QuantEmbedding
from engine.models.quantize.experts import QuantExperts
from engine.models.quantize.linear import QuantLinear
from engine.models.quantize.modules import Swapped, num_bytes, prepare_modules, quantize_modules
from engine.models.quantize.precision import INT4, INT8, Precision
from engine.models.quantize.reference import reference_expert_product, reference_linear, row_parts
from engine.models.quantize.scales import quantized_as
from engine.models.quantize.weight import QuantWeight
from tests.engine.tiny import CANVAS_LENGTH, VOCAB_SIZE, tiny_config, tiny_model

QUANTIZED: tuple[Precision, ...] = ("int8", "int4")


def _stood_for(swapped: Swapped, **options: object) -> DiffusionGemmaForBlockDiffusion:
    """Return the published classes on the weights that a quantised model's codes stand for."""
    model = tiny_model(**options)
    named = dict(model.named_parameters(remove_duplicate=False))
    for slot in swapped.slots:
        for name in slot.names:
            named[name].data.copy_(slot.weight.dequantized())
    return model


def _passes(model: DiffusionGemmaForBlockDiffusion) -> tuple[Tensor, Tensor, Tensor]:
    """Return a pass without and one with self-conditioning, and autoregressive scores."""
    generator = torch.Generator().manual_seed(2)
    adapter = DiffusionGemma(copy.deepcopy(model))
    prefix = adapter.prefill(range(5, 30))
    canvas = torch.randint(5, 200, (2, CANVAS_LENGTH), generator=generator)
    open_mask = torch.rand(canvas.shape, generator=generator) < 0.5
    forward = adapter.forward_for(prefix, 2)
    first = forward(canvas, open_mask, None)
    return first, forward(canvas, open_mask, first), adapter.autoregressive_logprob(prefix, range(40, 60))


@pytest.mark.parametrize("precision", QUANTIZED)
def test_a_quantised_model_equals_its_own_dequantised_reference(precision: Precision):
    model = tiny_model()
    swapped = quantize_modules(model, precision)
    assert any(isinstance(module, QuantExperts) for module in model.modules())
    plain = _passes(tiny_model())
    for found, expected, unquantized in zip(_passes(model), _passes(_stood_for(swapped)), plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        assert (found - unquantized).abs().max() > 1e-3  # The comparison would see it if nothing were quantised.


@pytest.mark.parametrize("precision", QUANTIZED)
def test_what_was_one_weight_stays_one(precision: Precision):
    model = tiny_model()
    swapped = quantize_modules(model, precision)
    assert swapped.bytes_after == num_bytes(model) < 0.8 * swapped.bytes_before
    encoder, decoder = model.model.encoder.language_model, model.model.decoder
    if precision == "int4":
        assert encoder.embed_tokens.quantized is decoder.embed_tokens.quantized is model.lm_head.quantized
    for one, other in zip(encoder.layers, decoder.layers, strict=True):
        assert one.mlp.up_proj.quantized is other.mlp.up_proj.quantized
        assert one.experts.down_proj is other.experts.down_proj
    names = {name for slot in swapped.slots for name in slot.names}
    assert names | set(swapped.kept) | {"lm_head.weight"} >= {name for name, _ in tiny_model().named_parameters()}
    assert not names & set(swapped.kept)
    words = ("norm", "router", "vision", *(("attn", "conditioning", "embed_tokens") if precision == "int8" else ()))
    assert all(any(word in name for word in words) for name in swapped.kept)


def test_originals_are_let_go_of_one_by_one(monkeypatch: pytest.MonkeyPatch):
    model = tiny_model()
    gone: list[int] = []
    for parameter in model.parameters():
        weakref.finalize(parameter, gone.append, 1)
    del parameter
    gc.collect()
    seen = []

    def counting(weight: Tensor, format: object, factor: object) -> object:
        seen.append(len(gone))
        return quantized_as(weight, format, factor)

    monkeypatch.setattr("engine.models.quantize.modules.quantized_as", counting)
    quantize_modules(model, "int4")
    assert seen == list(range(len(seen)))


def test_nothing_is_swapped_at_bf16():
    model = tiny_model()
    before = [type(module) for module in model.modules()]
    swapped = quantize_modules(model, "bf16")
    assert [type(module) for module in model.modules()] == before
    assert swapped.slots == ()
    assert swapped.bytes_after == swapped.bytes_before


@pytest.mark.parametrize("precision", QUANTIZED)
def test_an_empty_model_is_filled_to_the_same(precision: Precision):
    source = tiny_model()
    quantized = tiny_model()
    expected = quantize_modules(quantized, precision)
    with torch.device("meta"):
        model = DiffusionGemmaForBlockDiffusion(tiny_config()).eval()
    prepared = prepare_modules(model, precision)
    assert [(slot.names, slot.format) for slot in prepared.slots] == [(s.names, s.format) for s in expected.slots]
    assert prepared.kept == expected.kept
    assert prepared.bytes_after == expected.bytes_after
    assert all(buffer.is_meta for slot in prepared.slots for buffer in slot.weight.buffers())
    state = dict(source.named_parameters(remove_duplicate=False))
    for slot in prepared.slots:
        slot.weight.fill(quantized_as(state[slot.names[0]], slot.format))
        assert torch.equal(slot.weight.dequantized(), expected.slots[prepared.slots.index(slot)].weight.dequantized())


def test_a_slot_takes_only_what_fits():
    weight = QuantWeight.empty((4, 64), INT4, torch.bfloat16)
    with pytest.raises(ValueError, match="do not fit"):
        weight.fill(quantized_as(torch.randn(4, 64), INT8))
    with pytest.raises(ValueError, match="do not fit"):
        weight.fill(quantized_as(torch.randn(4, 32), INT4))
    weight.fill(quantized_as(torch.randn(4, 64), INT4))
    assert weight.dequantized().dtype == torch.bfloat16


def test_experts_are_swapped_whole_or_not_at_all():
    config = tiny_config()
    config.text_config.moe_intermediate_size = 6  # No group divides the rows of `down_proj`.
    model = DiffusionGemmaForBlockDiffusion(config).eval()
    swapped = quantize_modules(model, "int4")
    assert any(name.endswith("experts.gate_up_proj") for name in swapped.kept)
    experts = model.model.decoder.layers[0].experts
    assert isinstance(experts, DiffusionGemmaTextExperts)
    assert experts.gate_up_proj is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("format", [INT4, INT8])
def test_the_expert_product_is_the_published_one(format: object, dtype: torch.dtype):
    config = tiny_config().text_config
    config.num_experts, config.top_k_experts, config.hidden_size, config.moe_intermediate_size = 5, 3, 64, 64
    experts = DiffusionGemmaTextExperts(config).to(dtype)
    generator = torch.Generator().manual_seed(3)
    packed = {}
    for name in ("gate_up_proj", "down_proj"):
        parameter = getattr(experts, name)
        packed[name] = quantized_as(torch.randn(parameter.shape, generator=generator) / 8, format)
        parameter.data.copy_(packed[name].dequantized(dtype))
    hidden = torch.randn(7, 64, generator=generator).to(dtype)
    index = torch.stack([torch.randperm(4, generator=generator)[:3] for _ in range(7)])  # Nobody goes to the fifth.
    shares = torch.rand(7, 3, generator=generator)
    found = reference_expert_product(hidden, index, shares, packed["gate_up_proj"], packed["down_proj"], experts.act_fn)
    with torch.no_grad():
        expected = experts(hidden, index, shares)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_a_token_may_have_no_expert():
    packed = [
        quantized_as(torch.randn(2, 32, 16), INT8.fitted(16)),
        quantized_as(torch.randn(2, 16, 16), INT8.fitted(16)),
    ]
    hidden, shares = torch.randn(3, 16), torch.rand(3, 1)
    index = torch.tensor([[0], [2], [1]])
    found = reference_expert_product(hidden, index, shares, packed[0], packed[1], F.silu)
    assert bool((found[1] == 0).all())
    assert bool((found[0] != 0).any())


def test_a_linear_layer_keeps_its_bias_and_is_cut_into_parts_for_nothing_but_memory():
    layer = nn.Linear(64, 10)
    packed = quantized_as(layer.weight, INT4)
    quantized = QuantLinear(QuantWeight(packed, torch.float32), layer.bias)
    x = torch.randn(2, 3, 64)
    expected = F.linear(x, quantized.weight, layer.bias)
    torch.testing.assert_close(quantized(x), expected)
    assert [part.shape for part in row_parts(packed, 3 * 64)] == [(3, 64), (3, 64), (3, 64), (1, 64)]
    parts = [F.linear(x, part.dequantized()) for part in row_parts(packed, 1)]
    torch.testing.assert_close(torch.cat(parts, -1), reference_linear(x, packed))
    assert (quantized.in_features, quantized.out_features) == (64, 10)


def test_an_embedding_is_looked_up_and_expected_by_the_same_table():
    model = tiny_model()
    quantize_modules(model, "int4")
    table = model.model.decoder.embed_tokens
    assert isinstance(table, QuantEmbedding)
    ids = torch.tensor([[5, 9], [VOCAB_SIZE - 1, 0]])
    assert torch.equal(table(ids), F.embedding(ids, table.weight) * table.embed_scale)
    probs = torch.randn(4, VOCAB_SIZE).softmax(-1)
    torch.testing.assert_close(table.expected(probs), probs @ table.weight)
