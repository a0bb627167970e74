"""The adapter for masked diffusion on transformers' Qwen2 classes: every position sees every other one.

With full attention nothing of a prefix can be kept: what stands left of the hole depends on what stands right of it.
A pass runs prefix and canvas together; a token is predicted at the position before it. Only open positions go through
the output head. It does not know what is given and what is free, how tokens are chosen, or what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from engine.models.adapter import Forward
from engine.models.loaded_model import LoadedModel
from engine.models.masked_names import BEGIN_TOKENS, END_TOKENS, SpecialIds
from engine.prefix_cache import PrefixCache

# What the published models read at most, whatever their configurations inherit, and how it is shared out. A pass costs
# as much for each token of context, so both are kept well below that.
CANVAS_TOKENS, PREFIX_TOKENS = 256, 768
_HOLE_WIDTHS = (4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class MaskedPrefix:
    """A prefix: its tokens, and nothing that was computed from them."""

    ids: tuple[int, ...]


class MaskedQwen2(LoadedModel):
    """A loaded model (`engine.models.adapter.Adapter`). Not for use from several threads at once."""

    scores_autoregressively = snapshots_prefixes = False
    pad_id = -1
    edge_tokens = BEGIN_TOKENS, END_TOKENS

    def __init__(
        self,
        model: Qwen2ForCausalLM,
        special: SpecialIds,
        declared: dict[str, Any] | None = None,
        num_parameters: int | None = None,
    ) -> None:
        """Take a model over, whose attention is made bidirectional; `declared` goes before what is assumed."""
        assert special.mask is not None
        super().__init__(model, num_parameters)
        for layer in self._model.model.layers:
            layer.self_attn.is_causal = False
        self._special, self._declared = special, declared or {}
        self._prefixes: PrefixCache[MaskedPrefix] = PrefixCache(0, lambda _: 0)

    @property
    def prefixes(self) -> PrefixCache[MaskedPrefix]:
        """Nothing is ever remembered."""
        return self._prefixes

    @property
    def vocab_size(self) -> int:
        """Return V, which counts ids that no tokenizer produces too."""
        return int(self._model.config.vocab_size)

    @property
    def max_canvas_tokens(self) -> int:
        """Return how many tokens hole and suffix may have together: at most half of what the model can read."""
        return int(self._declared.get("canvas_tokens", min(CANVAS_TOKENS, self.max_positions // 2)))

    @property
    def max_positions(self) -> int:
        """Return how many tokens prefix and canvas may have together."""
        return int(self._model.config.max_position_embeddings)

    @property
    def unwritable_ids(self) -> tuple[int, ...]:
        """Return the ids that never stand in a text: pad, bos, eos, the mask and what grows and shrinks a hole."""
        config, special = self._model.config, self._special
        named = (config.pad_token_id, config.bos_token_id, special.mask, special.expand, special.delete, special.eos)
        return tuple(sorted({token_id for token_id in named if token_id is not None and token_id < self.vocab_size}))

    @property
    def declared(self) -> dict[str, Any]:
        """Return how the checkpoint is run: mask noise, widths to try, what its special tokens are."""
        canvas_tokens = self.max_canvas_tokens
        widths = [width for width in _HOLE_WIDTHS if width <= canvas_tokens // 2]
        return {
            "noise": "mask",
            "mask_token_id": self._special.mask,
            "expand_token_id": self._special.expand,
            "delete_token_id": self._special.delete,
            "self_conditioning": False,
            "max_prefix_tokens": min(PREFIX_TOKENS, self.max_positions - canvas_tokens),
            "hole_widths": widths or [max(1, canvas_tokens // 2)],
            **self._declared,
        }

    def prefill(self, prefix_ids: Sequence[int]) -> MaskedPrefix:
        """Take a prefix as it is. Raises: ValueError for an empty one, which leaves the first token unpredicted."""
        if not prefix_ids:
            raise ValueError("a prefix has at least one token")
        return MaskedPrefix(tuple(prefix_ids))

    def forget_prefixes(self) -> None:
        """Do nothing: there is nothing to forget."""

    def forward_for(self, prefix: MaskedPrefix, batch_size: int = 1) -> Forward:
        """Return the forward pass of canvases that follow this prefix; any number of rows."""
        return _Pass(self._model, prefix.ids)

    def autoregressive_logprob(self, prefix: MaskedPrefix, ids: Sequence[int]) -> NoReturn:
        """Refuse: see `scores_autoregressively`."""
        raise NotImplementedError("a masked-diffusion checkpoint does not read causally")

    def autoregressive_logits(self, prefix: MaskedPrefix, ids: Tensor) -> NoReturn:
        """Refuse: see `scores_autoregressively`."""
        raise NotImplementedError("a masked-diffusion checkpoint does not read causally")

    def reader_for(self, prefix: MaskedPrefix) -> NoReturn:
        """Refuse: see `scores_autoregressively`."""
        raise NotImplementedError("a masked-diffusion checkpoint does not read causally")


class _Pass:
    """Prefix and canvas through all layers: canvases in, logits of their open positions out."""

    def __init__(self, model: Any, prefix_ids: tuple[int, ...]) -> None:
        self._model, self._device = model, model.device
        self._prefix_ids = torch.tensor(prefix_ids, dtype=torch.int64, device=self._device)

    @torch.inference_mode()
    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Predict the N open positions, in row-major order; nothing is at the end of a row where its ids are -1.

        Shapes: canvas_ids [B, L] int64, open_mask [B, L] bool -> [N, V] float32. There is no self-conditioning.
        """
        model, num_prefix = self._model, len(self._prefix_ids)
        asked = open_mask.any(dim=-1)  # A row with nothing open costs nothing.
        canvas_ids, open_mask = canvas_ids[asked], open_mask[asked]
        if not len(canvas_ids):
            return torch.zeros(0, model.config.vocab_size, device=self._device)
        lengths = (canvas_ids >= 0).sum(dim=-1)
        length = int(lengths.max())
        canvas_ids, open_mask = canvas_ids[:, :length], open_mask[:, :length]
        ids = torch.cat([self._prefix_ids.expand(len(canvas_ids), -1), canvas_ids.clamp(min=0)], dim=1)
        places = torch.arange(ids.shape[1], device=self._device)
        is_there = places < num_prefix + lengths[:, None]
        # Without a mask everything sees everything; attention was told not to be causal.
        attention_mask = None if bool(is_there.all()) else is_there[:, None, None, :].expand(-1, -1, len(places), -1)
        hidden = model.model.embed_tokens(ids)
        rotation = model.model.rotary_emb(hidden, places[None])
        for layer in model.model.layers:
            hidden = layer(hidden, attention_mask=attention_mask, position_embeddings=rotation)
        # What stands at a position is predicted one position to its left.
        before = hidden[:, num_prefix - 1 : -1][open_mask]
        logits: Tensor = model.lm_head(model.model.norm(before))
        return logits.float()
