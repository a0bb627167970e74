"""What an empty model is made of, part by part: which names a weight has, its shape, and how it is kept.

A part is a weight or a persistent buffer, once, however many modules share it. It knows names and shapes; no tensor of
it holds memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.models.quantize.modules import Slot, Swapped
from engine.models.quantize.packing import Packed
from engine.models.quantize.precision import Format
from engine.models.quantize.weight import QuantWeight


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A tensor of the model. `names` are those that a checkpoint may have it under, the first one is ours."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    format: Format | None  # None: it is kept as it is
    weight: QuantWeight | None = None  # to be filled, where there is a format

    @property
    def name(self) -> str:
        """Return the name that it is stored under."""
        return self.names[0]

    def tensors(self) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
        """Return types and shapes of the tensors that a quantised part is stored as, by their names."""
        assert self.weight is not None
        return {
            f"{self.name}.{kind}": (tensor.dtype, tuple(tensor.shape)) for kind, tensor in pieces_of(self.weight.packed)
        }


def pieces_of(packed: Packed) -> list[tuple[str, Tensor]]:
    """Return the tensors of a quantised matrix with what each is called."""
    pieces = [("codes", packed.codes), ("scales", packed.scales)]
    return pieces if packed.zeros is None else [*pieces, ("zeros", packed.zeros)]


def packed_from(tensors: Mapping[str, Tensor]) -> Packed:
    """Put together what `pieces_of` took apart."""
    return Packed(tensors["codes"], tensors["scales"], tensors.get("zeros"))


def parts_of(model: nn.Module, swapped: Swapped) -> list[Part]:
    """Return the parts of a prepared model: quantised weights first, then what is kept, in the order of the model."""
    parts = [_quantised(slot) for slot in swapped.slots]
    within = {id(tensor) for slot in swapped.slots for tensor in slot.weight.buffers()}
    kept: dict[int, tuple[list[str], Tensor]] = {}
    for name, tensor in _persistent(model):
        if id(tensor) not in within:
            kept.setdefault(id(tensor), ([], tensor))[0].append(name)
    return parts + [Part(tuple(names), tuple(tensor.shape), None) for names, tensor in kept.values()]


def _quantised(slot: Slot) -> Part:
    return Part(slot.names, slot.weight.shape, slot.format, slot.weight)


def _persistent(model: nn.Module) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = list(model.named_parameters(remove_duplicate=False))
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                found.append((f"{prefix}.{name}" if prefix else name, buffer))
    return found
