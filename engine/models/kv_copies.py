"""Copies of transformers' growing caches: one that can be extended by itself, one of several equal rows.

Keys and values are replaced when a cache grows and never written into, so copies share them. The states of linear
attention are written into, so copies have their own. It knows caches: no model and no tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache


def copied(kv_cache: DynamicCache) -> DynamicCache:
    """Return a cache that can be extended and reordered by itself."""
    other = copy.copy(kv_cache)
    other.layers = [_copied_layer(layer) for layer in kv_cache.layers]
    return other


def repeated(kv_cache: DynamicCache, batch_size: int) -> DynamicCache:
    """Return a cache of `batch_size` rows that are equal to the one row there is."""
    other = copied(kv_cache)
    if batch_size > 1:
        other.reorder_cache(torch.zeros(batch_size, dtype=torch.int64))
    return other


def own_storage(kv_cache: DynamicCache) -> None:
    """Let go of memory of which a cache uses a part only: a sliding layer's tensors are the end of longer ones."""
    for layer in kv_cache.layers:
        for name in ("keys", "values"):
            tensor = getattr(layer, name, None)
            if isinstance(tensor, Tensor) and tensor.untyped_storage().nbytes() > tensor.nbytes:
                setattr(layer, name, tensor.clone())


def num_bytes(kv_cache: DynamicCache) -> int:
    """Return what a cache keeps in memory: whole storages, since a view holds on to all of its own."""
    storages = [tensor.untyped_storage() for layer in kv_cache.layers for tensor in _tensors(layer)]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _copied_layer(layer: Any) -> Any:
    other = copy.copy(layer)
    for name, value in list(vars(other).items()):
        if isinstance(value, dict):
            setattr(
                other, name, {key: item.clone() if isinstance(item, Tensor) else item for key, item in value.items()}
            )
    return other


def _tensors(layer: Any) -> Iterator[Tensor]:
    for value in vars(layer).values():
        yield from (
            item for item in (value.values() if isinstance(value, dict) else [value]) if isinstance(item, Tensor)
        )
