"""How a canvas is denoised: the settings of the loop in `engine.denoise`, checked. It knows no tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.api import NoiseKind


@dataclass(frozen=True, slots=True)
class DenoiseConfig:
    """How a canvas is denoised. Raises: ValueError naming the first value that makes no sense."""

    vocab_size: int
    noise: NoiseKind = "uniform"
    mask_token_id: int | None = None  # what mask noise is made of; never sampled
    # What stands at hole positions after the fill's end, for a checkpoint that knows slack: see `engine.length`.
    slack_token_id: int | None = None
    forbidden_ids: tuple[int, ...] = ()  # never sampled and never random noise either: pad, bos, image tokens, ...
    max_denoising_steps: int = 48
    entropy_bound: float = 0.1  # nats
    t_min: float = 0.4
    t_max: float = 0.8
    stability_threshold: int = 1  # a row stops when its draft has been the same for this many further steps ...
    confidence_threshold: float = 0.005  # ... and its mean entropy (nats) is below this
    # Once accepted, a position stays, and each step accepts enough for the canvas to be complete at the last one.
    # Without it acceptance is recomputed each step, as in the published sampler.
    keep_accepted: bool = False
    greedy: bool = False  # take the likeliest token instead of a sample
    # Accept what a guided pass's causal reading held instead of what is least uncertain (`engine.guidance.Guided`).
    follow_reading: bool = False
    # While it follows, so many open positions from the left of a row are predicted: what stands further right is not
    # accepted anyway. None: all in every step.
    reach: int | None = None
    # Whether a row is complete at the end: the last step decides what is left, and it and the first one reach all.
    completes: bool = True
    self_conditioning: bool = True  # whether the checkpoint was trained to see its previous prediction

    def __post_init__(self) -> None:
        never = self.never_sampled
        problems = {
            "vocab_size must be at least 1": self.vocab_size < 1,
            f"unknown noise {self.noise!r}": self.noise not in ("mask", "uniform"),
            "mask noise needs a mask_token_id": self.noise == "mask" and self.mask_token_id is None,
            "forbidden_ids and mask_token_id must be in the vocabulary": any(
                not 0 <= token_id < self.vocab_size for token_id in never
            ),
            "forbidden_ids leave nothing to sample": len(never) >= self.vocab_size,
            "slack_token_id must be in the vocabulary and not forbidden": self.slack_token_id is not None
            and (self.slack_token_id in never or not 0 <= self.slack_token_id < self.vocab_size),
            "max_denoising_steps must be at least 1": self.max_denoising_steps < 1,
            "entropy_bound must be at least 0": not self.entropy_bound >= 0,
            "temperatures must be finite with 0 <= t_min <= t_max and 0 < t_max": not (
                0 <= self.t_min <= self.t_max < math.inf and self.t_max > 0
            ),
            "stability_threshold must be at least 0": self.stability_threshold < 0,
            "confidence_threshold must be at least 0": not self.confidence_threshold >= 0,
        }
        for problem, holds in problems.items():
            if holds:
                raise ValueError(problem)

    @property
    def never_sampled(self) -> frozenset[int]:
        """Return the ids that no free position ever gets, neither as a prediction nor as random noise."""
        return frozenset(self.forbidden_ids) | ({self.mask_token_id} if self.mask_token_id is not None else set())
