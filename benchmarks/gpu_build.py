"""Models of given shapes with random weights, made where they run: no weight ever passes through the host's memory.

Speed does not depend on the values, but what must be finite is, and the router spreads tokens over its experts as
random networks do. A quantised weight is drawn and quantised for real once for each shape; further layers hold copies
of their own, which take as much memory and as many reads.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models.quantize.build import put
from engine.models.quantize.empty import empty_model
from engine.models.quantize.modules import prepare_modules
from engine.models.quantize.packing import Packed
from engine.models.quantize.parts import Part, parts_of
from engine.models.quantize.precision import Format, Precision
from engine.models.quantize.scales import quantized_as

_STD = 0.02


@torch.no_grad()
def random_model(config: Any, precision: Precision, device: torch.device, dtype: torch.dtype, seed: int = 0) -> Any:
    """Return the model of a configuration in evaluation mode on a device, its weights random."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config.save_pretrained(folder)
        (folder / "none.safetensors").touch()  # A folder without weights would be refused; they are not read.
        model = empty_model(folder, dtype)
    generator = torch.Generator(device).manual_seed(seed)
    made: dict[tuple[tuple[int, ...], Format], Packed] = {}
    for part in parts_of(model, prepare_modules(model, precision)):
        if part.weight is None or part.format is None:
            put(model, part, _drawn(part, device, dtype, generator))
            continue
        key = (part.shape, part.format)
        if key in made:
            part.weight.fill(_copied(made[key]))
        else:
            # In the type of the weights, 1 GB for a layer's experts, and given back before the next one is drawn.
            made[key] = quantized_as(_normal(part.shape, device, dtype, generator), part.format)
            part.weight.fill(made[key])
    model.to(device)  # What is computed and not drawn: rotations and the embedding's scale.
    missing = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    if missing:
        raise RuntimeError(f"{missing[:3]} were not made")
    return model


def _drawn(part: Part, device: torch.device, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Return a matrix of small random numbers, or ones: norms and scales."""
    if len(part.shape) < 2:
        return torch.ones(part.shape, dtype=dtype, device=device)
    return _normal(part.shape, device, dtype, generator)


def _normal(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=device).normal_(0.0, _STD, generator=generator)


def _copied(packed: Packed) -> Packed:
    return Packed(packed.codes.clone(), packed.scales.clone(), None if packed.zeros is None else packed.zeros.clone())
