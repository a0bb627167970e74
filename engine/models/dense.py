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

from engine.models.dense_layer import Layer, layer_of
from engine.models.product import Product

_ROTATIONS = 512  # positions that tables are made for at a time

KeyValues = tuple[tuple[Tensor, Tensor], ...]  # of each layer: keys and values [K, T, D]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What rows looked like to the causal encoder: ids [B, W], hidden [B, W, H], keys and values [B, K, W, D]."""

    ids: Tensor
    hidden: Tensor
    own: Sequence[tuple[Tensor, Tensor]]


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
            layer_of(layer, kind == "full_attention", self.dtype, float(config.rms_norm_eps))
            for layer, kind in zip(decoder.layers, config.layer_types, strict=True)
        )
        self._embedding = decoder.embed_tokens.weight.detach()
        self._scale = float(decoder.embed_tokens.scalar_embed_scale)
        self._head = Product(self._embedding.to(self.dtype))
        self._norm = decoder.norm.weight.detach().float()
        self._epsilon = float(config.rms_norm_eps)
        self._epsilon_tensor = torch.tensor(self._epsilon)
        self._softcap = float(model.final_logit_softcapping)
        self._rotary = decoder.rotary_emb
        self._types = {True: "full_attention", False: "sliding_attention"}
        self._num_heads = config.num_attention_heads
        self._num_key_heads = (self._layers[0].head_norm.shape[0] - self._num_heads) // 2
        self._rotations: dict[bool, tuple[Tensor, Tensor]] = {}
        self._num_rotations = 0

    def encode(self, before: KeyValues | None, ids: Tensor) -> tuple[Tensor, KeyValues]:
        """Go on from a prefix: ids [1, W] -> hidden [1, W, H] float32, keys and values of prefix and ids."""
        hidden, own = self._run(self._embed(ids), before, causal=True)
        together = [
            (keys[0].clone(), values[0].clone())  # As they are they would hold on to the queries too.
            if before is None
            else (torch.cat([before[index][0], keys[0]], 1), torch.cat([before[index][1], values[0]], 1))
            for index, (keys, values) in enumerate(own)
        ]
        return hidden, tuple(together)

    def read(self, prefix: KeyValues, ids: Tensor, before: Reading | None = None) -> Reading:
        """Read rows causally after a prefix: ids [B, W]. What an earlier reading read the same of is not read again.

        The earlier reading may have had more rows, of which these are the first.
        """
        rows, width = ids.shape
        same = 0 if before is None else _num_same(before.ids[:rows], ids)
        if before is None or same == 0:
            return Reading(ids, *self._run(self._embed(ids), prefix, causal=True))
        seen, kept = before.hidden[:rows, :same], [(k[:rows, :, :same], v[:rows, :, :same]) for k, v in before.own]
        if same == width:
            return Reading(ids, seen, kept)
        hidden, own = self._run(self._embed(ids[:, same:]), prefix, kept, causal=True)
        return Reading(ids, torch.cat([seen, hidden], 1), own)

    def denoise(self, prefix: KeyValues, canvas_ids: Tensor) -> Tensor:
        """Look at canvases in both directions after a prefix: canvas_ids [B, W] -> hidden [B, W, H] float32."""
        embedded = F.rms_norm(self._embed(canvas_ids), (self._embedding.shape[1],), None, self._epsilon)
        return self._run(embedded, prefix, causal=False)[0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the vocabulary's logits of hidden states: [..., H] -> [..., V] float32, soft-capped."""
        # The hyperbolic tangent by way of the exponential, which is quicker.
        grown = self._head(hidden.to(self.dtype)).float().mul_(2 / self._softcap).exp_()
        return grown.add_(1).reciprocal_().mul_(-2 * self._softcap).add_(self._softcap)

    def _embed(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self._embedding).float() * self._scale

    def _run(
        self, x: Tensor, prefix: KeyValues | None, before: Sequence[tuple[Tensor, Tensor]] = (), *, causal: bool
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Run all layers: x [B, W, H] -> the same, normalised, and each layer's keys and values of the rows' own.

        Rows may go on from something of their own after the prefix: `before` [B, K, S, D] -> own [B, K, S + W, D].
        """
        rows, width, size = x.shape
        length = (0 if prefix is None else prefix[0][0].shape[1]) + (before[0][0].shape[2] if before else 0)
        rotations = self._rotations_for(length, width)
        mask = _causal_mask(width, length, self.dtype) if causal and width > 1 else None
        own: list[tuple[Tensor, Tensor]] = []
        for index, layer in enumerate(self._layers):
            q, k, v = self._projected(layer, x.to(self.dtype), rotations[layer.is_full])
            if before:
                k, v = torch.cat([before[index][0], k], 2), torch.cat([before[index][1], v], 2)
            own.append((k, v))
            if prefix is not None:
                keys, values = prefix[index]
                k = torch.cat([keys.expand(rows, -1, -1, -1), k], 2)
                v = torch.cat([values.expand(rows, -1, -1, -1), v], 2)
            out = layer.output(_attended(q, k, v, mask).transpose(1, 2).flatten(2)).float()
            x = torch.addcmul(x, out * self._scale_of(out), layer.output_norm)
            gate_up = layer.gate_up((x * self._scale_of(x)).to(self.dtype))
            inner = gate_up.shape[-1] // 2
            gated = F.gelu(gate_up[..., :inner], approximate="tanh") * gate_up[..., inner:]
            down = layer.down(gated).float()
            scale = (down.square() @ layer.down_squares).add_(self._epsilon**2).rsqrt_()
            x = torch.addcmul(x, down * scale[..., None], layer.down_norm)
            if layer.scalar != 1:
                x = x * layer.scalar
        return F.rms_norm(x, (size,), self._norm, self._epsilon), own

    def _projected(self, layer: Layer, x: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, K * G, W, D], keys and values [B, K, W, D], normalised and turned.

        Each head is normalised by itself, so that the scale of x [B, W, H] does not matter.
        """
        rows, width, _ = x.shape
        count, size = layer.head_norm.shape
        heads = layer.projection(x).view(rows, width, count, size).float()
        heads = heads * self._scale_of(heads) * layer.head_norm
        halves = heads.view(rows, width, count, 2, size // 2).flip(3).view(rows, width, count, size)
        turned = torch.addcmul(heads * rotation[0], halves, rotation[1]).to(self.dtype).transpose(1, 2)
        values_from = (count + self._num_heads) // 2
        return turned[:, : self._num_heads], turned[:, self._num_heads : values_from], turned[:, values_from:]

    def _scale_of(self, x: Tensor) -> Tensor:
        """Return what x [..., N] is multiplied with to have a mean square of one: [..., 1]."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return torch.addcmul(self._epsilon_tensor, norm, norm, value=1 / x.shape[-1]).rsqrt_()

    def _rotations_for(self, first: int, width: int) -> dict[bool, tuple[Tensor, Tensor]]:
        """Return the cosines and signed sines of positions, by kind of layer: [W, K * G + 2 * K, D] each."""
        end = first + width
        if end > self._num_rotations:
            self._num_rotations = -(-end // _ROTATIONS) * _ROTATIONS
            positions = torch.arange(self._num_rotations)[None]
            like, num_values = self._embedding[:1].float(), self._num_key_heads
            for is_full, name in self._types.items():
                cos, sin = (table[0] for table in self._rotary(like, positions, name))
                first_half, second_half = sin.chunk(2, -1)
                sin = torch.cat((-first_half, second_half), -1)
                turning = self._num_heads + self._num_key_heads
                self._rotations[is_full] = (
                    torch.cat(
                        [cos[:, None].expand(-1, turning, -1), torch.ones(len(cos), num_values, cos.shape[1])], 1
                    ),
                    torch.cat(
                        [sin[:, None].expand(-1, turning, -1), torch.zeros(len(sin), num_values, sin.shape[1])], 1
                    ),
                )
        return {is_full: (cos[first:end], sin[first:end]) for is_full, (cos, sin) in self._rotations.items()}


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


def _num_same(left: Tensor, right: Tensor) -> int:
    """Return how many columns from the left are the same in both: ids [B, W] each, the widths may differ."""
    width = min(left.shape[1], right.shape[1])
    if len(left) != len(right):
        return 0
    differs = (left[:, :width] != right[:, :width]).any(0).nonzero()
    return int(differs[0]) if len(differs) else width


def _attended(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attend without scaling: q [B, K * G, W, D], k and v [B, K, T + W, D], mask [W, T + W] -> [B, K * G, W, D]."""
    if q.dtype == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0, enable_gqa=True)
    # In bfloat16 the library's own product beats its fused attention on a CPU, half as long again.
    rows, heads, width, size = q.shape
    scores = q.reshape(rows, k.shape[1], -1, size) @ k.transpose(2, 3)
    if mask is not None:
        scores.view(rows, heads, width, -1).add_(mask)
    return (scores.softmax(-1) @ v).view(rows, heads, width, size)


def _causal_mask(width: int, length: int, dtype: torch.dtype) -> Tensor:
    """Return an additive mask [W, T + W]: all of the prefix, and of the row what stands before."""
    mask = torch.zeros(width, length + width, dtype=dtype)
    mask[:, length:] = torch.full((width, width), -torch.inf, dtype=dtype).triu(1)
    return mask
