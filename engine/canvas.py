"""The canvas: which positions are given, and what stands there.

Knows token ids and positions. It does not know what the tokens mean, how they are noised or who predicts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Where denoising starts. B rows of L positions; every row has at least one free position.

    Raises: ValueError when the shapes or types do not fit, or a row has nothing to denoise.
    """

    known_ids: Tensor  # [B, L] int64: the given tokens; free positions are not read
    known: Tensor  # [B, L] bool: true where the token is given and never changes
    canvas_ids: Tensor | None = None  # [B, L] int64: what free positions start from; None starts them from noise
    # [B, L] int64: which hole of its row a position belongs to, from 0; -1: fixed text. None: a row is one hole.
    hole_index: Tensor | None = None

    def __post_init__(self) -> None:
        if self.known.dim() != 2 or self.known.dtype != torch.bool:
            raise ValueError("known must be a [B, L] tensor of booleans")
        for ids in (self.known_ids, self.canvas_ids, self.hole_index):
            if ids is not None and (ids.shape != self.known.shape or ids.dtype != torch.int64):
                raise ValueError("known_ids, canvas_ids and hole_index must be int64 and of the shape of known")
        if bool(self.known.all(dim=-1).any()):
            raise ValueError("every row of a canvas needs a free position")
        if self.hole_index is not None and bool((self.free & (self.hole_index < 0)).any()):
            raise ValueError("every free position belongs to a hole")

    @property
    def free(self) -> Tensor:
        """Return where the model decides: [B, L] bool."""
        return ~self.known

    @property
    def holes(self) -> Tensor | None:
        """Return which positions are whose: [B, K, L] bool for K holes, None where a row is one hole."""
        if self.hole_index is None:
            return None
        return (
            self.hole_index[:, None] == torch.arange(int(self.hole_index.max()) + 1, device=self.known.device)[:, None]
        )

    def with_known(self, ids: Tensor) -> Tensor:
        """Return the ids with the known tokens written over them: [B, L] int64, a new tensor."""
        return torch.where(self.known, self.known_ids, ids)


def hole_canvas(
    width: int, suffix_ids: Sequence[int], *, batch_size: int = 1, device: torch.device | str = "cpu"
) -> Canvas:
    """Lay out `[hole | suffix head]`: `width` free positions, then the suffix head as known tokens, in equal rows.

    Raises: ValueError when the hole has no position.
    """
    if width < 1:
        raise ValueError(f"a hole has at least one position, not {width}")
    row = torch.tensor([*[0] * width, *suffix_ids], dtype=torch.int64, device=device)
    known = torch.arange(len(row), device=device) >= width
    return Canvas(known_ids=row.expand(batch_size, -1), known=known.expand(batch_size, -1))
