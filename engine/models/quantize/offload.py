"""Experts that stay in the machine's memory and come to the device for each product, where a model is too large for it.

A copy of a layer's experts lives on the device for as long as that layer is computed. It knows no precision.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


class HostExperts(nn.Module):
    """Stands for a module of experts whose tensors are on the host; computes where its input is."""

    def __init__(self, experts: nn.Module) -> None:
        super().__init__()
        self.experts = experts

    def forward(self, hidden_states: Tensor, *rest: Tensor) -> Tensor:
        """Compute as the experts do: hidden_states [N, H] -> [N, H]."""
        held = chain(self.experts.named_parameters(), self.experts.named_buffers())
        lent = {name: tensor.to(hidden_states.device, non_blocking=True) for name, tensor in held}
        product: Tensor = functional_call(self.experts, lent, (hidden_states, *rest))
        return product


def keep_on_host(model: Any, device: torch.device, layers: Collection[int]) -> None:
    """Wrap the experts of some layers of a model that is filled, wherever these are used."""
    pinned: dict[int, Tensor] = {}
    for path, module in list(model.named_modules(remove_duplicate=False)):
        if any(f".layers.{layer}." in f"{path}." for layer in layers) and hasattr(module, "experts"):
            if device.type == "cuda":
                _pin(module.experts, pinned)
            module.experts = HostExperts(module.experts)


def _pin(experts: nn.Module, pinned: dict[int, Tensor]) -> None:
    """Lock the memory in its place, so that copies are quick and may overlap with work; shared tensors stay shared."""
    for module in experts.modules():
        for held in (module._parameters, module._buffers):
            for name, tensor in held.items():
                # A pinned one is ours, and may have the id of one that is gone.
                if tensor is None or tensor.is_pinned():
                    continue
                if id(tensor) not in pinned:
                    data = tensor.detach().pin_memory()
                    pinned[id(tensor)] = nn.Parameter(data, False) if isinstance(tensor, nn.Parameter) else data
                held[name] = pinned[id(tensor)]  # type: ignore[assignment]
