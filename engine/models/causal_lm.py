"""The adapter for transformers' causal language models: prefixes, one token more for a batch of rows, likelihoods.

Whatever `AutoModelForCausalLM` can load is driven through its public call alone, so that every architecture works that
keeps a growing cache. It does not know what the tokens mean, which of them are wanted, or where a text comes from.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from engine.models.kv_copies import copied, num_bytes, own_storage, repeated
from engine.models.loaded_model import LoadedModel
from engine.prefix_cache import PrefixCache

# So many logits are held at a time while rows are read: 256 MB.
MAX_LOGITS = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """The model's state after a prefix. Shared between fills and never changed."""

    ids: tuple[int, ...]
    kv_cache: DynamicCache  # read only: whoever extends it copies it
    logits: Tensor  # [1, V] float32: of the token after the last one


class CausalLM(LoadedModel):
    """A loaded model. Not for use from several threads at once."""

    def __init__(self, model: Any, max_snapshot_bytes: int = 1 << 30, num_parameters: int | None = None) -> None:
        super().__init__(model, num_parameters)
        self._config = model.config.get_text_config()
        self._keeps_logits = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._snapshots: PrefixCache[Prefix] = PrefixCache(max_snapshot_bytes, _num_bytes)

    @property
    def prefixes(self) -> PrefixCache[Prefix]:
        """The prefixes that are remembered, for those who count hits and bytes."""
        return self._snapshots

    @property
    def vocab_size(self) -> int:
        """Return V, which counts ids that no tokenizer produces too."""
        return int(self._config.vocab_size)

    @property
    def max_positions(self) -> int:
        """Return how many tokens a text may have."""
        return int(getattr(self._config, "max_position_embeddings", None) or 1 << 20)

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """Return the ids that end a text, as far as the configurations name them."""
        generation = getattr(self._model, "generation_config", None)
        named: set[int] = set()
        for config in (generation, self._model.config, self._config):
            found = getattr(config, "eos_token_id", None)
            named |= {*found} if isinstance(found, list | tuple) else {found} if isinstance(found, int) else set()
        return tuple(sorted(index for index in named if 0 <= index < self.vocab_size))

    @property
    def declared(self) -> dict[str, Any]:
        """Return what the checkpoint's configuration says under the key `infill`; nothing when it has no such key."""
        declared = getattr(self._model.config, "infill", None)
        return dict(declared) if isinstance(declared, dict) else {}

    def prefill(self, prefix_ids: Sequence[int], num_stable: int | None = None) -> Prefix:
        """Encode a prefix, going on from the longest beginning of it that was encoded lately.

        The first `num_stable` tokens, None for all, are those that grow at their end with the next keystroke.
        Raises: ValueError for an empty prefix; begin it with the token that begins a text.
        """
        return self._snapshots.grown(prefix_ids, self._extended, num_stable)

    def extended(self, prefix: Prefix, ids: Sequence[int]) -> Prefix:
        """Return the prefix with more tokens after it, which no later prefill finds."""
        return self._extended(prefix, (*prefix.ids, *ids))

    def forget_prefixes(self) -> None:
        """Free the memory of all remembered prefixes."""
        self._snapshots.clear()

    def continuation(self, prefix: Prefix) -> Continuation:
        """Return what writes after this prefix, beginning with one row."""
        return Continuation(self, prefix)

    @torch.inference_mode()
    def autoregressive_logits(self, prefix: Prefix, ids: Tensor) -> Tensor:
        """Return the logits after a prefix: ids [B, W] -> [B, W, V] float32, at i given ids before i.

        The last column of ids is not read.
        """
        first = prefix.logits[:, None].expand(len(ids), -1, -1)
        if ids.shape[1] < 2:
            return first
        return torch.cat([first, self.forward(ids[:, :-1], repeated(prefix.kv_cache, len(ids)), 0)], dim=1)

    def autoregressive_logprob(self, prefix: Prefix, ids: Sequence[int]) -> Tensor:
        """Return the log-probability of each token after those before it: [N] float32, nats."""
        return torch.tensor(self.log_probs(prefix, [ids])[0], device=self.device)

    def log_probs(self, prefix: Prefix, rows: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return the log-probability of each token of several rows after a prefix, in nats."""
        found: list[list[float]] = []
        width = max(map(len, rows), default=0)
        at_once = max(1, MAX_LOGITS // max(1, width * self.vocab_size))
        for start in range(0, len(rows) if width else 0, at_once):
            chunk = rows[start : start + at_once]
            ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in chunk], device=self.device)
            taken = self.autoregressive_logits(prefix, ids).log_softmax(dim=-1).gather(-1, ids[..., None])
            found += [scored[: len(row)] for row, scored in zip(chunk, taken.squeeze(-1).tolist(), strict=True)]
        return found or [[] for _ in rows]

    @torch.inference_mode()
    def forward(self, ids: Tensor, kv_cache: DynamicCache, num_kept: int) -> Tensor:
        """Read rows and write them into their cache: ids [B, W] -> logits of the last ones, 0 for all, float32."""
        options = {"logits_to_keep": num_kept} if self._keeps_logits else {}
        logits: Tensor = self._model(input_ids=ids, past_key_values=kv_cache, use_cache=True, **options).logits
        return logits[:, -num_kept:].float()

    def _extended(self, prefix: Prefix | None, ids: tuple[int, ...]) -> Prefix:
        more = ids[0 if prefix is None else len(prefix.ids) :]
        kv_cache = DynamicCache(config=self._model.config) if prefix is None else copied(prefix.kv_cache)
        read = torch.tensor([list(more)], dtype=torch.int64, device=self.device)
        logits = self.forward(read, kv_cache, 1)[:, -1].clone()
        own_storage(kv_cache)
        return Prefix(ids, kv_cache, logits)


class Continuation:
    """Rows that are written on behind one prefix, a token at a time."""

    def __init__(self, adapter: CausalLM, prefix: Prefix) -> None:
        self._adapter = adapter
        self._kv_cache = copied(prefix.kv_cache)
        self._num_rows = 1

    @torch.inference_mode()
    def __call__(self, parents: Sequence[int], ids: Sequence[int]) -> Tensor:
        """Write one token in each row: [B] each -> logits of what follows [B, V] float32.

        `parents` says which of the rows before each row goes on from, so that rows branch and end.
        """
        device = self._adapter.device
        if list(parents) != list(range(self._num_rows)):
            self._kv_cache.reorder_cache(torch.tensor(parents, device=device))
        self._num_rows = len(ids)
        return self._adapter.forward(torch.tensor(ids, device=device)[:, None], self._kv_cache, 1)[:, -1]


def _num_bytes(prefix: Prefix) -> int:
    return num_bytes(prefix.kv_cache) + prefix.logits.untyped_storage().nbytes()
