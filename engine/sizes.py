"""What a checkpoint takes of a device's memory, computed from its configuration alone. Pure; it knows no tensor.

Bytes of weights at each precision, of the key-value cache of a prefix, of logits and of static buffers. Names and
shapes are those of the published classes, so the sums are exact, and what is quantised is asked of the module that
decides it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.quantize.precision import PRECISIONS, Precision, format_of, last_layer_of
from engine.models.static_cache import Buckets

LOGITS_BYTES = 4  # they are float32 whatever the weights are


@dataclass(frozen=True, slots=True)
class Sizes:
    """All in bytes. `expert_layers` is what leaves the device with the experts of one layer."""

    weights: Mapping[Precision, int]
    expert_layers: Mapping[Precision, int]  # of one layer, 0 without experts
    num_layers: int
    kv_token: int  # of one token of a prefix, in the layers that keep all of it
    kv_window: int  # of the layers that keep the last tokens only, when their windows are full
    canvas_tokens: int
    max_tokens: int  # prefix and canvas together
    logits_row: int  # of one canvas position
    hidden_row: int  # of one position that is read, in the widest layer
    # Of the prefix at hand: besides what is remembered of it, each row may have one.
    prefix_copies: int = 2
    static_row: int = 0  # of one canvas position in passes on static buffers; 0: there are none

    def static_buffers(self, num_tokens: int) -> int:
        """Return what passes on static buffers keep after a prefix of so many tokens: its bucket and one canvas."""
        bucket = next((size for size in Buckets().prefix if size >= num_tokens), None)
        if bucket is None or not self.static_row:
            return 0
        return self.kv_cache(bucket) + self.canvas_tokens * self.static_row

    def kv_cache(self, num_tokens: int) -> int:
        """Return what the prefix of so many tokens takes at most."""
        return self.kv_token * num_tokens + self.kv_window


def sizes_of(config: Any, *, weight_bytes: int = 2, has_static_passes: bool = False) -> Sizes | None:
    """Return the sizes of a transformers configuration; None for a model whose shapes are not known here.

    An unquantised weight takes `weight_bytes`: 2 in bfloat16, 4 in float32. On a device with static passes
    (`engine.models.static_pass`) a DiffusionGemma has buffers for them.
    """
    static_row = 0
    if config.model_type == "diffusion_gemma":
        text, canvas_tokens = config.text_config, int(config.canvas_length)
        weights = dict(_diffusion_gemma(text))
        if has_static_passes:  # Which tokens are impossible there, and the embedding that is told to the next pass.
            static_row = int(text.vocab_size) + int(text.hidden_size) * weight_bytes
    elif config.model_type == "qwen2":
        text, canvas_tokens = config, 0
        weights = dict(_dense(config))
    else:
        return None
    experts = {name: shape for name, shape in weights.items() if ".layers.0.experts." in name}
    last_layer = last_layer_of(weights)
    kv_token, kv_window = kv_cache(text, weight_bytes)
    return Sizes(
        weights={precision: _num_bytes(weights, precision, weight_bytes, last_layer) for precision in PRECISIONS},
        expert_layers={precision: _num_bytes(experts, precision, weight_bytes, last_layer) for precision in PRECISIONS},
        num_layers=int(text.num_hidden_layers),
        kv_token=kv_token,
        kv_window=kv_window,
        canvas_tokens=canvas_tokens or 256,
        max_tokens=int(text.max_position_embeddings),
        logits_row=int(text.vocab_size) * LOGITS_BYTES,
        hidden_row=(int(text.hidden_size) * 4 + int(text.intermediate_size) * 3) * weight_bytes,
        static_row=static_row,
    )


def _num_bytes(
    weights: Mapping[str, tuple[int, ...]], precision: Precision, weight_bytes: int, last_layer: int | None
) -> int:
    total = 0
    formats = {name: format_of(name, shape, precision, last_layer) for name, shape in weights.items()}
    experts_stay = any(format is None for name, format in formats.items() if ".experts." in name)
    for name, shape in weights.items():
        # The two weights of experts are one module, quantised both or not at all.
        format = None if experts_stay and ".experts." in name else formats[name]
        count = math.prod(shape)
        total += count * weight_bytes if format is None else math.ceil(count * format.bits_per_weight / 8)
    return total


def _diffusion_gemma(text: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the weights that encoder and decoder share, and what each has for itself; none that reads images."""
    hidden, inner, experts = int(text.hidden_size), int(text.intermediate_size), int(text.num_experts)
    yield "decoder.embed_tokens.weight", (int(text.vocab_size), hidden)
    yield "decoder.norm.weight", (hidden,)
    yield "decoder.self_conditioning.pre_norm.weight", (hidden,)
    yield from _mlp("decoder.self_conditioning", hidden, inner)
    for layer in range(int(text.num_hidden_layers)):
        at = f"decoder.layers.{layer}"
        own = text.per_layer_config[layer]
        head, kv = int(own.head_dim), int(own.num_key_value_heads) * int(own.head_dim)
        # Other layers use their keys as values.
        has_values, biases = text.layer_types[layer] == "sliding_attention", "qkvo" if text.attention_bias else ""
        queries = int(text.num_attention_heads) * head
        yield from _attention(f"{at}.self_attn", hidden, queries, kv, biases, has_values)
        yield f"{at}.self_attn.q_norm.weight", (head,)
        yield f"{at}.self_attn.k_norm.weight", (head,)
        yield from _mlp(f"{at}.mlp", hidden, inner)
        yield f"{at}.router.proj.weight", (experts, hidden)
        yield f"{at}.router.scale", (hidden,)
        yield f"{at}.router.per_expert_scale", (experts,)
        width = int(text.moe_intermediate_size)
        yield f"{at}.experts.gate_up_proj", (experts, 2 * width, hidden)
        yield f"{at}.experts.down_proj", (experts, hidden, width)
        for norm in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            yield f"{at}.{norm}_layernorm.weight", (hidden,)
        for norm in ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2"):
            yield f"{at}.{norm}.weight", (hidden,)
        yield f"{at}.layer_scalar", (1,)
        # Encoder and decoder share weights, and neither scalars nor biases.
        yield f"encoder.layers.{layer}.layer_scalar", (1,)
        for name, shape in _attention(at, hidden, queries, kv, biases, has_values):
            if name.endswith(".bias"):
                yield f"encoder.{name}", shape


def _dense(config: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the weights of a Qwen2 network, which masked checkpoints have."""
    hidden, inner = int(config.hidden_size), int(config.intermediate_size)
    heads = int(config.num_attention_heads)
    head = int(getattr(config, "head_dim", None) or hidden // heads)
    kv = int(getattr(config, "num_key_value_heads", None) or heads) * head
    yield "embed_tokens.weight", (int(config.vocab_size), hidden)
    if not config.tie_word_embeddings:
        yield "lm_head.weight", (int(config.vocab_size), hidden)
    yield "norm.weight", (hidden,)
    for layer in range(int(config.num_hidden_layers)):
        at = f"layers.{layer}"
        yield from _attention(f"{at}.self_attn", hidden, heads * head, kv, "qkv", has_values=True)
        yield from _mlp(f"{at}.mlp", hidden, inner)
        yield f"{at}.input_layernorm.weight", (hidden,)
        yield f"{at}.post_attention_layernorm.weight", (hidden,)


def _attention(
    at: str, hidden: int, queries: int, kv: int, biases: str, has_values: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    shapes = {"q": (queries, hidden), "k": (kv, hidden), "v": (kv, hidden), "o": (hidden, queries)}
    for letter, shape in shapes.items():
        if letter != "v" or has_values:
            yield f"{at}.{letter}_proj.weight", shape
            if letter in biases:
                yield f"{at}.{letter}_proj.bias", shape[:1]


def _mlp(at: str, hidden: int, inner: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{at}.gate_proj.weight", (inner, hidden)
    yield f"{at}.up_proj.weight", (inner, hidden)
    yield f"{at}.down_proj.weight", (hidden, inner)


def kv_cache(text: Any, item_bytes: int) -> tuple[int, int]:
    """Return the bytes of one token in the layers that keep all, and of full windows in those that do not.

    Where a configuration does not say how a layer keeps less, it is taken to keep all.
    """
    kinds = list(getattr(text, "layer_types", None) or ["full_attention"] * int(text.num_hidden_layers))
    if shared := int(getattr(text, "num_kv_shared_layers", None) or 0):
        kinds = kinds[:-shared]  # The last ones use what others keep.
    per_layer = getattr(text, "per_layer_config", None)
    token = window = 0
    for layer, kind in enumerate(kinds):
        own = per_layer[layer] if per_layer is not None else text
        heads = int(getattr(own, "num_key_value_heads", None) or text.num_attention_heads)
        head = int(getattr(own, "head_dim", None) or int(text.hidden_size) // int(text.num_attention_heads))
        both = 2 * heads * head * item_bytes
        if rank := getattr(text, "kv_lora_rank", None):  # They are kept compressed, once for all heads.
            both = (int(rank) + int(text.qk_rope_head_dim)) * item_bytes
        if kind == "sliding_attention" and getattr(text, "sliding_window", None):
            window += both * (int(text.sliding_window) - 1)
        else:
            token += both
    return token, window
