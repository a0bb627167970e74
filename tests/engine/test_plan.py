"""Sizes told from a configuration alone equal those of the real model; plans fit, and get smaller when they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DiffusionGemmaForBlockDiffusion, DynamicCache, Qwen2Config, Qwen2ForCausalLM
from transformers.models.diffusion_gemma import DiffusionGemmaConfig, DiffusionGemmaTextConfig

from engine.folder_sizes import sizes_in
from engine.models.quantize.modules import prepare_modules
from engine.models.quantize.precision import PRECISIONS, Precision
from engine.models.static_cache import StaticPrefix
from engine.plan import Card, Plan, choose, described, needed, refusal, smaller
from engine.sizes import Sizes, sizes_of
from tests.engine.tiny import tiny_config, tiny_model
from tests.engine.tiny_masked import save_masked

GB = 10**9
CARD = Card("a card", host_free_bytes=64 * GB)


def published_sizes() -> Sizes:
    """Return the sizes of the published 26B checkpoint, whose shapes are written here."""
    text = DiffusionGemmaTextConfig(
        hidden_size=2816,
        intermediate_size=2112,
        num_hidden_layers=30,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=256,
        global_head_dim=512,
        num_global_key_value_heads=2,
        sliding_window=1024,
        num_experts=128,
        top_k_experts=8,
        moe_intermediate_size=704,
        max_position_embeddings=262_144,
    )
    config = DiffusionGemmaConfig(text_config=text.to_dict(), canvas_length=256)
    sizes = sizes_of(config, has_static_passes=True)
    assert sizes is not None
    return sizes


PUBLISHED = published_sizes()


def stored_bytes(model: torch.nn.Module) -> int:
    """Return what a model's weights and persistent buffers take, shared ones once."""
    return sum({id(tensor): tensor.nbytes for tensor in model.state_dict(keep_vars=True).values()}.values())


@settings(deadline=None, max_examples=20)
@given(
    hidden=st.sampled_from([16, 24, 32, 40]),
    inner=st.sampled_from([16, 48]),
    layers=st.integers(1, 5),
    heads=st.sampled_from([(2, 1), (2, 2), (4, 2)]),
    experts=st.integers(1, 3),
    width=st.sampled_from([8, 12, 16]),
    has_bias=st.booleans(),
    precision=st.sampled_from(PRECISIONS),
)
def test_the_sum_equals_the_real_models_bytes(
    hidden: int,
    inner: int,
    layers: int,
    heads: tuple[int, int],
    experts: int,
    width: int,
    has_bias: bool,
    precision: Precision,
) -> None:
    text = DiffusionGemmaTextConfig(
        vocab_size=40,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads[0],
        num_key_value_heads=heads[1],
        head_dim=8,
        global_head_dim=16,
        num_global_key_value_heads=1,
        sliding_window=4,
        num_experts=experts,
        top_k_experts=1,
        moe_intermediate_size=width,
        attention_bias=has_bias,
        layer_types=["sliding_attention"] * (layers - 1) + ["full_attention"],
    )
    config = tiny_config()
    config = DiffusionGemmaConfig(text_config=text.to_dict(), vision_config=config.vision_config.to_dict())
    with torch.device("meta"):
        model = DiffusionGemmaForBlockDiffusion._from_config(config, dtype=torch.bfloat16)
    del model.model.encoder.vision_tower, model.model.encoder.embed_vision
    prepare_modules(model, precision)
    sizes = sizes_of(config)
    assert sizes is not None
    assert sizes.weights[precision] == stored_bytes(model)
    layer = model.model.decoder.layers[0].experts
    assert sizes.expert_layers[precision] == stored_bytes(layer)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("is_tied", [True, False])
def test_a_dense_networks_sum_equals_its_bytes(precision: Precision, is_tied: bool) -> None:
    config = Qwen2Config(
        vocab_size=48,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=is_tied,
    )
    with torch.device("meta"):
        model = Qwen2ForCausalLM._from_config(config, dtype=torch.bfloat16)
    prepare_modules(model, precision)
    sizes = sizes_of(config)
    assert sizes is not None
    assert sizes.weights[precision] == stored_bytes(model)
    assert sizes.expert_layers[precision] == 0


def test_the_cache_of_a_prefix_takes_what_is_said() -> None:
    model = tiny_model()
    sizes = sizes_of(model.config, weight_bytes=4)
    assert sizes is not None
    for num_tokens in (3, 15, 40):
        cache = DynamicCache(config=model.config.text_config)
        with torch.inference_mode():
            model.model.encoder.language_model(
                input_ids=torch.ones(1, num_tokens, dtype=torch.int64), past_key_values=cache
            )
        held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
        assert held <= sizes.kv_cache(num_tokens)
        if num_tokens >= model.config.text_config.sliding_window:
            assert held == sizes.kv_cache(num_tokens)


@pytest.mark.parametrize("bucket", [512, 1024])
def test_static_buffers_take_what_is_said(bucket: int) -> None:
    model = tiny_model()
    sizes = sizes_of(model.config, weight_bytes=4, has_static_passes=True)
    assert sizes is not None
    static = StaticPrefix(model.model.decoder, bucket, 16)
    kept = sum(each.nbytes for each in (*static._keys, *static._values))
    layers = len(model.config.text_config.layer_types)
    a_run = 8 * sizes.kv_token  # Windows are rounded to whole runs of keys.
    canvas = sizes.canvas_tokens * sizes.static_row
    for num_tokens in (bucket // 2 + 1, bucket):
        told = sizes.static_buffers(num_tokens) - canvas
        assert abs(kept - told) <= a_run * layers < sizes.kv_window
    assert sizes.static_buffers(1 << 20) == 0, "no bucket holds it, and no pass runs on buffers"
    assert static.num_bytes > kept, "biases and rotations count, too"
    plain = sizes_of(model.config, weight_bytes=4)
    assert plain is not None
    assert needed(sizes, "bf16", 512) - needed(plain, "bf16", 512) == sizes.static_buffers(512)


@pytest.mark.parametrize(
    ("declared", "most"),
    [
        ({}, 768 + 256),
        ({"max_prefix_tokens": 40}, 40 + 256),
        ({"max_prefix_tokens": 8000}, 4096),
        ("no section", 768 + 256),
        ({"max_prefix_tokens": "many"}, 768 + 256),
    ],
)
def test_a_masked_checkpoint_is_planned_for_what_it_reads(declared: Any, most: int, tmp_path: Path) -> None:
    folder = save_masked(tmp_path, "Dream-Coder", infill=declared, max_position_embeddings=4096)
    sizes = sizes_in(folder, torch.device("cpu"))
    assert sizes is not None
    assert sizes.max_tokens == most
    assert needed(sizes, "bf16", 8192) == needed(sizes, "bf16", most)


def test_a_model_of_unknown_shape_has_no_sizes() -> None:
    assert sizes_of(type("Config", (), {"model_type": "other"})()) is None


def test_the_published_checkpoint_fits_where_it_should() -> None:
    assert 50 * GB < PUBLISHED.weights["bf16"] < 52 * GB
    assert choose(80 * GB, PUBLISHED, CARD).precision == "bf16"  # type: ignore[union-attr]
    assert choose(44 * GB, PUBLISHED, CARD).precision == "int8"  # type: ignore[union-attr]
    plan = choose(int(23.5 * GB), PUBLISHED, CARD)
    assert plan is not None
    assert (plan.precision, plan.offloaded_layers, plan.context_tokens) == ("int4", (), 8192)
    # At 8,192 tokens of context and a canvas of 256, with nothing remembered besides.
    assert needed(PUBLISHED, "int4", 8192) <= 18 * GB


def test_a_prefix_is_read_before_there_are_logits_and_not_beside_them() -> None:
    canvas = PUBLISHED.canvas_tokens * (3 * PUBLISHED.logits_row + PUBLISHED.hidden_row)
    reading = canvas // PUBLISHED.hidden_row + 1  # tokens that take as much
    without = replace(PUBLISHED, kv_token=0, kv_window=0, static_row=1)
    assert needed(without, "int4", 2048) == needed(without, "int4", reading - 1)
    assert needed(without, "int4", reading + 9) - needed(without, "int4", reading) == 9 * PUBLISHED.hidden_row
    unrecorded = replace(without, static_row=0)
    copy = PUBLISHED.canvas_tokens * PUBLISHED.logits_row - without.static_buffers(2048)
    assert needed(unrecorded, "int4", 2048) - needed(without, "int4", 2048) == copy


def test_a_smaller_card_keeps_experts_on_the_host_and_says_so() -> None:
    plan = choose(12 * GB, PUBLISHED, CARD)
    assert plan is not None
    assert plan.precision == "int4"
    assert plan.offloaded_layers
    assert plan.offloaded_layers[-1] == 29
    assert plan.why.startswith(f"int4 with the experts of {len(plan.offloaded_layers)} layers on the host: ")
    assert "12.0 GB that are free on a card" in plan.why
    assert choose(3 * GB, PUBLISHED, CARD) is None
    assert choose(12 * GB, PUBLISHED, Card("a card", host_free_bytes=GB)) is None
    assert "4.0 GB are free on a card" in refusal(4 * GB, PUBLISHED, CARD, "auto")


@given(free=st.integers(0, 100 * GB), precision=st.sampled_from(["auto", *PRECISIONS]))
def test_a_plan_fits_and_is_the_best_that_does(free: int, precision: str) -> None:
    plan = choose(free, PUBLISHED, CARD, precision=precision)  # type: ignore[arg-type]
    if plan is None:
        return
    assert precision in ("auto", plan.precision)
    assert needed(PUBLISHED, plan.precision, 2048, len(plan.offloaded_layers)) <= free
    assert plan.needed_bytes + plan.recording_bytes <= max(
        free, needed(PUBLISHED, plan.precision, 2048, len(plan.offloaded_layers))
    )
    better = PRECISIONS[: PRECISIONS.index(plan.precision)] if precision == "auto" else ()
    assert all(needed(PUBLISHED, each, 2048) > free for each in better)
    if plan.offloaded_layers:
        assert needed(PUBLISHED, plan.precision, 2048) > free
    more = choose(free + GB, PUBLISHED, CARD, precision=precision)  # type: ignore[arg-type]
    assert more is not None
    assert PRECISIONS.index(more.precision) <= PRECISIONS.index(plan.precision)
    assert "\n" not in plan.why


@given(
    free=st.integers(5 * GB, 100 * GB),
    precision=st.sampled_from(["auto", *PRECISIONS]),
    at_load=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_plans_get_smaller_until_nothing_is_left(free: int, precision: str, at_load: list[bool]) -> None:
    plan = choose(free, PUBLISHED, CARD, precision=precision)  # type: ignore[arg-type]
    may_requantise = precision == "auto"
    for each in at_load:
        if plan is None:
            break
        after = smaller(plan, free, PUBLISHED, CARD, may_requantise=may_requantise, at_load=each)
        if after is not None:
            assert weighs(after) < weighs(plan)
            assert may_requantise or after.precision == plan.precision
            assert "it ran out of memory" in after.why
        plan = after
    assert plan is None


def weighs(plan: Plan) -> tuple[int, int]:
    """Return what of a plan is on the device: weights first, then what is remembered."""
    layers = len(plan.offloaded_layers)
    weights = PUBLISHED.weights[plan.precision] - layers * PUBLISHED.expert_layers[plan.precision]
    return weights, plan.snapshot_bytes


def test_the_next_plan_names_the_one_before() -> None:
    first = choose(80 * GB, PUBLISHED, CARD)
    assert first is not None
    second = smaller(first, 80 * GB, PUBLISHED, CARD, may_requantise=True, at_load=True)
    assert second is not None
    assert described(second) == "int8"
    assert second.why.endswith("it ran out of memory at bf16")


def test_no_precision_is_tried_that_takes_as_much() -> None:
    weights: dict[Precision, int] = {"bf16": 10 * GB, "int8": 10 * GB, "int4": 9 * GB}
    sizes = replace(PUBLISHED, weights=weights, expert_layers=dict.fromkeys(PRECISIONS, 0))
    plan = choose(40 * GB, sizes, CARD)
    assert plan is not None
    after = smaller(plan, 40 * GB, sizes, CARD, may_requantise=True, at_load=True)
    assert after is not None
    assert after.precision == "int4"
    assert smaller(after, 40 * GB, sizes, CARD, may_requantise=True, at_load=True) is None
