"""What weights are multiplied with: second moments of their inputs, collected while a model runs.

It knows linear layers and fused experts, and whose parameters they are by name. It does not know what is read, nor what
becomes of the moments, but for the factor that error feedback takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.quantize.experts import are_fused_experts
from engine.models.quantize.feedback import factor_of

Weights = Callable[[str, int], Tensor]
"""Returns one expert's part of a module's weight, by the weight's own name and the expert's number."""


@dataclass(eq=False, slots=True)
class _Moments:
    """Of inputs that meet all rows of a weight: their squares' sum [K, K] float32."""

    square: Tensor
    num_inputs: int


@dataclass(eq=False, slots=True)
class _Routed:
    """Inputs of which each meets one expert's rows: [M, K] bfloat16 of each expert, and how many tokens there were.

    A sum of squares for each of a hundred experts would be ten times as large.
    """

    inputs: list[Tensor]
    num_tokens: int


class Seen:
    """The moments of a model's weights, by the names of its parameters."""

    def __init__(
        self, weights: Iterable[Sequence[str]] = (), whole: Callable[[Seen, Sequence[str]], None] | None = None
    ) -> None:
        """Begin with nothing.

        `whole` is called for each of the weights, given by all names of each, when it was seen under all of them; what
        was seen of it is forgotten after that.
        """
        self._found: dict[str, _Moments | _Routed] = {}
        self._latest: tuple[Tensor, _Moments] | None = None
        self._factor: tuple[Sequence[str], Tensor] | None = None
        self._weights, self._whole = {name: names for names in weights for name in names}, whole
        self.is_told = False  # while `whole` is at work, whose errors are its own

    def factor(self, names: Sequence[str], first: int, count: int, device: torch.device | str) -> Tensor | None:
        """Return what error feedback needs for a weight with these names, or for `count` experts of it from `first` on.

        Shapes: [K, K], or [count, K, K] where each expert has inputs of its own; None where none were seen. What is
        known under several names counts by halves, however much was read under each.
        """
        found = [self._found[name] for name in names if name in self._found]
        if not found:
            return None
        routed = [each for each in found if isinstance(each, _Routed)]
        if routed:
            return torch.stack([_expert_factor(routed, expert, device) for expert in range(first, first + count)])
        if self._factor is None or self._factor[0] != names:  # Of a large weight the next rows follow.
            shared = [each for each in found if isinstance(each, _Moments)]
            square = sum((each.square.to(device) / each.num_inputs for each in shared), torch.zeros((), device=device))
            self._factor = names, factor_of(square, sum(each.num_inputs for each in shared))
        return self._factor[1]

    def add(self, name: str, inputs: Tensor) -> None:
        """Count what a weight met: inputs [..., K]."""
        # Gates and ups read the same tensor.
        if self._latest is None or self._latest[0] is not inputs:
            rows = inputs.reshape(-1, inputs.shape[-1]).float()
            self._latest = inputs, _Moments((rows.T @ rows).cpu(), len(rows))
        moments, known = self._latest[1], self._found.get(name)
        if isinstance(known, _Moments):
            moments = _Moments(known.square + moments.square, known.num_inputs + moments.num_inputs)
        self._found[name] = moments
        self._after(name)

    def add_routed(self, name: str, inputs: Sequence[Tensor], num_tokens: int) -> None:
        """Count what each expert's rows met: [M, K] of each, of so many tokens in all. A name is counted once."""
        self._found[name] = _Routed([each.to(torch.bfloat16).cpu() for each in inputs], num_tokens)
        self._after(name)

    def forget_latest(self) -> None:
        """Let go of the tensors that were needed last."""
        self._latest = self._factor = None

    def _after(self, name: str) -> None:
        names = self._weights.get(name)
        if names is not None and self._whole is not None and all(each in self._found for each in names):
            self.is_told = True
            self._whole(self, names)
            self.is_told, self._factor = False, None
            for each in names:
                del self._found[each]


@contextmanager
def watched(model: nn.Module, names: Collection[str], seen: Seen) -> Iterator[None]:
    """While open, collect what the named weights of a model are multiplied with.

    Fused experts run one after the other, on `module.lent_expert` (`Weights`) where there is one.
    """
    hooks, changed = [], []
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, nn.Linear) and f"{path}.weight" in names:
            hooks.append(module.register_forward_pre_hook(_of_linear(seen, f"{path}.weight")))
        elif are_fused_experts(module) and module not in changed:
            is_named = f"{path}.gate_up_proj" in names
            module.forward = _of_experts(module, path, seen if is_named else None)
            changed.append(module)
    try:
        yield
    finally:
        seen.forget_latest()
        for hook in hooks:
            hook.remove()
        for module in changed:
            del module.forward


def _of_linear(seen: Seen, name: str) -> Any:
    return lambda module, inputs: seen.add(name, inputs[0])


def _of_experts(module: Any, path: str, seen: Seen | None) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    weights: Weights = getattr(module, "lent_expert", lambda name, expert: getattr(module, name)[expert])

    def forward(hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        total, met = torch.zeros_like(hidden_states), []
        for expert in range(len(module.down_proj)):
            tokens, choice = torch.where(top_k_index == expert)
            gate_up = weights("gate_up_proj", expert)
            gate, up = F.linear(hidden_states[tokens], gate_up).chunk(2, dim=-1)
            inner = module.act_fn(gate) * up * top_k_weights[tokens, choice, None].to(up.dtype)
            total.index_add_(0, tokens, F.linear(inner, weights("down_proj", expert)).to(total.dtype))
            met.append(inner)
        if seen is not None:
            seen.add(f"{path}.gate_up_proj", hidden_states)
            seen.add_routed(f"{path}.down_proj", met, len(hidden_states))
        return total

    return forward


def _expert_factor(found: Sequence[_Routed], expert: int, device: torch.device | str) -> Tensor:
    size, num_inputs = found[0].inputs[0].shape[-1], sum(len(each.inputs[expert]) for each in found)
    square = torch.zeros(size, size, device=device)
    for each in found:
        rows = each.inputs[expert].to(device).float()
        square += rows.T @ rows / each.num_tokens
    return factor_of(square, num_inputs)
