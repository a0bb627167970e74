"""The losses of a batch: what is asked of windows and canvases, as tensors on the network's device.

`Passes` is what they need of a network, so that the compiled form and the plain one serve alike.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.training.holes import Batch
from engine.training.network import KeyValues, Network
from engine.training.objective import Kernel, chunk_gradient, head_loss


class Passes(Protocol):
    """The two passes over one set of weights, and the loss of the head."""

    @property
    def embedding(self) -> Tensor:
        """The tied table [V, H]."""

    def encode(self, ids: Tensor) -> tuple[Tensor, KeyValues]:
        """As `Network.encode`."""

    def decode(self, canvas: Tensor, starts: Tensor, cache: KeyValues) -> Tensor:
        """As `Network.decode`."""


class Compiled:
    """A network whose passes and head are compiled for the first shapes that they meet."""

    def __init__(self, network: Network) -> None:
        self.embedding: Tensor = network.embedding
        self.encode = torch.compile(network.encode, dynamic=False)
        self.decode = torch.compile(network.decode, dynamic=False)
        self.kernel: Kernel = torch.compile(chunk_gradient, dynamic=False)


class Asked(NamedTuple):
    """A batch as tensors, with the positions that are asked for picked out: R rows of the N * C canvas positions."""

    prefix: Tensor  # [B, P] int64
    starts: Tensor  # [N] int64
    canvas: Tensor  # [N, C] int64
    rows: Tensor  # [R] int64, indices into the flattened canvases
    targets: Tensor  # [R] int64
    weights: Tensor  # [R] float32

    @property
    def num_positions(self) -> int:
        """How many positions the passes run over."""
        return self.prefix.numel() + self.canvas.numel()


def ask(batch: Batch, share: float | None = None) -> Asked:
    """Return the batch's tensors; with a share of all positions, always that many rows, so that shapes stand still.

    What is missing is filled up with rows of no weight; rows above the share are left out (with many canvases a share
    a little above the mean is never reached).
    """
    rows = np.flatnonzero(batch.weights)
    weights = batch.weights.reshape(-1)[rows]
    if share is not None:
        size = int(share * batch.weights.size)
        missing = max(0, size - len(rows))
        rows, weights = np.pad(rows[:size], (0, missing)), np.pad(weights[:size], (0, missing))
    targets = batch.target_ids.reshape(-1)[rows]
    arrays = (batch.prefix_ids, batch.starts, batch.canvas_ids, rows, targets, weights)
    return Asked(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))


def joint_losses(network: Passes, asked: Asked) -> tuple[Tensor, Tensor]:
    """Return the next-token loss of the windows and the denoising loss of the canvases, each a mean in nats a token."""
    hidden, cache = network.encode(asked.prefix)
    causal = _next_token_loss(network, hidden, asked.prefix)
    decoded = network.decode(asked.canvas, asked.starts, cache).flatten(0, 1)[asked.rows]
    return causal, head_loss(decoded, network.embedding, asked.targets, asked.weights, kernel=_kernel(network))


def causal_loss(network: Passes, ids: Tensor) -> Tensor:
    """Return the next-token loss of windows [B, P], a mean in nats a token."""
    hidden, _ = network.encode(ids)
    return _next_token_loss(network, hidden, ids)


def losses(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return `joint_losses` of a batch as it was drawn."""
    return joint_losses(network, Asked(*(tensor.to(network.embedding.device) for tensor in ask(batch))))


def _next_token_loss(network: Passes, hidden: Tensor, ids: Tensor) -> Tensor:
    rows, targets = hidden[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    ones = torch.ones(len(rows), device=rows.device)
    return head_loss(rows, network.embedding, targets, ones, kernel=_kernel(network))


def _kernel(network: Passes) -> Kernel:
    return network.kernel if isinstance(network, Compiled) else chunk_gradient
