"""What a run is: sizes, rates, how the time is divided; and the named recipes. It knows no tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.training.holes import Sizes
from engine.training.network import Shape
from engine.training.noise import Task


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is learnt; the same recipe, data and seed give the same weights on a CPU."""

    shape: Shape = field(default_factory=Shape)
    sizes: Sizes = field(default_factory=Sizes)
    task: Task = field(default_factory=Task)
    seconds: float = 6000.0  # of the whole run, over all of its chunks
    max_steps: int | None = None  # when given, the run is divided by steps and not by the clock, and can be repeated
    causal_share: float = 0.45  # of the run, spent on next-token learning alone
    causal_windows: int = 16
    matrix_optimizer: Literal["muon", "adamw"] = "muon"
    matrix_rate: float = 0.02
    other_rate: float = 0.003
    warm_up_share: float = 0.02
    decay_share: float = 0.4
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False  # passes and head through torch.compile, in shapes that stand still
    asked_share: float = 0.5  # of the canvas positions: how many rows the head gets where shapes stand still
    begin_from: Path | None = None  # a checkpoint folder to train on, instead of random weights

    def progress(self, seconds: float, step: int) -> float:
        """Return how much of the run is done, in [0, 1]: by steps where they are given, else by the clock."""
        return min(1.0, step / self.max_steps if self.max_steps else seconds / self.seconds)

    def rate_scale(self, progress: float, warmed_from: float = 0.0) -> float:
        """Return the learning rates' factor at `progress` in [0, 1]: warm up, hold, then fall linearly.

        `warmed_from` is the progress at which the optimizer last began without momentum.
        """
        falling = (1 - progress) / self.decay_share
        return max(0.02, min(1.0, 0.05 + (progress - warmed_from) / self.warm_up_share, falling))

    @property
    def causal_positions(self) -> int:
        """Positions of one step of next-token learning."""
        return self.causal_windows * self.sizes.prefix_length

    @property
    def joint_positions(self) -> int:
        """Positions of one step of next-token learning and denoising together."""
        sizes = self.sizes
        return sizes.windows * (sizes.prefix_length + sizes.canvases * sizes.canvas_length)


RECIPES = {
    "cpu": Recipe(),
    # Small enough that its weights travel in bfloat16, large enough that matrix products fill an accelerator.
    "accelerator": Recipe(
        shape=Shape(hidden_size=512, intermediate_size=1280, num_layers=8, num_heads=8, num_key_value_heads=4),
        sizes=Sizes(prefix_length=512, windows=128, canvases=8),
        seconds=3 * 500.0,
        causal_share=0.35,
        causal_windows=256,
        device="cuda",
        compiled=True,
    ),
    # The accelerator's path, compiled, in sizes that a CPU gets through.
    "rehearsal": Recipe(
        shape=Shape(hidden_size=64, intermediate_size=160, num_layers=2, num_heads=2, num_key_value_heads=1),
        sizes=Sizes(prefix_length=96, windows=6, canvases=4),
        causal_windows=12,
        compiled=True,
    ),
    # The pipeline in a minute or two on one slow core.
    "smoke": Recipe(
        shape=Shape(1024, hidden_size=64, intermediate_size=160, num_layers=2, num_heads=2, num_key_value_heads=1),
        sizes=Sizes(prefix_length=96, windows=6, canvases=4),
        max_steps=300,
        causal_share=0.4,
        causal_windows=12,
    ),
}
