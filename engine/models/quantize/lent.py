"""Run a model that has no weights in memory: each module gets its tensors just before it runs, and gives them back.

Fused experts are too large for that: they get a function that reads one expert (`lent_expert`), and whoever runs them
calls it. It knows modules, parts and where their tensors are. It does not know what is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.quantize.experts import are_fused_experts
from engine.models.quantize.parts import Part
from engine.models.quantize.stream import Source


@contextmanager
def lent(
    model: nn.Module, source: Source, parts: Sequence[Part], device: torch.device, dtype: torch.dtype
) -> Iterator[None]:
    """While open, a model on the meta device runs on `device`, its weights in `dtype`: read anew at each call.

    At any time there is one module's tensors in memory. Raises (the model, when it runs): CheckpointError.
    """
    by_name = {name: part for part in parts for name in part.names}
    hooks = []
    for path, module in model.named_modules(remove_duplicate=False):
        for name, buffer in module.named_buffers(recurse=False):
            if not buffer.is_meta:
                module._buffers[name] = buffer.to(device)
        own = {**module._parameters, **module._buffers}
        wanted = {name: by_name[full] for name in own if (full := f"{path}.{name}") in by_name and _is_empty(own[name])}
        if are_fused_experts(module):
            module.lent_expert = _reading(wanted, source, device, dtype)
        elif wanted:
            hooks.append(module.register_forward_pre_hook(_taking(wanted, source, device, dtype)))
            hooks.append(module.register_forward_hook(_giving({name: own[name] for name in wanted}), always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _is_empty(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.is_meta


def _taking(wanted: Mapping[str, Part], source: Source, device: torch.device, dtype: torch.dtype) -> Any:
    def hook(module: nn.Module, args: object) -> None:
        for name, part in wanted.items():
            _put(module, name, source.whole(part, device, dtype))

    return hook


def _giving(empty: Mapping[str, Tensor | None]) -> Any:
    def hook(module: nn.Module, args: object, output: object) -> None:
        for name, tensor in empty.items():
            _put(module, name, tensor)

    return hook


def _reading(wanted: Mapping[str, Part], source: Source, device: torch.device, dtype: torch.dtype) -> Any:
    return lambda name, expert: source.some(wanted[name], expert).to(device, dtype)


def _put(module: nn.Module, name: str, tensor: Tensor | None) -> None:
    if name in module._buffers:
        module._buffers[name] = tensor
    else:
        assert tensor is not None
        module._parameters[name] = nn.Parameter(tensor, requires_grad=False)
