"""Train a checkpoint on: small rates, the clock, an early stop by held-out loss, and the best weights kept.

It knows token ids and a network; no files of a user, no folders, no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training.holes import Batch, HoleSampler
from engine.training.losses import losses
from engine.training.network import Network
from engine.training.optimizer import Optimizer


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how boldly. The rates are a fraction of those that the base was made with."""

    seconds: float = 600.0
    max_steps: int | None = None  # the training ends here if the time does not end it first
    matrix_rate: float = 0.004
    other_rate: float = 0.0006
    warm_up_share: float = 0.05
    judgements: int = 12  # how often the held-out files are asked on the way
    steps_between: int = 5  # at least, so that a slow machine does not spend its time on judging
    patience: int = 3  # so many judgements in a row without a gain end the training

    def progress(self, seconds: float, step: int) -> float:
        """Return how much is done, in [0, 1]: by the clock, or by steps where those end it first."""
        return min(1.0, max(seconds / self.seconds, step / self.max_steps if self.max_steps else 0.0))

    def rate_scale(self, progress: float) -> float:
        """Return the rates' factor at `progress` in [0, 1]: a short warm-up, then linearly down."""
        return max(0.02, min(0.1 + progress / self.warm_up_share, 1.0 - progress))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the held-out files said, and when: the denoising loss is a mean in nats a token."""

    seconds: float
    step: int
    held_out_loss: float


def fit(
    network: Network,
    sampler: HoleSampler,
    held_out: Sequence[Batch],
    plan: Plan,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Judgement]:
    """Train the network, yielding every judgement; at the end it has the weights that were judged best.

    The first judgement is of the network as it came, so what is no gain is undone. `is_stopped` is asked before every
    step and ends the training early.
    """
    begun = time.monotonic()
    best_loss, best = held_out_loss(network, held_out), _copied(network)
    yield Judgement(0.0, 0, best_loss)
    optimizer = Optimizer(network, plan.matrix_rate, plan.other_rate)
    step = judged_step = fruitless = 0
    judged = progress = 0.0
    while progress < 1 and fruitless < plan.patience and not is_stopped():
        causal, denoising = losses(network, sampler.batch())
        (causal + denoising).backward()  # type: ignore[no-untyped-call]
        optimizer.step(plan.rate_scale(progress))
        step += 1
        progress = plan.progress(time.monotonic() - begun, step)
        is_due = progress - judged >= 1 / plan.judgements and step - judged_step >= plan.steps_between
        if is_due or progress >= 1:
            judged, judged_step = progress, step
            loss = held_out_loss(network, held_out)
            fruitless = 0 if loss < best_loss else fruitless + 1
            if loss < best_loss:
                best_loss, best = loss, _copied(network)
            yield Judgement(time.monotonic() - begun, step, loss)
    if step > judged_step and (loss := held_out_loss(network, held_out)) < best_loss:
        best = _copied(network)
        yield Judgement(time.monotonic() - begun, step, loss)
    network.load_state_dict(best)


@torch.no_grad()
def held_out_loss(network: Network, batches: Sequence[Batch]) -> float:
    """Return the mean denoising loss of the batches, in nats a token."""
    return sum(float(losses(network, batch)[1]) for batch in batches) / len(batches)


def _copied(network: Network) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in network.state_dict().items()}
