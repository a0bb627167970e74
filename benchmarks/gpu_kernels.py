"""Products with quantised weights on their own, at a layer's true shapes: do kernels equal the reference, what do they
cost, from how many rows on is a whole weight cheaper, and which tiles are best.

Answers the estimates in `engine.models.quantize.product` and `.kernels.shapes`. On a CPU there are no kernels: the
reference is compared with itself, which shows that the benchmark runs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu_clock import Clock
from benchmarks.gpu_shapes import Shapes
from engine.models.quantize.packing import Packed
from engine.models.quantize.precision import Precision, format_of
from engine.models.quantize.product import expert_product, linear_product
from engine.models.quantize.reference import reference_expert_product, reference_linear, row_parts
from engine.models.quantize.scales import quantized_as

LINEAR_ROWS = (1, 32, 64, 128, 256, 512, 1024)
# Rows, outputs, warps and loads in flight of both products of experts.
TILES = ((16, 64, 4, 4), (16, 128, 4, 4), (32, 64, 4, 4), (32, 128, 4, 3), (64, 64, 4, 3), (64, 128, 8, 3))
_ACTIVATION = nn.GELU(approximate="tanh")


class Layer:
    """One layer's experts and one of its linear layers, quantised, with inputs for them."""

    @torch.inference_mode()
    def __init__(self, shapes: Shapes, precision: Precision, clock: Clock, dtype: torch.dtype) -> None:
        self.shapes, self.clock, self.dtype = shapes, clock, dtype
        self._generator = torch.Generator(clock.device).manual_seed(0)
        experts, inner, hidden = shapes.experts, shapes.expert_inner, shapes.hidden
        self.gate_up = self._packed("experts.gate_up_proj", (experts, 2 * inner, hidden), precision)
        self.down = self._packed("experts.down_proj", (experts, hidden, inner), precision)
        self.linear = self._packed("mlp.up_proj.weight", (shapes.inner, hidden), precision)

    def tokens(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return inputs [N, H], the experts of each and their weights [N, k]: random, none twice."""
        chances = torch.rand(count, self.shapes.experts, generator=self._generator, device=self.clock.device)
        weights, index = chances.topk(self.shapes.top_k, dim=-1)
        return self.rows(count), index, weights / weights.sum(dim=-1, keepdim=True)

    def rows(self, count: int) -> Tensor:
        """Return inputs [N, H]."""
        x = torch.randn(count, self.shapes.hidden, generator=self._generator, device=self.clock.device)
        return x.to(self.dtype)

    def _packed(self, name: str, shape: tuple[int, ...], precision: Precision) -> Packed:
        format = format_of(f"layers.0.{name}", shape, precision)
        assert format is not None, "a quantised precision"
        weight = torch.randn(shape, generator=self._generator, device=self.clock.device, dtype=self.dtype)
        return quantized_as(weight.mul_(0.02), format)


@torch.inference_mode()
def check(layer: Layer, count: int) -> dict[str, Any]:
    """Return how far the products are from the reference: the norm of the difference over that of the reference."""
    hidden, index, weights = layer.tokens(count)
    arguments = (hidden, index, weights, layer.gate_up, layer.down, _ACTIVATION)
    experts = _difference(expert_product(*arguments), reference_expert_product(*arguments))
    linear = _difference(linear_product(hidden, layer.linear), reference_linear(hidden, layer.linear))
    return {"row": "check", "tokens": count, "experts_difference": experts, "linear_difference": linear}


@torch.inference_mode()
def time_experts(layer: Layer, count: int, repeats: int) -> dict[str, Any]:
    """Time the product with experts, and say which bytes it reads at least."""
    hidden, index, weights = layer.tokens(count)
    took = layer.clock.each(
        lambda: expert_product(hidden, index, weights, layer.gate_up, layer.down, _ACTIVATION), repeats, warm_ups=3
    )
    return {"row": "experts", "tokens": count, "timing": took.as_json(), "bytes": _bytes_hit(layer, index)}


@torch.inference_mode()
def time_linear(layer: Layer, count: int, repeats: int) -> dict[str, Any]:
    """Time a linear layer by its kernel and on a weight made whole."""
    x = layer.rows(count)
    found: dict[str, Any] = {"row": "linear", "rows": count, "bytes": layer.linear.num_bytes}
    for way, product in _linear_ways(layer.clock.device).items():
        found[way] = layer.clock.each(partial(product, x, layer.linear), repeats, warm_ups=3).as_json()
    return found


@torch.inference_mode()
def time_tile(layer: Layer, count: int, tile: tuple[int, int, int, int], repeats: int) -> dict[str, Any]:
    """Time the product with experts at one size of tile; on a CPU there are none."""
    hidden, index, weights = layer.tokens(count)
    with ExitStack() as inside:
        if layer.clock.device.type == "cuda":
            from engine.models.quantize.kernels.shapes import Tile, tuned

            for kind in ("gated", "plain"):
                inside.enter_context(tuned(kind, Tile(*tile)))
        took = layer.clock.each(
            lambda: expert_product(hidden, index, weights, layer.gate_up, layer.down, _ACTIVATION), repeats, warm_ups=3
        )
    return {
        "row": "tile",
        "tokens": count,
        "tile": list(tile),
        "timing": took.as_json(),
        "bytes": _bytes_hit(layer, index),
    }


def _bytes_hit(layer: Layer, index: Tensor) -> float:
    total = layer.gate_up.num_bytes + layer.down.num_bytes
    return float(total * torch.unique(index).numel() / layer.shapes.experts)


def _linear_ways(device: torch.device) -> dict[str, Callable[[Tensor, Packed], Tensor]]:
    if device.type != "cuda":
        return {"kernel": linear_product}
    from engine.models.quantize.kernels.linear import linear_kernel
    from engine.models.quantize.kernels.whole import whole_weight

    def whole(x: Tensor, weight: Packed) -> Tensor:
        return torch.cat([F.linear(x, whole_weight(part, x.dtype)) for part in row_parts(weight)], dim=-1)

    return {"kernel": linear_kernel, "whole": whole}


def _difference(found: Tensor, wanted: Tensor) -> float:
    return float((found.float() - wanted.float()).norm() / wanted.float().norm())
