"""What a pass has to do at least: bytes of weights it reads and operations it makes, from the configuration alone.

Pure. A floor is the longer of reading those bytes at the card's copy rate and of making those operations at its matrix
rate. Keys and values, activations and logits are not counted as bytes, so the floor is a little too low.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.models.quantize.precision import Precision, format_of
from engine.sizes import sizes_of


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be read and computed."""

    num_bytes: float
    operations: float

    def floor_ms(self, bytes_per_s: float, operations_per_s: float) -> float:
        """Return the least time on a card of these rates, in milliseconds."""
        return 1000 * max(self.num_bytes / bytes_per_s, self.operations / operations_per_s)


def denoising_work(
    config: Any, precision: Precision, batch: int, canvas: int, context: int, experts_hit: Sequence[float], item: int
) -> Work:
    """Return the work of one denoising pass: every position open, self-conditioned.

    `experts_hit` says, by layer, how many experts any position went to; `item` is the bytes of an unquantised weight.
    The vocabulary's table is read twice, as output head and for the expected embeddings: between the two lies a softmax
    over all of it.
    """
    tokens = batch * canvas
    return _work(config, precision, tokens, tokens, 2, _keys(config, context, canvas), experts_hit, item)


def decoding_work(config: Any, precision: Precision, context: int, item: int) -> Work:
    """Return the work of decoding one token from left to right."""
    text = config.text_config
    hits = [float(text.top_k_experts)] * int(text.num_hidden_layers)
    found = _work(config, precision, 1, 1, 1, _keys(config, context, 1), hits, item)
    # No self-conditioning.
    own = 3 * int(text.hidden_size) * int(text.intermediate_size)
    weight = format_of(
        "self_conditioning.up_proj.weight", (int(text.intermediate_size), int(text.hidden_size)), precision
    )
    return Work(
        found.num_bytes - own * (item if weight is None else weight.bits_per_weight / 8), found.operations - 2 * own
    )


def prefill_work(config: Any, precision: Precision, context: int, item: int) -> Work:
    """Return the work of reading a prefix causally, without an output head."""
    text = config.text_config
    hits = [float(text.num_experts)] * int(text.num_hidden_layers)
    mean_keys = [
        (min(context, int(text.sliding_window)) if kind == "sliding_attention" else context / 2)
        for kind in text.layer_types
    ]
    return _work(config, precision, context, 0, 0, mean_keys, hits, item)


def _work(
    config: Any,
    precision: Precision,
    tokens: int,
    rows: int,
    table_reads: int,
    keys: Sequence[float],
    experts_hit: Sequence[float],
    item: int,
) -> Work:
    text, sizes = config.text_config, sizes_of(config, weight_bytes=item)
    assert sizes is not None
    experts, layers = int(text.num_experts), int(text.num_hidden_layers)
    table_shape = (int(text.vocab_size), int(text.hidden_size))
    table = math.prod(table_shape)
    format = format_of("decoder.embed_tokens.weight", table_shape, precision)
    table_bytes = table * (item if format is None else format.bits_per_weight / 8)
    idle = sum((1 - hit / experts) * _experts(text, layer, precision, item) for layer, hit in enumerate(experts_hit))
    num_bytes = sizes.weights[precision] - idle + (table_reads - 1) * table_bytes

    expert_weights = sizes.expert_layers["bf16"] // item * layers
    dense_weights = sizes.weights["bf16"] // item - expert_weights - table
    active = dense_weights + expert_weights * int(text.top_k_experts) / experts
    operations = 2.0 * tokens * active + 2.0 * rows * table * table_reads
    for layer, seen in enumerate(keys):
        heads = int(text.num_attention_heads) * int(text.per_layer_config[layer].head_dim)
        operations += 4.0 * tokens * heads * seen
    return Work(num_bytes, operations)


def _experts(text: Any, layer: int, precision: Precision, item: int) -> float:
    """Return the bytes of a layer's experts: not every layer has the same format."""
    hidden, inner, last = int(text.hidden_size), int(text.moe_intermediate_size), int(text.num_hidden_layers) - 1
    shapes = {"gate_up_proj": (2 * inner, hidden), "down_proj": (hidden, inner)}
    total = 0.0
    for name, shape in shapes.items():
        whole = (int(text.num_experts), *shape)
        format = format_of(f"decoder.layers.{layer}.experts.{name}", whole, precision, last)
        total += math.prod(whole) * (item if format is None else format.bits_per_weight / 8)
    return total


def _keys(config: Any, context: int, canvas: int) -> list[float]:
    """Return how many keys a canvas position sees, by layer."""
    text = config.text_config
    window = int(text.sliding_window) - 1
    return [canvas + (min(context, window) if kind == "sliding_attention" else context) for kind in text.layer_types]
