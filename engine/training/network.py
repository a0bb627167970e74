"""The checkpoint's network as a lean training form: the same mathematics and weights as the published classes.

`DiffusionGemmaForBlockDiffusion` runs one canvas on one prefix. Here K canvases share one encoded prefix, each seeing
it up to its own start, so that the causal pass is paid once. The mixture of experts contributes nothing (its output
weights are zero in the exported checkpoint) and is left out. `engine.training.export` writes the published form, and a
test holds the two equal within float32 rounding.

Letters: B prefixes, P prefix tokens, K canvases a prefix, N = B*K canvases, C canvas tokens, H hidden, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FULL_ATTENTION_EVERY = 6
_SLIDING_THETA, _FULL_THETA, _FULL_ROTARY_SHARE = 10_000.0, 1_000_000.0, 0.25
_LOGIT_SOFTCAP, _EPSILON = 30.0, 1e-6

KeyValues = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network; everything else is fixed by the published architecture."""

    vocab_size: int = 8192
    hidden_size: int = 256
    intermediate_size: int = 768
    num_layers: int = 6
    num_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    sliding_window: int = 512

    def is_full(self, layer: int) -> bool:
        """Whether a layer attends to the whole prefix (every sixth, and always the last) or to a sliding window."""
        return (layer + 1) % _FULL_ATTENTION_EVERY == 0 or layer == self.num_layers - 1


def rms_norm(x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Scale the last dimension to unit root mean square, then by `weight`."""
    return F.rms_norm(x, x.shape[-1:], weight, _EPSILON)


class Layer(nn.Module):
    """One transformer layer, shared by the causal encoder and the bidirectional decoder."""

    def __init__(self, shape: Shape, full: bool) -> None:
        super().__init__()
        self.full, self.shape = full, shape
        hidden, inner = shape.hidden_size, shape.intermediate_size
        queries, keys = shape.num_heads * shape.head_dim, shape.num_key_value_heads * shape.head_dim
        self.q_proj, self.k_proj, self.o_proj = (
            _linear(hidden, queries),
            _linear(hidden, keys),
            _linear(queries, hidden),
        )
        self.v_proj = None if full else _linear(hidden, keys)  # Full layers use the keys as values.
        self.gate_proj, self.up_proj, self.down_proj = (
            _linear(hidden, inner),
            _linear(hidden, inner),
            _linear(inner, hidden),
        )
        # Scores are not divided by the root of the head dimension, so the query norm starts small; the post-norms start
        # small so that each layer begins near the identity.
        self.q_norm, self.k_norm = _scale(shape.head_dim, shape.head_dim**-0.5), _scale(shape.head_dim, 1.0)
        self.input_norm, self.mlp_norm = _scale(hidden, 1.0), _scale(hidden, 1.0)
        self.mlp_inner_norm = _scale(hidden, 1.0)
        self.post_attention_norm, self.post_mlp_norm = _scale(hidden, 0.3), _scale(hidden, 0.3)

    def project(self, x: Tensor, rotary: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries [B, heads, T, D], keys and values [B, kv heads, T, D] of x [B, T, H]."""
        batch, length, _ = x.shape
        y = rms_norm(x, self.input_norm)
        q = rms_norm(self.q_proj(y).view(batch, length, -1, self.shape.head_dim), self.q_norm)
        raw = self.k_proj(y).view(batch, length, -1, self.shape.head_dim)
        v = raw if self.v_proj is None else self.v_proj(y).view(batch, length, -1, self.shape.head_dim)
        q, k = _rotate(q, *rotary), _rotate(rms_norm(raw, self.k_norm), *rotary)
        return q.transpose(1, 2), k.transpose(1, 2), rms_norm(v).transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Return the attention's output [B, T, H]. Scores are not scaled: queries and keys are normalised."""
        groups = self.shape.num_heads // self.shape.num_key_value_heads
        k, v = (x.repeat_interleave(groups, 1) if groups > 1 else x for x in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=1.0)
        projected: Tensor = self.o_proj(out.transpose(1, 2).flatten(2))
        return projected

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add the attention's output and the feed-forward block to the residual stream."""
        x = x + rms_norm(attended, self.post_attention_norm)
        y = rms_norm(x, self.mlp_norm)
        y = self.down_proj(F.gelu(self.gate_proj(y), approximate="tanh") * self.up_proj(y))
        return x + rms_norm(rms_norm(y, self.mlp_inner_norm), self.post_mlp_norm)


class Network(nn.Module):
    """The causal encoder, the canvas decoder and the tied output head over one set of weights."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(torch.randn(shape.vocab_size, shape.hidden_size) * 0.02)
        self.layers = nn.ModuleList(Layer(shape, shape.is_full(index)) for index in range(shape.num_layers))
        self.norm = _scale(shape.hidden_size, 1.0)
        self.conditioning_norm = _scale(shape.hidden_size, 1.0)
        self.conditioning_gate = _linear(shape.hidden_size, shape.intermediate_size)
        self.conditioning_up = _linear(shape.hidden_size, shape.intermediate_size)
        self.conditioning_down = _linear(shape.intermediate_size, shape.hidden_size)
        self.register_buffer("sliding_frequencies", _frequencies(shape.head_dim, _SLIDING_THETA, 1.0), persistent=False)
        self.register_buffer(
            "full_frequencies", _frequencies(shape.head_dim, _FULL_THETA, _FULL_ROTARY_SHARE), persistent=False
        )

    def encode(self, ids: Tensor) -> tuple[Tensor, KeyValues]:
        """Run the causal pass: ids [B, P] -> hidden [B, P, H] and each layer's keys and values [B, kv heads, P, D].

        P must not exceed the sliding window: training uses windows in which the two kinds of layer see the same.
        """
        rotary = self._rotary(torch.arange(ids.shape[1], device=ids.device)[None])
        x = self._embed(ids)
        cache: KeyValues = []
        for layer in self._stack():
            q, k, v = layer.project(x, rotary[layer.full])
            cache.append((k, v))
            x = layer.finish(x, layer.attend(q, k, v, None, causal=True))
        return rms_norm(x, self.norm), cache

    def decode(self, canvas: Tensor, starts: Tensor, cache: KeyValues, conditioning: Tensor | None = None) -> Tensor:
        """Run the bidirectional pass: canvas [N, C] whose first position is `starts` [N] -> hidden [N, C, H].

        Canvas n reads the cache of prefix n // K up to its start. `conditioning` [N, C, H] is the self-conditioning
        signal: expected embeddings of the previous step, scaled as embeddings are.
        """
        num_canvases, canvas_length = canvas.shape
        per_prefix = num_canvases // cache[0][0].shape[0]
        rotary = self._rotary(starts[:, None] + torch.arange(canvas_length, device=canvas.device))
        mask = self._canvas_mask(starts, cache[0][0].shape[2], canvas_length)
        x = self._embed(canvas)
        if conditioning is not None:
            y = rms_norm(conditioning, self.conditioning_norm)
            x = x + self.conditioning_down(
                F.gelu(self.conditioning_gate(y), approximate="tanh") * self.conditioning_up(y)
            )
        x = rms_norm(x)
        for layer, (prefix_keys, prefix_values) in zip(self._stack(), cache, strict=True):
            q, k, v = layer.project(x, rotary[layer.full])
            k = torch.cat([prefix_keys.repeat_interleave(per_prefix, 0), k], 2)
            v = torch.cat([prefix_values.repeat_interleave(per_prefix, 0), v], 2)
            x = layer.finish(x, layer.attend(q, k, v, mask, causal=False))
        return rms_norm(x, self.norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the vocabulary's logits [..., V] of hidden states [..., H], soft-capped, in float32."""
        return _LOGIT_SOFTCAP * torch.tanh(F.linear(hidden, self.embedding).float() / _LOGIT_SOFTCAP)

    def _stack(self) -> Iterator[Layer]:
        for layer in self.layers:
            assert isinstance(layer, Layer)
            yield layer

    def _embed(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.embedding) * math.sqrt(self.shape.hidden_size)

    def _rotary(self, positions: Tensor) -> dict[bool, tuple[Tensor, Tensor]]:
        tables = {}
        for full, name in ((False, "sliding_frequencies"), (True, "full_frequencies")):
            frequencies = self.get_buffer(name)
            angles = positions[..., None].float() * frequencies
            angles = torch.cat([angles, angles], -1)[:, :, None]
            dtype = self.embedding.dtype
            tables[full] = (angles.cos().to(dtype), angles.sin().to(dtype))
        return tables

    def _canvas_mask(self, starts: Tensor, prefix_length: int, canvas_length: int) -> Tensor:
        """Return an additive mask [N, 1, C, P + C] that hides the prefix from each canvas's start on."""
        hidden = torch.arange(prefix_length, device=starts.device)[None] >= starts[:, None]
        mask = torch.zeros(
            len(starts), 1, 1, prefix_length + canvas_length, dtype=self.embedding.dtype, device=starts.device
        )
        mask[:, 0, 0, :prefix_length].masked_fill_(hidden, -math.inf)
        return mask.expand(-1, 1, canvas_length, -1)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=0.02)
    return linear


def _scale(size: int, value: float) -> nn.Parameter:
    return nn.Parameter(torch.full((size,), value))


def _frequencies(head_dim: int, theta: float, share: float) -> Tensor:
    """Return head_dim/2 rotary frequencies, of which all but a `share` are zero (those dimensions do not turn)."""
    turning = int(share * head_dim // 2)
    exponents = torch.arange(0, 2 * turning, 2).float() / head_dim
    return torch.cat([theta**-exponents, torch.zeros(head_dim // 2 - turning)])


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin
