"""Batches in the order of their numbers, drawn here or by other processes ahead of time, moved to the device."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engine.training.losses import Asked

Draw = Callable[[int], Asked | Tensor]
_BATCHES_AHEAD = 3  # of each process


class _Drawn(Dataset[Asked | Tensor]):
    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def __getitem__(self, index: int) -> Asked | Tensor:
        return self._draw(index)


def feed(draw: Draw, first: int, workers: int, device: torch.device) -> Iterator[Any]:
    """Yield `draw(first)`, `draw(first + 1)` and so on, without end, on the device.

    With `workers` above zero so many processes draw ahead; the order and the batches stay the same.
    """
    on_gpu = device.type == "cuda"
    drawn = DataLoader(
        _Drawn(draw),
        batch_size=None,
        sampler=itertools.count(first),
        num_workers=workers,
        prefetch_factor=_BATCHES_AHEAD if workers else None,
        pin_memory=on_gpu,
    )
    for batch in drawn:
        yield batch.to(device, non_blocking=True) if isinstance(batch, Tensor) else _moved(batch, device)


def _moved(batch: Asked, device: torch.device) -> Asked:
    return Asked(*(tensor.to(device, non_blocking=True) for tensor in batch))
