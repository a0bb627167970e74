"""How sampling sharpens and how many positions a step must decide, as functions of the step number.

Knows step counts only: no tensors of a model, no canvas. Steps count up from 1 to `max_denoising_steps`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def temperature(step: int, max_denoising_steps: int, t_min: float, t_max: float) -> float:
    """Return the temperature of a step: `t_max` at the first one, falling linearly towards `t_min`.

    The last step is sampled at `t_min + (t_max - t_min) / max_denoising_steps`, as in the published sampler.
    The arithmetic is float32 as it is there: self-conditioning carries a difference in the last bit from step to step.
    """
    remaining_share = torch.tensor(max_denoising_steps - step + 1, dtype=torch.float32) / max_denoising_steps
    return float(t_min + (t_max - t_min) * remaining_share)


def quota(num_open: Tensor, step: int | Tensor, max_denoising_steps: int | Tensor) -> Tensor:
    """Return how many positions this step must decide so that none is left after the last step.

    Shapes: num_open [B] int64, the undecided positions of each row -> [B] int64, all of them at the last step.
    """
    remaining_steps = max_denoising_steps - step + 1
    return (num_open + remaining_steps - 1) // remaining_steps
