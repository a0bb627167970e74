"""The training run: next-token learning first, denoising on top, with states it can go on from.

It runs anywhere that torch runs; the working weights are bfloat16, and no gradient is ever kept in less than float32
where it is summed up. On an accelerator nothing waits for the device but the reports and every few steps.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.training import state, travel, weights
from engine.training.feed import feed
from engine.training.holes import Batch, HoleSampler
from engine.training.losses import Asked, Compiled, Passes, ask, causal_loss, joint_losses, losses
from engine.training.network import Network
from engine.training.optimizer import Optimizer
from engine.training.recipes import Recipe
from engine.training.tokenizer import NUM_SPARE_IDS

_SAVE_SECONDS, _REPORT_SECONDS = 300.0, 20.0
_STEPS_AHEAD = 8  # how far the host may run ahead of an accelerator before it looks at the clock again
_JUDGED_POSITIONS = 25_000


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
    progress: float = 0.0


class Run:
    """A run in memory: network, optimizer, counters and the two feeds of batches.

    Args: data holds packed ids (`engine.training.travel.load`) and `tokenizer.json`; output holds `state.pt`, from
    which the run goes on, and receives it; workers is the number of processes that draw batches.
    """

    def __init__(self, recipe: Recipe, data: Path, output: Path, workers: int = 0) -> None:
        torch.manual_seed(recipe.seed)
        output.mkdir(parents=True, exist_ok=True)
        self.recipe, self.output, self._workers = recipe, output, workers
        self.device = torch.device(recipe.device)
        tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
        begun = weights.read(recipe.begin_from) if recipe.begin_from else Network(recipe.shape)
        needed = tokenizer.get_vocab_size() + NUM_SPARE_IDS
        if needed > begun.shape.vocab_size:
            raise ValueError(f"the network knows {begun.shape.vocab_size} tokens, the data has {needed}; choose others")
        if recipe.begin_from and not _same_vocabulary(tokenizer, recipe.begin_from):
            raise ValueError(f"the data is not in the vocabulary of {recipe.begin_from}; pack it with its tokenizer")
        self.network = begun.to(self.device, torch.bfloat16)
        self.optimizer = Optimizer(
            self.network, recipe.matrix_rate, recipe.other_rate, recipe.matrix_optimizer == "muon"
        )
        self.counters = state.restore(output / "state.pt", self.optimizer)
        self._passes: Passes = Compiled(self.network) if recipe.compiled else self.network
        self._sampler = HoleSampler(travel.load(data, "train"), tokenizer, recipe.sizes, recipe.seed, recipe.task)
        held_out = HoleSampler(travel.load(data, "held_out"), tokenizer, recipe.sizes, seed=5)
        count = max(1, _JUDGED_POSITIONS // recipe.joint_positions)
        self._held_out: list[Batch] = [held_out.batch() for _ in range(count)]
        self._feeds: dict[bool, Iterator[Any]] = {}
        self._causal_mean, self._denoising_mean = _Smooth(self.device), _Smooth(self.device)

    def step(self) -> None:
        """Learn from one batch: of windows alone in the first part of the run, of windows and canvases after it."""
        recipe, counters = self.recipe, self.counters
        if counters.progress < recipe.causal_share:
            ids: Tensor = next(self._feed(joint=False))
            causal = loss = causal_loss(self._passes, ids)
            count = ids.numel()
        else:
            asked: Asked = next(self._feed(joint=True))
            causal, denoising = joint_losses(self._passes, asked)
            loss, count = causal + denoising, asked.num_positions
            self._denoising_mean.add(denoising)
        self._causal_mean.add(causal)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step(recipe.rate_scale(counters.progress, counters.warmed_from))
        counters.step, counters.positions = counters.step + 1, counters.positions + count

    def rehearse(self, steps: int) -> None:
        """Take steps of both kinds without learning from them, so that everything is compiled before the clock runs."""
        index = self.counters.step
        for _ in range(steps):
            causal_loss(self._passes, self._draw_windows(index).to(self.device)).backward()  # type: ignore[no-untyped-call]
            asked = Asked(*(tensor.to(self.device) for tensor in self._draw_joint(index)))
            sum(joint_losses(self._passes, asked)).backward()  # type: ignore[union-attr]
        self.network.zero_grad()

    def advance(
        self, seconds: float | None = None, steps: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[Progress]:
        """Train until the recipe's end, or for so many seconds or steps of this call; save, and yield lines of the log.

        `clock` tells the seconds that count: of the wall, or of the processor.
        """
        counters, begun_at = self.counters, self.counters.step
        before, done = counters.seconds, counters.progress
        begun = clock()
        reported = saved = begun
        while True:
            if counters.step % _STEPS_AHEAD == 0 and self.device.type == "cuda":
                torch.cuda.synchronize()
            now = clock()
            counters.seconds = before + now - begun
            counters.progress = self.recipe.progress(done * self.recipe.seconds + now - begun, counters.step)
            is_over = seconds is not None and now - begun >= seconds
            if counters.progress >= 1 or is_over or (steps is not None and counters.step - begun_at >= steps):
                break
            if now - saved > _SAVE_SECONDS:
                reported = saved = now
                yield self._record(saving=True)
            elif now - reported > _REPORT_SECONDS:
                reported = now
                yield self._record()
            self.step()
        yield self._record(saving=True)

    def _feed(self, joint: bool) -> Iterator[Any]:
        if joint not in self._feeds:
            draw = self._draw_joint if joint else self._draw_windows
            self._feeds[joint] = feed(draw, self.counters.step, self._workers, self.device)
        return self._feeds[joint]

    def _draw_windows(self, index: int) -> Tensor:
        recipe = self.recipe
        return torch.from_numpy(self._sampler.windows(recipe.causal_windows, recipe.sizes.prefix_length, index))

    def _draw_joint(self, index: int) -> Asked:
        return ask(self._sampler.batch(index), self.recipe.asked_share if self.recipe.compiled else None)

    def _record(self, saving: bool = False) -> Progress:
        counters = self.counters
        if saving:
            state.save(self.output / "state.pt", self.network.shape, self.recipe.sizes, self.optimizer, counters)
        judged: tuple[float | None, float | None] = self._judge() if saving else (None, None)
        means = self._causal_mean.value, self._denoising_mean.value
        line = Progress(counters.seconds, counters.step, counters.positions, *means, *judged, counters.progress)
        with (self.output / "log.jsonl").open("a") as log:
            log.write(json.dumps(asdict(line)) + "\n")
        return line

    @torch.no_grad()
    def _judge(self) -> tuple[float, float]:
        rows = torch.stack([torch.stack(losses(self.network, batch)) for batch in self._held_out]).mean(0)
        return float(rows[0]), float(rows[1])


def train(recipe: Recipe, data: Path, output: Path, workers: int = 0) -> Iterator[Progress]:
    """Train to the recipe's end, going on from `output/state.pt` when it is there; see `Run`."""
    return Run(recipe, data, output, workers).advance()


def _same_vocabulary(tokenizer: Tokenizer, folder: Path) -> bool:
    return bool(Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab() == tokenizer.get_vocab())


class _Smooth:
    """A running mean that forgets over about fifty steps; it stays on the device until it is asked for."""

    def __init__(self, device: torch.device) -> None:
        self._sum, self._weight = torch.zeros((), device=device), 0.0

    def add(self, value: Tensor) -> None:
        self._sum = self._sum.lerp(value.detach(), 0.02)
        self._weight += 0.02 * (1 - self._weight)

    @property
    def value(self) -> float:
        return float(self._sum) / self._weight if self._weight else float("nan")
