"""The training run: next-token learning first, denoising on top, by the clock, with checkpoints it can go on from.

It runs anywhere that torch runs; the working weights are bfloat16, and no gradient is ever kept in less than float32
where it is summed up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training import pack
from engine.training.holes import Batch, HoleSampler, Sizes
from engine.training.network import Network, Shape
from engine.training.objective import head_loss
from engine.training.optimizer import Optimizer

_SAVE_SECONDS, _REPORT_SECONDS = 300.0, 20.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is: sizes, rates and how the time is divided."""

    shape: Shape = field(default_factory=Shape)
    sizes: Sizes = field(default_factory=Sizes)
    seconds: float = 6000.0
    max_steps: int | None = None  # the run ends here if the time does not end it first
    causal_share: float = 0.45  # of the run, spent on next-token learning alone
    causal_windows: int = 16
    matrix_rate: float = 0.02
    other_rate: float = 0.003
    warm_up_share: float = 0.02
    decay_share: float = 0.4
    seed: int = 0
    device: str = "cpu"

    def progress(self, seconds: float, step: int) -> float:
        """Return how much of the run is done, in [0, 1]: by the clock, or by steps where those end it first."""
        return min(1.0, max(seconds / self.seconds, step / self.max_steps if self.max_steps else 0.0))

    def rate_scale(self, progress: float) -> float:
        """Return the learning rates' factor at `progress` in [0, 1]: warm up, hold, then fall linearly."""
        falling = (1 - progress) / self.decay_share
        return max(0.02, min(1.0, 0.05 + progress / self.warm_up_share, falling))


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a run's log: losses in nats a token, smoothed."""

    seconds: float
    step: int
    positions: int
    causal_loss: float
    denoising_loss: float
    held_out_causal_loss: float | None = None
    held_out_denoising_loss: float | None = None


def train(recipe: Recipe, data: Path, output: Path) -> Iterator[Progress]:
    """Train for the recipe's seconds, continuing from `output/state.pt` when it is there.

    Args: data holds `train.npz`, `held_out.npz` and `tokenizer.json`; output receives `state.pt` and `log.jsonl`.
    Yields: a line of progress every few seconds; the last one is the run's end, already saved.
    """
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
    network = Network(recipe.shape).to(recipe.device, torch.bfloat16)
    optimizer = Optimizer(network, recipe.matrix_rate, recipe.other_rate)
    spent, step, positions = _restore(output / "state.pt", optimizer)
    sampler = HoleSampler(pack.load(data / "train.npz"), tokenizer, recipe.sizes, recipe.seed + step)
    judge = _held_out_batches(data, tokenizer, recipe)
    begun, reported, saved = time.monotonic() - spent, spent, spent
    causal_mean, denoising_mean = _Smooth(), _Smooth()
    while (progress := recipe.progress(spent := time.monotonic() - begun, step)) < 1:
        if progress < recipe.causal_share:
            ids = torch.from_numpy(sampler.windows(recipe.causal_windows, recipe.sizes.prefix_length + 1))
            causal, denoising = _causal_loss(network, ids.to(recipe.device)), None
            loss, count = causal, ids.numel()
        else:
            batch = sampler.batch()
            causal, denoising = losses(network, batch)
            loss, count = causal + denoising, batch.prefix_ids.size + batch.canvas_ids.size
            denoising_mean.add(denoising)
        causal_mean.add(causal)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(recipe.rate_scale(progress))
        step, positions = step + 1, positions + count
        if spent - reported > _REPORT_SECONDS:
            reported = spent
            yield _log(output, Progress(spent, step, positions, causal_mean.value, denoising_mean.value))
        if spent - saved > _SAVE_SECONDS:
            saved = spent
            _save(output / "state.pt", recipe, optimizer, spent, step, positions)
            yield _log(
                output,
                Progress(spent, step, positions, causal_mean.value, denoising_mean.value, *_judge(network, judge)),
            )
    _save(output / "state.pt", recipe, optimizer, spent, step, positions)
    yield _log(
        output, Progress(spent, step, positions, causal_mean.value, denoising_mean.value, *_judge(network, judge))
    )


def losses(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the next-token loss of the windows and the denoising loss of the canvases, each a mean in nats a token."""
    device = network.embedding.device
    prefix, starts, targets, canvas, weights = (
        torch.from_numpy(array).to(device)
        for array in (batch.prefix_ids, batch.starts, batch.target_ids, batch.canvas_ids, batch.weights)
    )
    hidden, cache = network.encode(prefix)
    causal = _next_token_loss(network, hidden, prefix)
    rows = weights > 0  # The head runs on the rows that are asked for alone.
    decoded = network.decode(canvas, starts, cache)[rows]
    return causal, head_loss(decoded, network.embedding, targets[rows], weights[rows])


def _causal_loss(network: Network, ids: Tensor) -> Tensor:
    hidden, _ = network.encode(ids)
    return _next_token_loss(network, hidden, ids)


def _next_token_loss(network: Network, hidden: Tensor, ids: Tensor) -> Tensor:
    rows, targets = hidden[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    return head_loss(rows, network.embedding, targets, torch.ones(len(rows), device=rows.device))


def _held_out_batches(data: Path, tokenizer: Tokenizer, recipe: Recipe) -> list[Batch]:
    sampler = HoleSampler(pack.load(data / "held_out.npz"), tokenizer, recipe.sizes, seed=5)
    return [sampler.batch() for _ in range(6)]


@torch.no_grad()
def _judge(network: Network, batches: list[Batch]) -> tuple[float, float]:
    rows = torch.tensor([[float(loss) for loss in losses(network, batch)] for batch in batches]).mean(0)
    return float(rows[0]), float(rows[1])


def _restore(path: Path, optimizer: Optimizer) -> tuple[float, int, int]:
    if not path.exists():
        return 0.0, 0, 0
    state = torch.load(path, weights_only=True)
    optimizer.restore(state["optimizer"])
    return state["seconds"], state["step"], state["positions"]


def _save(path: Path, recipe: Recipe, optimizer: Optimizer, seconds: float, step: int, positions: int) -> None:
    """Write beside and rename, so that a run killed while saving keeps the older state."""
    state = {"optimizer": optimizer.state(), "seconds": seconds, "step": step, "positions": positions}
    torch.save({**state, "shape": asdict(recipe.shape)}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


def _log(output: Path, progress: Progress) -> Progress:
    with (output / "log.jsonl").open("a") as log:
        log.write(json.dumps(asdict(progress)) + "\n")
    return progress


class _Smooth:
    """A running mean that forgets over about fifty steps."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, value: Tensor) -> None:
        self._sum = 0.98 * self._sum + 0.02 * float(value.detach())
        self._weight = 0.98 * self._weight + 0.02

    @property
    def value(self) -> float:
        return self._sum / self._weight if self._weight else float("nan")
