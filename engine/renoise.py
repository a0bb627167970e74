"""What stands at a position that is not decided: a mask token, or a random token.

Knows token ids only. The generator is passed in; mask noise draws nothing from it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """A source of noise: the mask token when there is one to fill with, else any allowed id with equal chance."""

    vocab_size: int
    fill_id: int | None = None  # every position gets this id
    allowed_ids: Tensor | None = None  # [A] int64, the ids to draw from; None allows the whole vocabulary

    def draw(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Return a canvas of noise: int64 ids [B, L] on the generator's device, drawn anew."""
        device = generator.device
        if self.fill_id is not None:
            return torch.full(shape, self.fill_id, dtype=torch.int64, device=device)
        if self.allowed_ids is None:
            return torch.randint(self.vocab_size, shape, generator=generator, device=device)
        return self.allowed_ids[torch.randint(len(self.allowed_ids), shape, generator=generator, device=device)]


def mask_noise(vocab_size: int, mask_token_id: int) -> Noise:
    """Return the noise that hides positions behind the mask token."""
    return Noise(vocab_size, fill_id=mask_token_id)


def uniform_noise(vocab_size: int, forbidden_ids: Collection[int], device: torch.device) -> Noise:
    """Return the noise that replaces positions by random tokens, none of them forbidden."""
    if not forbidden_ids:
        return Noise(vocab_size)
    allowed = torch.ones(vocab_size, dtype=torch.bool, device=device)
    allowed[list(forbidden_ids)] = False
    return Noise(vocab_size, allowed_ids=allowed.nonzero().squeeze(-1))
