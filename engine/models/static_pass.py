"""The decoder's pass on static buffers: one shape, no mask, no allocation that differs from pass to pass, no question
to the device. It drives the model's own modules, so that quantised ones pass through unchanged.

`StaticPasses` is a loaded model's room for them: the prefix's buffers, the shapes' buckets, and what was recorded.
`StaticPass` is one shape: embeddings, self-conditioning, layers, and the output head at the positions that are
predicted alone, gathered by index, so that known positions cost no product with the vocabulary.

To run a fill on the device, see `engine.device_loop.denoise_on_device`.

Letters: B rows of L positions, R slots of predicted positions, H hidden size, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.graphs import Programs, Recorded, Recorder, recorder_for
from engine.models.static_attention import asks_nothing, static_attention, sync_free_experts
from engine.models.static_cache import Buckets, Encoded, Shape, StaticPrefix


class StaticPass:
    """The decoder at one shape. Its own buffers are its inputs and what it remembers of the pass before."""

    @torch.inference_mode()
    def __init__(self, model: Any, prefix: StaticPrefix, shape: Shape, recorder: Recorder | None = None) -> None:
        """Allocate the buffers of a shape; `recorder` is what passes are recorded with, if anything is."""
        self.shape, self._prefix = shape, prefix
        self._decoder, self._head = model.model.decoder, model.lm_head
        self._embed = self._decoder.embed_tokens
        self._config = self._decoder.text_config
        self._softcap = float(model.final_logit_softcapping)
        like = self._embed(torch.zeros(1, 1, dtype=torch.int64, device=model.device))
        self._experts = sync_free_experts(like.device, like.dtype)
        self._canvas_bias = like.new_zeros(shape.canvas)
        self._row_index = torch.zeros(shape.rows, dtype=torch.int64, device=like.device)
        self._slot_of = torch.zeros(shape.batch, shape.canvas, dtype=torch.int64, device=like.device)
        self._expected = like.new_zeros(max(shape.rows, 1), like.shape[-1])
        self._mean: Tensor | None = None
        self.device = like.device
        self.recorder = recorder

    @property
    def vocab_size(self) -> int:
        """Return V."""
        return int(self._config.vocab_size)

    @property
    def num_bytes(self) -> int:
        """Return what its own buffers take."""
        own = (self._canvas_bias, self._row_index, self._slot_of, self._expected, self._mean)
        return sum(buffer.numel() * buffer.element_size() for buffer in own if buffer is not None)

    def load(self, prefix: Encoded) -> None:
        """Make this the prefix that the pass follows; nothing to do where it is already."""
        self._prefix.load(prefix)

    @torch.inference_mode()
    def place(self, length: int, row_index: Tensor, slot_of: Tensor) -> None:
        """Say which positions there are and which are predicted.

        `length` of the canvas's positions are no padding; row_index [R] int64 is each slot's position among B * L,
        slot_of [B, L] int64 each predicted position's slot. Unused slots and positions hold 0.
        """
        self._canvas_bias[:length] = 0
        self._canvas_bias[length:] = -torch.inf
        self._row_index.copy_(row_index)
        self._slot_of.copy_(slot_of)

    def predict(self, canvas_ids: Tensor, is_open: Tensor, is_told: Tensor | None) -> Tensor:
        """Run the decoder: canvas_ids [B, L] int64 -> what the head says at the slots, not soft-capped: [R, V].

        An open position (is_open [B, L] bool) is told what was remembered of its slot, another its own embedding, and
        none anything where is_told, one bool, is false or None. The result is in the type of the weights, and the
        caller's.
        """
        embedded = self._embed(canvas_ids)
        told = torch.zeros_like(embedded)
        if is_told is not None:
            expected = torch.where(is_open[..., None], self._expected[self._slot_of], embedded)
            told = torch.where(is_told, expected, told)
        hidden = self.layers(self._decoder.self_conditioning(embedded, told))
        rows = hidden.flatten(0, 1).index_select(0, self._row_index)
        logits: Tensor = self._head(self._decoder.norm(rows))
        return logits

    def layers(self, hidden: Tensor) -> Tensor:
        """Run all layers: hidden [B, L, H] -> [B, L, H], not normalised."""
        decoder, config, length = self._decoder, self._config, hidden.shape[1]
        kinds, room = config.layer_types, self.shape.prefix
        bias = {kind: torch.cat([self._prefix.bias(kind, room), self._canvas_bias]) for kind in set(kinds)}
        rotations = {kind: self._prefix.rotations(kind, length) for kind in set(kinds)}
        with static_attention(decoder.layers, config, self._experts):
            for layer, kind, seen in zip(decoder.layers, kinds, self._prefix.layers(room), strict=True):
                hidden = layer(hidden, position_embeddings=rotations[kind], prefix=seen, bias=bias[kind])
        return hidden

    def capped(self, logits: Tensor) -> Tensor:
        """Soft-cap what the head says: [N, V] -> [N, V] float32, new."""
        return logits.to(torch.float32, copy=True).div_(self._softcap).tanh_().mul_(self._softcap)

    def remember(self, probs: Tensor) -> None:
        """Keep what the next pass is told: probs [R, V] in the type of the weights, as the embedding they expect."""
        # A quantised table has a product of its own.
        expected = self._embed.expected(probs) if hasattr(self._embed, "expected") else probs @ self._embed.weight
        self._expected.copy_(expected * self._embed.embed_scale.to(expected.dtype))

    @torch.inference_mode()
    def forget(self, is_forgotten: Tensor) -> None:
        """Let go of positions [B, L] bool: every token is as likely there."""
        if self._mean is None:
            even = self._expected.new_full((1, self.vocab_size), 1 / self.vocab_size)
            mean = self._embed.expected(even) if hasattr(self._embed, "expected") else even @ self._embed.weight
            self._mean = mean * self._embed.embed_scale.to(mean.dtype)
        self._expected[self._slot_of[is_forgotten]] = self._mean


class _Layers:
    """The layers alone of one shape, recorded: for loops that choose and remember by themselves."""

    def __init__(self, static: StaticPass, hidden: Tensor) -> None:
        self.hidden, self.static = hidden, static  # [B, L, H], overwritten with the result
        self.run = Recorded(self._run, static.recorder)

    @property
    def num_bytes(self) -> int:
        return self.hidden.numel() * self.hidden.element_size() + self.static.num_bytes + self.run.num_bytes

    def _run(self) -> None:
        self.hidden.copy_(self.static.layers(self.hidden))


class StaticPasses:
    """A loaded model's static passes. Not for use from several threads at once."""

    def __init__(self, model: Any, buckets: Buckets | None = None, programs: Programs | None = None) -> None:
        """Take a `DiffusionGemmaForBlockDiffusion`; nothing is allocated before the first pass."""
        self._model = model
        self.buckets = buckets or Buckets()
        # What was made for a shape and is used again. Whoever runs more than layers keeps that here too.
        self.programs = programs or Programs()
        self._prefix: StaticPrefix | None = None
        can_record = asks_nothing(model.model.decoder.layers, model.device, model.dtype)
        self._recorder = recorder_for(model.device) if can_record else None

    @property
    def num_bytes(self) -> int:
        """Return the device memory that buffers and recordings keep."""
        return self.programs.num_bytes + (self._prefix.num_bytes if self._prefix else 0)

    def shape_for(self, prefix: Encoded, canvas: int, batch: int, rows: int = 0) -> Shape | None:
        """Return the shape of a pass of `batch` canvases of `canvas` positions; None where no bucket holds it."""
        return self.buckets.shape(len(prefix.ids), canvas, batch, rows)

    def open(self, shape: Shape) -> StaticPass:
        """Return a new pass of a shape, on the buffers that prefixes are loaded into."""
        return StaticPass(self._model, self._room_for(shape), shape, self._recorder)

    def clear(self) -> None:
        """Free all buffers and recordings."""
        self.programs.clear()
        self._prefix = None

    def grow(self, shape: Shape) -> None:
        """Make sure that the prefix's buffers hold a shape; what was recorded on smaller ones is dropped."""
        self._room_for(shape)

    @torch.inference_mode()
    def layers(self, prefix: Encoded, hidden: Tensor) -> Tensor | None:
        """Run the layers after a prefix: hidden [B, L, H] -> [B, L, H], new; None where no bucket holds it."""
        batch, length, size = hidden.shape
        shape = self.shape_for(prefix, length, batch)
        if shape is None:
            return None
        self.grow(shape)
        program = self.programs.get(
            ("layers", shape), lambda: _Layers(self.open(shape), hidden.new_zeros(shape.batch, shape.canvas, size))
        )
        program.static.load(prefix)
        none = torch.zeros(0, dtype=torch.int64, device=hidden.device)
        program.static.place(length, none, none.new_zeros(shape.batch, shape.canvas))
        program.hidden.zero_()
        program.hidden[:batch, :length] = hidden
        program.run()
        return program.hidden[:batch, :length].clone()

    def _room_for(self, shape: Shape) -> StaticPrefix:
        if self._prefix is None or self._prefix.capacity < shape.prefix:
            self.programs.clear()
            self._prefix = StaticPrefix(self._model.model.decoder, shape.prefix, max(self.buckets.canvas))
        return self._prefix
