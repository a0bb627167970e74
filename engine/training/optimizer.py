"""Muon for the weight matrices and AdamW for the rest, over float32 copies of bfloat16 weights.

Source: Muon, https://kellerjordan.github.io/posts/muon/ (momentum orthogonalised by Newton-Schulz iterations).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM, _WEIGHT_DECAY = 0.95, 0.01
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Optimizer:
    """Steps float32 masters from the gradients of the working weights, then writes the working weights.

    Matrices of the layers go to Muon, stacked by shape so that one iteration serves all; embeddings, norms and the
    self-conditioning block go to AdamW. With `muon` false the matrices go to an AdamW of their own.
    """

    def __init__(self, network: nn.Module, matrix_rate: float, other_rate: float, muon: bool = True) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, parameter in network.named_parameters():
            (matrices if parameter.ndim == 2 and name.startswith("layers.") else others).append(parameter)
        self._groups: dict[tuple[int, ...], list[nn.Parameter]] = {}
        for parameter in matrices:
            self._groups.setdefault(tuple(parameter.shape), []).append(parameter)
        self._masters = {shape: _stack(group) for shape, group in self._groups.items()}
        self._momenta = {shape: torch.zeros_like(master) for shape, master in self._masters.items()}
        self._others, self._other_masters = others, [p.detach().float().clone() for p in others]
        self._adam = _adam(self._other_masters, other_rate, 0.0)
        self._matrix_rate, self._other_rate = matrix_rate, other_rate
        self._matrix_adam = None if muon else _adam(list(self._masters.values()), matrix_rate, _WEIGHT_DECAY)

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Apply the gradients with both learning rates multiplied by `scale`, and clear them."""
        if self._matrix_adam is None:
            self._step_muon(self._matrix_rate * scale)
        else:
            for shape, group in self._groups.items():
                self._masters[shape].grad = _stack(parameter.grad for parameter in group)
            _step(self._matrix_adam, self._matrix_rate * scale)
        for parameter, master in zip(self._others, self._other_masters, strict=True):
            master.grad = torch.zeros_like(master) if parameter.grad is None else parameter.grad.float()
        _step(self._adam, self._other_rate * scale)
        self._write_back()

    def _step_muon(self, rate: float) -> None:
        for shape, group in self._groups.items():
            gradient, momentum = _stack(parameter.grad for parameter in group), self._momenta[shape]
            momentum.mul_(_MOMENTUM).add_(gradient, alpha=1 - _MOMENTUM)
            update = orthogonalise(gradient.lerp(momentum, _MOMENTUM)) * max(1, shape[0] / shape[1]) ** 0.5
            self._masters[shape].mul_(1 - rate * _WEIGHT_DECAY).add_(update, alpha=-rate)

    def _write_back(self) -> None:
        """Write the working weights from the masters, and clear the gradients."""
        for shape, group in self._groups.items():
            for parameter, master in zip(group, self._masters[shape], strict=True):
                parameter.copy_(master)
                parameter.grad = None
        for parameter, master in zip(self._others, self._other_masters, strict=True):
            parameter.copy_(master)
            parameter.grad = None

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs to go on exactly."""
        matrix_adam = {"matrix_adam": self._matrix_adam.state_dict()} if self._matrix_adam else {}
        return {
            "masters": self._masters,
            "momenta": self._momenta,
            "other_masters": self._other_masters,
            "adam": self._adam.state_dict(),
            **matrix_adam,
        }

    def light_state(self) -> dict[str, Any]:
        """Return the weights alone, in bfloat16: `restore` goes on from them without momentum."""
        return {
            "masters": {shape: master.bfloat16() for shape, master in self._masters.items()},
            "other_masters": [master.bfloat16() for master in self._other_masters],
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state, whole or light; the working weights are written from the masters."""
        for name, own in (("masters", self._masters), ("momenta", self._momenta)):
            for shape, tensor in state.get(name, {}).items():
                own[shape].copy_(tensor)
        for own_master, master in zip(self._other_masters, state["other_masters"], strict=True):
            own_master.copy_(master)
        for name, adam in (("adam", self._adam), ("matrix_adam", self._matrix_adam)):
            if adam is not None and name in state:
                adam.load_state_dict(state[name])
        self._write_back()


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Return roughly the nearest semi-orthogonal matrices [N, rows, columns], by Newton-Schulz iterations."""
    a, b, c = _NEWTON_SCHULZ
    x: Tensor = (matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if tall else x).float()


def _stack(tensors: Iterable[Tensor | None]) -> Tensor:
    return torch.stack([tensor.detach().float() for tensor in tensors if tensor is not None])


def _adam(masters: list[Tensor], rate: float, weight_decay: float) -> torch.optim.AdamW:
    return torch.optim.AdamW(masters, rate, betas=(0.9, 0.97), weight_decay=weight_decay)


def _step(adam: torch.optim.AdamW, rate: float) -> None:
    for settings in adam.param_groups:
        settings["lr"] = rate
    adam.step()
