"""The layers of a dense checkpoint, computed for few rows on a CPU: the same mathematics as the published classes.

Query, key and value products are one product, gate and up another; keys and values of the prefix are shared by all
rows; nothing is allocated that is not needed. Matrices are kept in the type that this processor multiplies fastest,
norms and the residual stream in float32. It knows weights and tensors: no canvas, no tokens, no checkpoint folder.

It stands for checkpoints without experts and without self-conditioning, as far as a sliding window does not matter:
see `fits`. A test holds it equal to the published classes.

Letters: B rows, W positions of a row, T prefix tokens, H hidden size, K key-value heads, G query heads on each of them,
D head size, V vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

KeyValues = tuple[tuple[Tensor, Tensor], ...]  # of each layer: keys and values [K, T, D]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The weights of one layer, laid out for fewer products."""

    is_full: bool
    projection: Tensor  # [(K * G + 2 * K) * D, H], on full layers without values: these are the keys
    output: Tensor  # [H, K * G * D]
    gate_up: Tensor  # [2 * I, H]
    down: Tensor  # [H, I]
    query_norm: Tensor
    key_norm: Tensor
    norms: tuple[Tensor, ...]  # input, after attention, before the feed-forward, after it, after both
    scalar: float


def fits(model: Any, max_positions: int) -> bool:
    """Tell whether this room can stand for a published model whose rows end at `max_positions`.

    It must have no expert that adds anything (`engine.models.idle_experts`) and no bias, and no text may be longer
    than a sliding window.
    """
    config = model.config.text_config
    layers = [*model.model.decoder.layers]
    return (
        all(getattr(layer.experts, "down_proj", None) is None for layer in layers)
        and not config.attention_bias
        and config.hidden_activation == "gelu_pytorch_tanh"
        and max_positions <= config.sliding_window
    )


class Dense:
    """A stack of layers over one set of weights, as causal encoder and as decoder."""

    def __init__(self, model: Any, dtype: torch.dtype | None = None) -> None:
        """Take the weights of a published model; `dtype` None takes the type that is multiplied fastest here."""
        decoder = model.model.decoder
        config = model.config.text_config
        self.dtype = dtype or fastest_dtype()
        self._layers = tuple(
            _read(layer, kind == "full_attention", self.dtype)
            for layer, kind in zip(decoder.layers, config.layer_types, strict=True)
        )
        self._embedding = decoder.embed_tokens.weight.detach()
        self._scale = float(decoder.embed_tokens.scalar_embed_scale)
        self._head = self._embedding.to(self.dtype)
        self._norm = decoder.norm.weight.detach().float()
        self._epsilon = float(config.rms_norm_eps)
        self._softcap = float(model.final_logit_softcapping)
        self._rotary = decoder.rotary_emb
        self._types = {True: "full_attention", False: "sliding_attention"}
        self._num_heads = config.num_attention_heads
        self._rotations: dict[tuple[int, int], dict[bool, tuple[Tensor, Tensor]]] = {}

    def encode(self, before: KeyValues | None, ids: Tensor) -> tuple[Tensor, KeyValues]:
        """Go on from a prefix: ids [1, W] -> hidden [1, W, H] float32, keys and values of prefix and ids."""
        hidden, own = self._run(self._embed(ids), before, causal=True)
        together = [
            (keys[0], values[0])
            if before is None
            else (torch.cat([before[index][0], keys[0]], 1), torch.cat([before[index][1], values[0]], 1))
            for index, (keys, values) in enumerate(own)
        ]
        return hidden, tuple(together)

    def read(self, prefix: KeyValues, ids: Tensor) -> Tensor:
        """Read rows causally after a prefix: ids [B, W] -> hidden [B, W, H] float32."""
        return self._run(self._embed(ids), prefix, causal=True)[0]

    def denoise(self, prefix: KeyValues, canvas_ids: Tensor) -> Tensor:
        """Look at canvases in both directions after a prefix: canvas_ids [B, W] -> hidden [B, W, H] float32."""
        embedded = F.rms_norm(self._embed(canvas_ids), (self._embedding.shape[1],), None, self._epsilon)
        return self._run(embedded, prefix, causal=False)[0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the vocabulary's logits of hidden states: [..., H] -> [..., V] float32, soft-capped."""
        raw = F.linear(hidden.to(self.dtype), self._head).float()
        return raw.div_(self._softcap).tanh_().mul_(self._softcap)

    def _embed(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self._embedding).float() * self._scale

    def _run(self, x: Tensor, prefix: KeyValues | None, *, causal: bool) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Run all layers: x [B, W, H] -> the same, normalised, and each layer's own keys and values [B, K, W, D]."""
        rows, width, _ = x.shape
        length = 0 if prefix is None else prefix[0][0].shape[1]
        rotations = self._rotations_for(length, width)
        mask = _causal_mask(width, length, self.dtype) if causal and width > 1 else None
        own: list[tuple[Tensor, Tensor]] = []
        for index, layer in enumerate(self._layers):
            y = self._normed(x, layer.norms[0]).to(self.dtype)
            q, k, v = self._projected(layer, y, rotations[layer.is_full])
            own.append((k, v))
            if prefix is not None:
                keys, values = prefix[index]
                k = torch.cat([keys.expand(rows, -1, -1, -1), k], 2)
                v = torch.cat([values.expand(rows, -1, -1, -1), v], 2)
            out = F.linear(_attended(q, k, v, mask).transpose(1, 2).flatten(2), layer.output).float()
            x = x + self._normed(out, layer.norms[1])
            gate, up = F.linear(self._normed(x, layer.norms[2]).to(self.dtype), layer.gate_up).chunk(2, -1)
            down = F.linear(F.gelu(gate, approximate="tanh") * up, layer.down).float()
            x = x + self._normed(self._normed(down, layer.norms[3]), layer.norms[4])
            if layer.scalar != 1:
                x = x * layer.scalar
        return self._normed(x, self._norm), own

    def _projected(self, layer: _Layer, y: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, K * G, W, D], keys and values [B, K, W, D], normalised and turned."""
        rows, width, _ = y.shape
        size = layer.query_norm.shape[0]
        heads = F.linear(y, layer.projection).view(rows, width, -1, size)
        keys_from = self._num_heads
        values_from = keys_from if layer.is_full else (heads.shape[2] + keys_from) // 2
        raw_keys = heads[:, :, keys_from:] if layer.is_full else heads[:, :, keys_from:values_from]
        raw_queries, raw_values = heads[:, :, :keys_from], heads[:, :, values_from:]
        q = _turned(self._normed(raw_queries.float(), layer.query_norm), *rotation)
        k = _turned(self._normed(raw_keys.float(), layer.key_norm), *rotation)
        v = F.rms_norm(raw_values.float(), (size,), None, self._epsilon)
        q, k, v = (x.to(self.dtype).transpose(1, 2) for x in (q, k, v))
        return q, k, v

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self._epsilon)

    def _rotations_for(self, first: int, width: int) -> dict[bool, tuple[Tensor, Tensor]]:
        key = (first, width)
        if key not in self._rotations:
            if len(self._rotations) > 256:
                self._rotations.clear()
            positions = torch.arange(first, first + width)[None]
            like = self._embedding[:1].float()
            found = {is_full: self._rotary(like, positions, name) for is_full, name in self._types.items()}
            self._rotations[key] = {full: (cos[:, :, None], sin[:, :, None]) for full, (cos, sin) in found.items()}
        return self._rotations[key]


@cache
def fastest_dtype() -> torch.dtype:
    """Return bfloat16 where this processor multiplies it clearly faster than float32, found out by trying (1 ms)."""
    taken = {dtype: min(_time_product(dtype) for _ in range(5)) for dtype in (torch.float32, torch.bfloat16)}
    return torch.bfloat16 if taken[torch.bfloat16] < 0.8 * taken[torch.float32] else torch.float32


def _time_product(dtype: torch.dtype) -> float:
    left, right = torch.ones(64, 256, dtype=dtype), torch.ones(512, 256, dtype=dtype)
    started = time.perf_counter()
    F.linear(left, right)
    return time.perf_counter() - started


def _read(layer: Any, is_full: bool, dtype: torch.dtype) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    projections = [attention.q_proj, attention.k_proj, *([] if attention.v_proj is None else [attention.v_proj])]
    norms = (
        layer.input_layernorm,
        layer.post_attention_layernorm,
        layer.pre_feedforward_layernorm,
        layer.post_feedforward_layernorm_1,
        layer.post_feedforward_layernorm,
    )
    return _Layer(
        is_full=is_full,
        projection=_joined(projections, dtype),
        output=_joined([attention.o_proj], dtype),
        gate_up=_joined([mlp.gate_proj, mlp.up_proj], dtype),
        down=_joined([mlp.down_proj], dtype),
        query_norm=attention.q_norm.weight.detach().float(),
        key_norm=attention.k_norm.weight.detach().float(),
        norms=tuple(norm.weight.detach().float() for norm in norms),
        scalar=float(layer.layer_scalar),
    )


def _joined(linears: Sequence[Any], dtype: torch.dtype) -> Tensor:
    return torch.cat([linear.weight.detach() for linear in linears]).to(dtype).contiguous()


def _attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attend without scaling: q [B, K * G, W, D], k and v [B, K, T + W, D], mask [W, T + W] -> [B, K * G, W, D]."""
    if q.dtype == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0, enable_gqa=True)
    # In bfloat16 the library's own product beats its fused attention on a CPU, half as long again.
    rows, heads, width, size = q.shape
    scores = q.reshape(rows, k.shape[1], -1, size) @ k.transpose(2, 3)
    if mask is not None:
        scores = scores + mask.repeat(heads // k.shape[1], 1)
    return (scores.softmax(-1) @ v).view(rows, heads, width, size)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def _causal_mask(width: int, length: int, dtype: torch.dtype) -> Tensor:
    """Return an additive mask [W, T + W]: all of the prefix, and of the row what stands before."""
    mask = torch.zeros(width, length + width, dtype=dtype)
    mask[:, length:] = torch.full((width, width), -torch.inf, dtype=dtype).triu(1)
    return mask
