"""The adapter for transformers' `DiffusionGemmaForBlockDiffusion`: prefixes, denoising passes, autoregressive scores.

The causal encoder turns a prefix into a key-value cache; the decoder reads that cache and attends in both directions
over the canvas. This module drives the model's own layers, so that positions that are not asked for cost no output
head. It does not know what is given and what is free on a canvas, how tokens are chosen, or what they mean.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache
from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion

from engine.models.adapter import Forward, Reader
from engine.models.loaded_model import LoadedModel
from engine.models.quantize.embedding import expected_embeddings
from engine.models.static_pass import StaticPasses
from engine.prefix_cache import PrefixCache


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """The model's state after a prefix. Shared between fills and never changed."""

    ids: tuple[int, ...]
    kv_cache: Any  # a `DynamicCache`, or what an adapter of its own keeps; read only: whoever extends it copies it
    last_hidden: Tensor  # [1, 1, H]: the encoder's output at the last token


class DiffusionGemma(LoadedModel):
    """A loaded model (`engine.models.adapter.Adapter`). Not for use from several threads at once."""

    scores_autoregressively = snapshots_prefixes = True
    pad_id = None  # the tokenizer knows
    edge_tokens = ("<bos>", "<s>"), ("<eos>", "</s>")

    def __init__(
        self,
        model: DiffusionGemmaForBlockDiffusion,
        max_snapshot_bytes: int = 1 << 30,
        num_parameters: int | None = None,
        static_passes: StaticPasses | None = None,
    ) -> None:
        super().__init__(model, num_parameters)
        # Passes on static buffers, recorded where the device can: not worth their padding on a CPU.
        self.static_passes = static_passes or (StaticPasses(model) if self.device.type == "cuda" else None)
        self._decoder: Any = model.model.decoder
        self._encoder: Any = model.model.encoder.language_model
        self._snapshots: PrefixCache[Prefix] = PrefixCache(max_snapshot_bytes, _num_bytes)

    @property
    def prefixes(self) -> PrefixCache[Prefix]:
        """The prefixes that are remembered, for those who count hits and bytes."""
        return self._snapshots

    @property
    def published(self) -> Any:
        """Return the model in the published classes, its weights as they are kept, for who compares with them."""
        return self._model

    @property
    def vocab_size(self) -> int:
        """Return V, which counts ids that no tokenizer produces too."""
        return int(self._model.config.text_config.vocab_size)

    @property
    def max_canvas_tokens(self) -> int:
        """Return the canvas length that the checkpoint was made for."""
        return int(self._model.config.canvas_length)

    @property
    def max_positions(self) -> int:
        """Return how many tokens prefix and canvas may have together."""
        return int(self._model.config.text_config.max_position_embeddings)

    @property
    def unwritable_ids(self) -> tuple[int, ...]:
        """Return the ids that never stand in a text, as far as the configuration names them: pad, bos, images."""
        config, text_config = self._model.config, self._model.config.text_config
        named = (
            text_config.pad_token_id,
            text_config.bos_token_id,
            config.boi_token_id,
            config.eoi_token_id,
            config.image_token_id,
        )
        return tuple(sorted({token_id for token_id in named if token_id is not None and token_id < self.vocab_size}))

    @property
    def declared(self) -> dict[str, Any]:
        """Return what the checkpoint's configuration says under the key `infill`; nothing when it has no such key."""
        return dict(getattr(self._model.config, "infill", None) or {})

    def prefill(self, prefix_ids: Sequence[int]) -> Prefix:
        """Encode a prefix, going on from the longest beginning of it that was encoded lately.

        Raises: ValueError for an empty prefix; begin it with the token that begins a text.
        """
        return self._snapshots.grown(prefix_ids, self._extended)

    def extended(self, prefix: Prefix, ids: Sequence[int]) -> Prefix:
        """Return the prefix with more tokens after it, which no later prefill finds: how left to right is written."""
        return self._extended(prefix, (*prefix.ids, *ids))

    def forget_prefixes(self) -> None:
        """Free the memory of all remembered prefixes."""
        self._snapshots.clear()
        if self.static_passes:
            self.static_passes.clear()

    def forward_for(self, prefix: Prefix, batch_size: int = 1) -> Forward:
        """Return the forward pass of canvases that follow this prefix, `batch_size` rows on one cache."""
        return DenoisingPass(self._decoder, self._logits, prefix, batch_size, self.static_passes)

    @torch.inference_mode()
    def autoregressive_logprob(self, prefix: Prefix, ids: Sequence[int]) -> Tensor:
        """Return the log-probability of each token after those before it, by the causal encoder: [N] float32, nats."""
        if not ids:
            return torch.zeros(0, device=self.device)
        hidden = prefix.last_hidden
        if len(ids) > 1:
            more = self._read(prefix, torch.tensor([list(ids[:-1])], device=self.device))
            hidden = torch.cat([hidden, more], dim=1)
        log_probs = self._logits(hidden[0]).log_softmax(dim=-1)
        wanted = torch.tensor(list(ids), device=self.device)
        return log_probs.gather(-1, wanted[:, None]).squeeze(-1)

    @torch.inference_mode()
    def autoregressive_logits(self, prefix: Prefix, ids: Tensor) -> Tensor:
        """Return the causal encoder's logits after a prefix: ids [B, W] -> [B, W, V] float32, at i given ids before i.

        The last column of ids is not read.
        """
        return self._logits(self._expecting(prefix, ids, self._read))

    def reader_for(self, prefix: Prefix) -> Reader:
        """Return what reads drafts after this prefix causally, at the places it is asked about."""
        return self._reader(prefix, self._read)

    def _reader(self, prefix: Prefix, read: Callable[[Prefix, Tensor], Tensor]) -> Reader:
        @torch.inference_mode()
        def run(ids: Tensor, asked: Tensor) -> Tensor:
            return self._logits(self._expecting(prefix, ids, read)[asked])

        return run

    def _expecting(self, prefix: Prefix, ids: Tensor, read: Callable[[Prefix, Tensor], Tensor]) -> Tensor:
        """Return the hidden states that predict each of the ids: [B, W] -> [B, W, H]."""
        hidden = prefix.last_hidden.expand(len(ids), -1, -1)
        return torch.cat([hidden, read(prefix, ids[:, :-1])], dim=1) if ids.shape[1] > 1 else hidden

    @torch.inference_mode()
    def _extended(self, prefix: Prefix | None, ids: tuple[int, ...]) -> Prefix:
        more = ids[0 if prefix is None else len(prefix.ids) :]
        hidden, kv_cache = self._encode(prefix, torch.tensor([list(more)], dtype=torch.int64, device=self.device))
        return Prefix(ids, kv_cache, hidden[:, -1:].clone())

    def _encode(self, prefix: Prefix | None, ids: Tensor) -> tuple[Tensor, Any]:
        """Go on from a prefix: ids [1, W] -> hidden [1, W, H], and what there is to remember of both."""
        kv_cache = DynamicCache(config=self._model.config.text_config) if prefix is None else _copied(prefix.kv_cache)
        hidden: Tensor = self._encoder(input_ids=ids, past_key_values=kv_cache).last_hidden_state
        for layer in kv_cache.layers:
            # A sliding layer's tensors are the end of longer ones, which a clone lets go of.
            layer.keys, layer.values = layer.keys.clone(), layer.values.clone()
        return hidden, kv_cache

    def _read(self, prefix: Prefix, ids: Tensor) -> Tensor:
        """Read rows causally after a prefix: ids [B, W] -> hidden [B, W, H]. Nothing is remembered."""
        kv_cache = _repeated(prefix.kv_cache, len(ids))
        hidden: Tensor = self._encoder(input_ids=ids, past_key_values=kv_cache).last_hidden_state
        return hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        softcap = self._model.final_logit_softcapping
        logits: Tensor = self._model.lm_head(hidden)
        # In place: a gigabyte and more of a large vocabulary's would be there four times.
        return logits.to(torch.float32, copy=True).div_(softcap).tanh_().mul_(softcap)


class DenoisingPass:
    """The decoder on one prefix: canvases in, logits of their open positions out (see `engine.denoise.Forward`)."""

    def __init__(
        self, decoder: Any, head: Any, prefix: Prefix, batch_size: int, static_passes: StaticPasses | None = None
    ) -> None:
        self._decoder = decoder
        self._head = head
        self._static_passes = static_passes
        self._prefix, self._prefix_cache = prefix, prefix.kv_cache
        self._kv_cache = _repeated(prefix.kv_cache, batch_size)
        self._num_prefix_tokens = len(prefix.ids)
        self._rotations: dict[int, dict[str, Any]] = {}

    @torch.inference_mode()
    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Predict the N open positions, in row-major order.

        Shapes: canvas_ids [B, L] int64, open_mask [B, L] bool, self_conditioning [N, V] float32 or None -> [N, V]
        float32.
        """
        asked = open_mask.any(dim=-1)
        if not bool(asked.all()):  # A row with nothing open costs nothing.
            canvas_ids, open_mask = canvas_ids[asked], open_mask[asked]
        decoder = self._decoder
        embeddings = decoder.embed_tokens(canvas_ids)
        signal = self._signal(embeddings, open_mask, self_conditioning)
        hidden = self._layers(decoder.self_conditioning(embeddings, signal))
        logits: Tensor = self._head(decoder.norm(hidden[open_mask]))
        return logits

    def _layers(self, hidden: Tensor) -> Tensor:
        """Run all layers on the prefix: [B, L, H] -> [B, L, H]; on static buffers where there are any that fit."""
        found = self._static_passes.layers(self._prefix, hidden) if self._static_passes else None
        if found is not None:
            return found
        decoder, kv_cache, rotations = self._decoder, self._cache_for(len(hidden)), self._rotations_for(hidden)
        for layer, layer_type in zip(decoder.layers, decoder.text_config.layer_types, strict=True):
            # Without a mask every canvas position sees the whole cache and the whole canvas.
            hidden = layer(
                hidden,
                position_embeddings=rotations[layer_type],
                attention_mask=None,
                past_key_values=kv_cache,
            )
        return hidden

    def _cache_for(self, batch_size: int) -> DynamicCache:
        if batch_size != self._kv_cache.layers[0].keys.shape[0]:
            self._kv_cache = _repeated(self._prefix_cache, batch_size)
        return self._kv_cache

    def _signal(self, embeddings: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Return what the decoder is told about its previous prediction: [B, L, H], zero when there was none.

        The expected embedding under a distribution that is sure of one token is that token's embedding, so a position
        that is not open needs neither logits nor a product with the vocabulary.
        """
        if self_conditioning is None:
            return torch.zeros_like(embeddings)
        expected = expected_embeddings(self._decoder.embed_tokens, self_conditioning)
        return embeddings.masked_scatter(open_mask[..., None], expected)

    def _rotations_for(self, hidden: Tensor) -> dict[str, Any]:
        length = hidden.shape[1]
        if length not in self._rotations:
            first = self._num_prefix_tokens
            positions = torch.arange(first, first + length, device=hidden.device)[None]
            self._rotations[length] = {
                layer_type: self._decoder.rotary_emb(hidden, positions, layer_type)
                for layer_type in self._decoder.unique_layer_types
            }
        return self._rotations[length]


def _num_bytes(prefix: Prefix) -> int:
    """Return what a prefix keeps in memory: whole storages, since a view holds on to all of its own."""
    layers: Any = getattr(prefix.kv_cache, "layers", prefix.kv_cache)
    tensors = [prefix.last_hidden]
    for layer in layers:
        tensors += [layer.keys, layer.values] if hasattr(layer, "keys") else [*layer]
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def _copied(kv_cache: DynamicCache) -> DynamicCache:
    """Return a cache that can be extended on its own: an update replaces a layer's tensors and writes into none."""
    copied = copy.copy(kv_cache)
    copied.layers = [copy.copy(layer) for layer in kv_cache.layers]
    return copied


def _repeated(kv_cache: DynamicCache, batch_size: int) -> DynamicCache:
    """Return a cache of `batch_size` equal rows that share the memory of one."""
    repeated = _copied(kv_cache)
    for layer in repeated.layers:
        layer.keys = layer.keys.expand(batch_size, -1, -1, -1)
        layer.values = layer.values.expand(batch_size, -1, -1, -1)
    return repeated
