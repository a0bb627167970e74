"""What a recipe will cost, before it is run: parameters, arithmetic, memory, steps and time.

Arithmetic and activations are counted, not estimated: a real step is taken with tensors that have shapes and no
contents. Compiling saves some of the activations, so that the figure is an upper bound there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from engine.training.losses import Asked, causal_loss, joint_losses
from engine.training.network import Network
from engine.training.recipes import Recipe

_Size = torch.Size
# Of one parameter: working weight and gradient in bfloat16; master, Muon's momentum or Adam's two moments in float32.
_WEIGHT_BYTES, _GRADIENT_BYTES, _MATRIX_STATE_BYTES, _OTHER_STATE_BYTES = 2, 2, 8, 12


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe's costs at a given speed."""

    parameters: int
    light_state_bytes: int
    weight_bytes: int  # working weights and gradients
    optimizer_bytes: int
    activation_bytes: int  # kept between the passes forward and back of a joint step
    causal_positions: int  # of a step
    joint_positions: int
    flops_per_position: float  # of a joint step, both ways
    positions: float  # of the whole run
    causal_steps: int
    joint_steps: int


def plan(recipe: Recipe, flops_per_second: float) -> Plan:
    """Return what the recipe costs when the machine does so many useful operations a second all the time."""
    parameters = _parameters(recipe)
    matrices = sum(size for name, size in parameters.items() if name.startswith("layers.") and "norm" not in name)
    total = sum(parameters.values())
    causal_rate, joint_rate = (flops_per_second / flops_per_position(recipe, joint=joint) for joint in (False, True))
    causal_positions = recipe.seconds * recipe.causal_share * causal_rate
    joint_positions = recipe.seconds * (1 - recipe.causal_share) * joint_rate
    return Plan(
        parameters=total,
        light_state_bytes=2 * total,
        weight_bytes=(_WEIGHT_BYTES + _GRADIENT_BYTES) * total,
        optimizer_bytes=_MATRIX_STATE_BYTES * matrices + _OTHER_STATE_BYTES * (total - matrices),
        activation_bytes=activation_bytes(recipe),
        causal_positions=recipe.causal_positions,
        joint_positions=recipe.joint_positions,
        flops_per_position=flops_per_position(recipe, joint=True),
        positions=causal_positions + joint_positions,
        causal_steps=int(causal_positions / recipe.causal_positions),
        joint_steps=int(joint_positions / recipe.joint_positions),
    )


def flops_per_position(recipe: Recipe, joint: bool) -> float:
    """Return the operations of a position, forward and back, multiply and add counted apart."""
    return _flops_per_position(_what_costs(recipe), joint)


def activation_bytes(recipe: Recipe) -> int:
    """Return what a joint step keeps from the pass forward for the pass back, weights left out."""
    return _activation_bytes(_what_costs(recipe))


def _what_costs(recipe: Recipe) -> Recipe:
    """Return the recipe without what changes no step's cost, so that a cost is counted once."""
    return Recipe(recipe.shape, recipe.sizes, causal_windows=recipe.causal_windows, asked_share=recipe.asked_share)


@cache
def _flops_per_position(recipe: Recipe, joint: bool) -> float:
    small = _few_windows(recipe, 2)
    with FakeTensorMode(), FlopCounterMode(display=False, custom_mapping=_ATTENTION) as counter:
        loss = (_joint_loss if joint else _causal_loss)(_network(small), small)
        loss.backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) / (small.joint_positions if joint else small.causal_positions)


@cache
def _activation_bytes(recipe: Recipe) -> int:
    kept = [_kept_bytes(_few_windows(recipe, count)) for count in (2, 4)]
    a_window = (kept[1] - kept[0]) / 2
    return int(kept[0] + (recipe.sizes.windows - 2) * a_window)


def _kept_bytes(recipe: Recipe) -> int:
    with FakeTensorMode():
        return kept_bytes(lambda network: _joint_loss(network, recipe), _network(recipe))


def kept_bytes(loss: Callable[[Network], Tensor], network: Network) -> int:
    """Return the bytes that `loss(network)` keeps for the pass back, each memory counted once, weights left out."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = loss(network)
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    sizes = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in kept}
    del result
    return sum(size for storage, size in sizes.items() if storage not in own)


def _joint_loss(network: Network, recipe: Recipe) -> Tensor:
    """Return the loss of a joint step over tensors of zeros."""
    sizes = recipe.sizes
    count = sizes.windows * sizes.canvases
    rows = int(recipe.asked_share * count * sizes.canvas_length)
    asked = Asked(
        prefix=_zeros(sizes.windows, sizes.prefix_length),
        starts=_zeros(count),
        canvas=_zeros(count, sizes.canvas_length),
        rows=_zeros(rows),
        targets=_zeros(rows),
        weights=torch.zeros(rows, dtype=torch.float32),
    )
    causal, denoising = joint_losses(network, asked)
    return causal + denoising


def _causal_loss(network: Network, recipe: Recipe) -> Tensor:
    return causal_loss(network, _zeros(recipe.causal_windows, recipe.sizes.prefix_length))


def _network(recipe: Recipe) -> Network:
    """Return a bfloat16 network; tensors without contents cannot be converted once they are made."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        return Network(recipe.shape)
    finally:
        torch.set_default_dtype(default)


def _attention(query: _Size, key: _Size, value: _Size, dropout: float = 0.0, causal: bool = False, **rest: Any) -> int:
    return int(sdpa_flop_count(query, key, value)) // (2 if causal else 1)  # type: ignore[no-untyped-call]


def _attention_back(
    gradient: _Size,
    query: _Size,
    key: _Size,
    value: _Size,
    out: _Size,
    sums: _Size,
    dropout: float,
    causal: bool,
    **rest: Any,
) -> int:
    return int(sdpa_backward_flop_count(gradient, query, key, value)) // (2 if causal else 1)  # type: ignore[no-untyped-call]


# The counter does not know the CPU's attention, which is what is counted here.
_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_back,
}


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64)


def _few_windows(recipe: Recipe, count: int) -> Recipe:
    return replace(recipe, sizes=replace(recipe.sizes, windows=count), causal_windows=count)


def _parameters(recipe: Recipe) -> dict[str, int]:
    with FakeTensorMode():
        return {name: parameter.numel() for name, parameter in Network(recipe.shape).named_parameters()}
