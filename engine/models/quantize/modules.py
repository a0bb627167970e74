"""Swap a model's linear layers, embeddings and fused experts for quantised ones, in place.

It walks modules of any transformers model and asks `engine.models.quantize.precision` by name. Weights that are shared
stay shared: encoder and decoder of the published classes hold one `QuantWeight`, as do a tied head and its embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.quantize.embedding import QuantEmbedding
from engine.models.quantize.experts import QuantExperts, are_fused_experts
from engine.models.quantize.linear import QuantLinear
from engine.models.quantize.precision import Format, Precision, format_of, last_layer_of
from engine.models.quantize.scales import quantized_as
from engine.models.quantize.seen import Seen
from engine.models.quantize.weight import QuantWeight


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A quantised weight in a model: what it is called as an unquantised one, by every module that shares it."""

    names: tuple[str, ...]  # of the parameter, as in `model.named_parameters()`
    format: Format
    weight: QuantWeight


@dataclass(frozen=True, slots=True)
class Swapped:
    """What was done to a model. Bytes are of parameters and buffers, shared ones once."""

    slots: tuple[Slot, ...]
    kept: tuple[str, ...]  # the names of the parameters that stay as they are
    bytes_before: int
    bytes_after: int

    @property
    def bits_per_weight(self) -> float:
        """Return what a quantised weight costs on average, scales and zeros included; 0 where there is none."""
        bits = sum(8 * slot.weight.packed.num_bytes for slot in self.slots)
        return bits / max(1, sum(torch.Size(slot.weight.shape).numel() for slot in self.slots))


def quantize_modules(model: nn.Module, precision: Precision, seen: Seen | None = None) -> Swapped:
    """Quantise a loaded model where it is, weight by weight: at most one is there in both forms.

    `seen` is what its weights are multiplied with, as `engine.models.quantize.calibration` finds it. At `bf16` nothing
    changes. Raises: ValueError for a weight that is not finite; the model is of no use then.
    """

    def made(names: Sequence[str], weight: Tensor, format: Format) -> QuantWeight:
        factor = None if seen is None else seen.factor(names, 0, len(weight), weight.device)
        return QuantWeight(quantized_as(weight, format, factor), weight.dtype)

    return _swap(model, precision, made)


def prepare_modules(model: nn.Module, precision: Precision, dtype: torch.dtype | None = None) -> Swapped:
    """Swap in quantised weights that hold no memory yet, in a model that may be on the meta device itself.

    Whoever loads it calls `slot.weight.fill` for each slot, and loads the kept parameters as ever. `dtype` is the type
    of the weights that are stood for; None: that of the model's parameters.
    """

    def made(names: Sequence[str], weight: Tensor, format: Format) -> QuantWeight:
        return QuantWeight.empty(weight.shape, format, dtype or weight.dtype)

    return _swap(model, precision, made)


def num_bytes(model: nn.Module) -> int:
    """Return what a model's parameters and buffers take, shared ones once; on the meta device what they would take."""
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return sum(tensor.nbytes for tensor in tensors.values())


@dataclass(slots=True, eq=False)
class _Use:
    """One module's use of a weight: the module, its place in the model, and which of its parameters the weight is."""

    parent: nn.Module
    child: str
    module: nn.Module
    parameter: str
    name: str
    format: Format | None  # None: this use needs the weight as it is


def names_in(model: nn.Module, precision: Precision) -> set[str]:
    """Return the names of the weights that are to be quantised, in a model whose modules are still its own."""
    return {use.name for use in _uses(model, precision) if use.format is not None}


_Made = Callable[[Sequence[str], Tensor, Format], QuantWeight]


def _swap(model: nn.Module, precision: Precision, made: _Made) -> Swapped:
    before = num_bytes(model)
    uses: dict[int, list[_Use]] = {}
    for use in _uses(model, precision):
        uses.setdefault(id(getattr(use.module, use.parameter)), []).append(use)
    slots = []
    half_swapped: dict[int, dict[str, QuantWeight]] = {}  # by module: of experts, whose two weights come in turn
    finished: dict[int, nn.Module] = {}  # by the module that was replaced: it may have several places itself
    while uses:
        shared = uses.pop(next(iter(uses)))
        first = shared[0]
        weight: Tensor = getattr(first.module, first.parameter)
        format = first.format
        if format is None or any(use.format != format for use in shared):
            continue
        names = tuple(use.name for use in shared)
        quantized = made(names, weight, format)
        del weight
        for use in shared:
            if id(use.module) not in finished:
                parts = half_swapped.setdefault(id(use.module), {})
                parts[use.parameter] = quantized
                setattr(use.module, use.parameter, None)  # Frees the original as soon as its last user has let go.
                replacement = _replacement(use.module, parts)
                if replacement is None:
                    continue
                finished[id(use.module)] = replacement
            setattr(use.parent, use.child, finished[id(use.module)])
        slots.append(Slot(names, format, quantized))
    kept = tuple(name for name, _ in model.named_parameters())
    return Swapped(tuple(slots), kept, before, num_bytes(model))


def _uses(model: nn.Module, precision: Precision) -> Iterator[_Use]:
    last_layer = last_layer_of(name for name, _ in model.named_parameters())
    for path, parent in model.named_modules(remove_duplicate=False):
        for child, module in parent.named_children():
            place = f"{path}.{child}" if path else child
            if isinstance(module, nn.Linear | nn.Embedding):
                name = f"{place}.weight"
                yield _Use(
                    parent, child, module, "weight", name, format_of(name, module.weight.shape, precision, last_layer)
                )
            elif are_fused_experts(module):
                found = {
                    name: format_of(f"{place}.{name}", getattr(module, name).shape, precision, last_layer)
                    for name in ("gate_up_proj", "down_proj")
                }
                for name, format in found.items():  # Both or none: they are one module.
                    yield _Use(parent, child, module, name, f"{place}.{name}", format if all(found.values()) else None)


def _replacement(module: Any, parts: dict[str, QuantWeight]) -> nn.Module | None:
    """Return what stands for a module from now on, or None while a weight of it is missing."""
    if isinstance(module, nn.Embedding):
        return QuantEmbedding(parts["weight"], module)
    if isinstance(module, nn.Linear):
        return QuantLinear(parts["weight"], module.bias)
    if len(parts) < 2:
        return None
    return QuantExperts(parts["gate_up_proj"], parts["down_proj"], module.act_fn)
