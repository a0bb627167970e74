"""What the engine asks of a loaded model, whatever its family: the adapter's surface, and what it can and cannot do.

An adapter turns prefixes into states and canvases into logits. Families differ in what a state is worth and in whether
they can read causally; the flags say so, and who uses an adapter asks them instead of its class. No model is imported
here, and nothing is known of canvases, requests or text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from engine.prefix_cache import PrefixCache

P = TypeVar("P")
"""An adapter's own state after a prefix: shared between fills and never changed."""


class Forward(Protocol):
    """Canvases in, logits of their open positions out: `engine.denoise.Forward`, which no model imports."""

    def __call__(self, canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
        """Predict the N open positions: [B, L] int64, [B, L] bool, [N, V] float32 or None -> [N, V] float32."""


class Reader(Protocol):
    """Drafts in, the causal logits of the places that are asked about out. It may remember what it read before."""

    def __call__(self, ids: Tensor, asked: Tensor) -> Tensor:
        """Read rows: ids [B, W] int64, asked [B, W] bool with N true -> [N, V] float32, at i given the ids before i."""


class Adapter(Protocol[P]):
    """A loaded model. Not for use from several threads at once."""

    @property
    def scores_autoregressively(self) -> bool:
        """Whether the model can also read causally. Without it nothing that reads may be asked for."""

    @property
    def snapshots_prefixes(self) -> bool:
        """Whether `prefill` does work that passes then save. Without it every pass reads the prefix again."""

    @property
    def pad_id(self) -> int | None:
        """Return what stands right of the suffix on a canvas; -1: nothing does; None: the tokenizer's `<pad>`."""

    @property
    def edge_tokens(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the names that the token which begins a text may have, and those of the one which ends it."""

    @property
    def prefixes(self) -> PrefixCache[P]:
        """The prefixes that are remembered, for those who count hits and bytes."""

    @property
    def vocab_size(self) -> int:
        """Return V, which counts ids that no tokenizer produces too."""

    @property
    def max_canvas_tokens(self) -> int:
        """Return the canvas length that the checkpoint was made for, or that is sensible for it."""

    @property
    def max_positions(self) -> int:
        """Return how many tokens prefix and canvas may have together."""

    @property
    def unwritable_ids(self) -> tuple[int, ...]:
        """Return the ids that never stand in a text, as far as the configuration names them."""

    @property
    def declared(self) -> Mapping[str, Any]:
        """Return what `engine.profile.read` reads: how the checkpoint wants to be run; empty: as the published ones."""

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""

    @property
    def dtype(self) -> torch.dtype:
        """Return the type that is computed in."""

    @property
    def num_parameters(self) -> int:
        """Return the number of weights, shared ones once."""

    def prefill(self, prefix_ids: Sequence[int]) -> P:
        """Return the state after a prefix. Raises: ValueError for an empty one."""

    def forget_prefixes(self) -> None:
        """Free the memory of all remembered prefixes."""

    def forward_for(self, prefix: P, batch_size: int = 1) -> Forward:
        """Return the forward pass of canvases that follow this prefix."""

    def autoregressive_logprob(self, prefix: P, ids: Sequence[int]) -> Tensor:
        """Return the log-probability of each token after those before it: [N] float32, nats."""

    def autoregressive_logits(self, prefix: P, ids: Tensor) -> Tensor:
        """Return causal logits after a prefix: ids [B, W] -> [B, W, V] float32, at i given the ids before i."""

    def reader_for(self, prefix: P) -> Reader:
        """Return what reads drafts after this prefix causally, one after the other."""
