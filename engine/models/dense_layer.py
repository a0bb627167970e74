"""One layer of a dense checkpoint as `engine.models.dense` computes it: its weights, laid out for few operations.

A norm before a product becomes part of the product's matrix, but for its scale; two norms in a row become one. It
knows the published classes' names and nothing of how a layer is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.models.product import Product


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The weights of one layer. H hidden size, K key-value heads, G query heads on each, D head size, I inner size."""

    is_full: bool
    projection: Product  # [(K * G + 2 * K) * D, H]: queries, keys, values
    output: Product  # [H, K * G * D]
    gate_up: Product  # [2 * I, H]
    down: Product  # [H, I]
    head_norm: Tensor  # [K * G + 2 * K, D]
    output_norm: Tensor  # [H], after attention
    down_norm: Tensor  # [H], after the feed-forward
    down_squares: Tensor  # [H]: what squares are weighted with in the scale of that norm
    scalar: float


def layer_of(layer: Any, is_full: bool, dtype: torch.dtype, epsilon: float) -> Layer:
    """Read a published layer; matrices in `dtype`, all else in float32."""
    attention, mlp = layer.self_attn, layer.mlp
    # A full layer without values of its own takes its keys.
    values = attention.k_proj if attention.v_proj is None else attention.v_proj
    size = attention.q_norm.weight.shape[0]
    query_norm = _weight(attention.q_norm).expand(len(attention.q_proj.weight) // size, -1)
    key_norm = _weight(attention.k_norm).expand(len(attention.k_proj.weight) // size, -1)
    after_both = _weight(layer.post_feedforward_layernorm)
    after = _weight(layer.post_feedforward_layernorm_1)
    return Layer(
        is_full=is_full,
        projection=_joined([attention.q_proj, attention.k_proj, values], dtype, _weight(layer.input_layernorm)),
        output=_joined([attention.o_proj], dtype),
        gate_up=_joined([mlp.gate_proj, mlp.up_proj], dtype, _weight(layer.pre_feedforward_layernorm)),
        down=_joined([mlp.down_proj], dtype),
        head_norm=torch.cat([query_norm, key_norm, torch.ones_like(key_norm)]),
        output_norm=_weight(layer.post_attention_layernorm),
        down_norm=after * after_both,
        # a * x / |a * x| where x was normalised before: the sum of both norms' squares, epsilons included.
        down_squares=(after.square() + epsilon) / len(after),
        scalar=float(layer.layer_scalar),
    )


def _weight(module: Any) -> Tensor:
    weight: Tensor = module.weight.detach().float()
    return weight


def _joined(linears: Sequence[Any], dtype: torch.dtype, before: Tensor | float = 1.0) -> Product:
    """Return the matrices as one, which multiplies what it is given with `before` [H] first."""
    weight = torch.cat([linear.weight.detach() for linear in linears]).float() * before
    return Product(weight.to(dtype).contiguous())
