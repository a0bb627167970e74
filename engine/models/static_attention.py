"""Attention of canvases over one prefix that all of their rows share, and over themselves, in both directions.

Every position of a row sees the same keys, so a bias per key stands for a mask, and the queries of all rows and of all
heads on one key-value head are multiplied in one product: neither prefix nor heads are repeated. It is registered with
transformers under a name, which layers are told to use while a pass runs; the layers' own projections, norms and
experts stay what they are, quantised or not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from engine.models.static_cache import LayerPrefix

_NAME = "static_prefix"
# Scores of more elements than this are computed some rows at a time: 256 MiB in a type of two bytes.
_MAX_SCORES = 1 << 27


def attended(query: Tensor, keys: Tensor, values: Tensor, prefix: LayerPrefix, bias: Tensor, scaling: float) -> Tensor:
    """Attend over a prefix and the row's own canvas.

    Shapes: query [B, K * G, L, D], keys and values [B, K, L, D], bias [T + L] (added to the scores of the prefix's keys
    and of the canvas's) -> [B, L, K * G, D]. A key whose bias is -inf has no part in the result.
    """
    batch, num_heads, length, _ = query.shape
    at_once = max(1, _MAX_SCORES // (num_heads * length * bias.shape[0]))
    parts = [
        _attended(query[rows], keys[rows], values[rows], prefix, bias, scaling)
        for rows in (slice(first, first + at_once) for first in range(0, batch, at_once))
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _attended(query: Tensor, keys: Tensor, values: Tensor, prefix: LayerPrefix, bias: Tensor, scaling: float) -> Tensor:
    batch, num_heads, length, size = query.shape
    kv_heads, room = prefix.keys.shape[:2]
    group = num_heads // kv_heads
    by_head = query.view(batch, kv_heads, group, length, size).transpose(0, 1)
    # The queries that a key-value head answers, row by row.
    folded = by_head.reshape(kv_heads, batch * group * length, size).contiguous()
    if scaling != 1:
        folded = folded * scaling
    own_keys, own_values = (x.transpose(0, 1).reshape(kv_heads * batch, length, size) for x in (keys, values))
    scores = folded.new_empty(kv_heads, folded.shape[1], room + length)
    torch.bmm(folded, prefix.keys.transpose(1, 2), out=scores[..., :room])
    by_row = scores.view(kv_heads * batch, group * length, room + length)
    torch.bmm(folded.view(kv_heads * batch, group * length, size), own_keys.transpose(1, 2), out=by_row[..., room:])
    # In a type of two bytes the softmax computes in float32 inside, as the published eager attention does.
    probs = scores.add_(bias).softmax(dim=-1)
    result = torch.bmm(probs[..., :room], prefix.values).view(kv_heads * batch, group * length, size)
    result = result.baddbmm(probs.view_as(by_row)[..., room:], own_values)
    return (
        result.view(kv_heads, batch, group, length, size).permute(1, 3, 0, 2, 4).reshape(batch, length, num_heads, size)
    )


def _interface(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    prefix: LayerPrefix,
    bias: Tensor,
    **_: Any,
) -> tuple[Tensor, None]:
    assert attention_mask is None, "the bias says what is hidden"
    return attended(query, key, value, prefix, bias, scaling), None


@contextmanager
def static_attention(layers: Any, config: Any, experts: str) -> Iterator[None]:
    """Let a decoder's layers use this attention, and the published experts' implementation of that name, inside.

    A layer is then called with `prefix` (LayerPrefix) and `bias` instead of a cache. Experts without a configuration
    of their own, such as quantised ones, are left alone.
    """
    told = copy.copy(config)
    # The public setters would also change the configurations nested in this one.
    told._attn_implementation_internal, told._experts_implementation_internal = _NAME, experts
    told_modules = [layer.self_attn for layer in layers]
    told_modules += _published_experts(layers)
    before = [module.config for module in told_modules]
    for module in told_modules:
        module.config = told
    try:
        yield
    finally:
        for module, own in zip(told_modules, before, strict=True):
            module.config = own


def sync_free_experts(device: torch.device, dtype: torch.dtype) -> str:
    """Return the published experts' implementation that never asks the device for a number, see `asks_nothing`.

    One product for all groups where the device has it in this type; else weights gathered for each token, which is
    for small models only.
    """
    if device.type == "cuda" and dtype == torch.bfloat16 and torch.cuda.get_device_capability(device) >= (8, 0):
        return "grouped_mm"
    return "batched_mm"


def asks_nothing(layers: Any, device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether a pass of these layers never asks the device for a number, so that it can be recorded.

    One product for all groups is one kernel on capabilities 9 and 10 alone; elsewhere torch asks how large they are.
    """
    if not _published_experts(layers) or sync_free_experts(device, dtype) != "grouped_mm":
        return True
    return torch.cuda.get_device_capability(device)[0] in (9, 10)


def _published_experts(layers: Any) -> list[Any]:
    """Return the experts that have a configuration, those that are kept on the host included."""
    experts = [getattr(layer.experts, "experts", layer.experts) for layer in layers]
    return [each for each in experts if hasattr(each, "config")]


ALL_ATTENTION_FUNCTIONS.register(_NAME, _interface)
