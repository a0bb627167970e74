"""A prefix's keys and values at fixed addresses, padded to a bucket, so that a pass over them can be recorded once.

What differs from fill to fill is data: keys and values are copied in, a bias per key hides the padding, and rotations
are those of the positions that follow the prefix. Nothing is allocated or rebuilt in a pass. It knows layers and
buckets: no canvas, no token.

Letters: T keys of a bucket, K key-value heads of a layer, D its head size, L positions of a canvas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class Encoded(Protocol):
    """A prefix after prefill: `engine.models.diffusion_gemma.Prefix`."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Return its tokens."""

    @property
    def kv_cache(self) -> Any:
        """Return a cache whose layers have keys and values [1, K, up to as many as tokens, D]."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of one recorded pass. What is smaller is padded."""

    prefix: int  # keys of a full layer
    canvas: int  # positions of a row
    batch: int
    rows: int  # positions that are predicted, of all rows of the batch together; 0: the pass has no output head


@dataclass(frozen=True, slots=True)
class Buckets:
    """The sizes that passes are recorded for, each ascending."""

    prefix: tuple[int, ...] = (512, 1024, 2048, 4096, 8192, 16_384, 32_768)
    canvas: tuple[int, ...] = (32, 64, 128, 256)
    batch: tuple[int, ...] = (1, 2, 4, 8)
    rows: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024, 2048)

    def shape(self, prefix: int, canvas: int, batch: int, rows: int = 0) -> Shape | None:
        """Return the smallest shape that holds these sizes; None where one of them is beyond its largest bucket."""
        sizes = ((self.prefix, prefix), (self.canvas, canvas), (self.batch, batch))
        found = [next((bucket for bucket in buckets if bucket >= size), None) for buckets, size in sizes]
        room = next((bucket for bucket in self.rows if bucket >= rows), None) if rows else 0
        if room is None or None in found:
            return None
        prefix_room, canvas_room, batch_room = (size for size in found if size is not None)
        return Shape(prefix_room, canvas_room, batch_room, room)


@dataclass(frozen=True, slots=True, eq=False)
class LayerPrefix:
    """What one layer sees of the prefix in a pass of one bucket. Views of the buffers."""

    keys: Tensor  # [K, T, D]
    values: Tensor  # [K, T, D]


class StaticPrefix:
    """The buffers of one prefix at a time."""

    @torch.inference_mode()
    def __init__(self, decoder: Any, capacity: int, max_canvas: int) -> None:
        """Allocate buffers for prefixes of up to `capacity` tokens, and no more than the window on sliding layers."""
        config, device, dtype = decoder.text_config, decoder.norm.weight.device, decoder.norm.weight.dtype
        self.capacity, self._max_canvas, self._rotary = capacity, max_canvas, decoder.rotary_emb
        self._window = config.sliding_window - 1
        self._types: tuple[str, ...] = tuple(config.layer_types)
        self._loaded: Encoded | None = None
        self._keys, self._values = [], []
        for index, layer_type in enumerate(self._types):
            layer = config.per_layer_config[index]
            shape = (layer.num_key_value_heads, self._space(layer_type, capacity), layer.head_dim)
            # What padding holds must be finite: its probability is zero, and zero times infinity is not.
            self._keys.append(torch.zeros(shape, dtype=dtype, device=device))
            self._values.append(torch.zeros(shape, dtype=dtype, device=device))
        kinds = sorted(set(self._types))
        self._bias = {kind: torch.zeros(self._space(kind, capacity), dtype=dtype, device=device) for kind in kinds}
        self._like = torch.zeros(1, dtype=dtype, device=device)
        self._rotations = {kind: self._rotated(kind, 0) for kind in kinds}

    @property
    def num_bytes(self) -> int:
        """Return what the buffers take."""
        rotations = [each for pair in self._rotations.values() for each in pair]
        buffers = [*self._keys, *self._values, *self._bias.values(), *rotations]
        return sum(buffer.numel() * buffer.element_size() for buffer in buffers)

    @torch.inference_mode()
    def load(self, prefix: Encoded) -> None:
        """Make this the prefix that passes follow; nothing to do where it is already.

        Raises: ValueError for a prefix beyond the capacity.
        """
        if prefix is self._loaded:
            return
        length = len(prefix.ids)
        if length > self.capacity:
            raise ValueError(f"a prefix of {length} tokens is beyond the buffers' {self.capacity}")
        for index, kind in enumerate(self._types):
            layer, room = prefix.kv_cache.layers[index], self._room(kind, length)
            self._keys[index][:, :room].copy_(layer.keys[0])
            self._values[index][:, :room].copy_(layer.values[0])
        for kind, bias in self._bias.items():
            room = self._room(kind, length)
            bias[:room] = 0
            bias[room:] = -torch.inf
            for buffer, value in zip(self._rotations[kind], self._rotated(kind, length), strict=True):
                buffer.copy_(value)
        self._loaded = prefix

    def layers(self, room: int) -> Iterator[LayerPrefix]:
        """Yield each layer's view of a bucket of `room` keys; a sliding layer's has no more than its window."""
        for kind, keys, values in zip(self._types, self._keys, self._values, strict=True):
            size = self._space(kind, room)
            yield LayerPrefix(keys[:, :size], values[:, :size])

    def bias(self, kind: str, room: int) -> Tensor:
        """Return what is added to the scores of a bucket's keys, by layer type: [T], 0 or -inf. A view."""
        return self._bias[kind][: self._space(kind, room)]

    def rotations(self, kind: str, length: int) -> tuple[Tensor, Tensor]:
        """Return cosines and sines of the canvas's positions, by layer type: [1, L, D] each. Views."""
        cos, sin = self._rotations[kind]
        return cos[:, :length], sin[:, :length]

    def _room(self, kind: str, length: int) -> int:
        return min(length, self._window) if kind == "sliding_attention" else length

    def _space(self, kind: str, length: int) -> int:
        """Return the room in whole runs of 8 keys: matrices whose rows begin elsewhere are multiplied slowly."""
        return math.ceil(self._room(kind, length) / 8) * 8

    def _rotated(self, kind: str, first: int) -> tuple[Tensor, Tensor]:
        positions = torch.arange(first, first + self._max_canvas, device=self._like.device)[None]
        cos, sin = self._rotary(self._like, positions, kind)
        return cos, sin
