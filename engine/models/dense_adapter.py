"""The adapter of a dense checkpoint on a CPU: `DiffusionGemma` whose layers are computed by `engine.models.dense`.

It is what the bundled checkpoint runs on; a checkpoint it does not fit runs on the published classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.models.adapter import Forward, Reader
from engine.models.dense import Dense, Reading
from engine.models.diffusion_gemma import DiffusionGemma, Prefix


class DenseDiffusionGemma(DiffusionGemma):
    """A loaded model. Not for use from several threads at once."""

    def __init__(self, model: Any, dense: Dense, **options: Any) -> None:
        super().__init__(model, **options)
        self._dense = dense

    @property
    def dtype(self) -> torch.dtype:
        """Return the type that matrices are multiplied in."""
        return self._dense.dtype

    def forward_for(self, prefix: Prefix, batch_size: int = 1) -> Forward:
        """Return the forward pass of canvases that follow this prefix. It knows no self-conditioning."""
        dense = self._dense

        @torch.inference_mode()
        def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
            asked = open_mask.any(dim=-1)
            if not bool(asked.all()):  # A row with nothing open costs nothing.
                canvas_ids, open_mask = canvas_ids[asked], open_mask[asked]
            return dense.logits(dense.denoise(prefix.kv_cache, canvas_ids)[open_mask])

        return run

    def _encode(self, prefix: Prefix | None, ids: Tensor) -> tuple[Tensor, Any]:
        return self._dense.encode(None if prefix is None else prefix.kv_cache, ids)

    def reader_for(self, prefix: Prefix) -> Reader:
        """Return what reads drafts after this prefix; it goes on from where a draft differs from the one before."""
        before: Reading | None = None

        def go_on(prefix: Prefix, ids: Tensor) -> Tensor:
            nonlocal before
            before = self._dense.read(prefix.kv_cache, ids, before)
            return before.hidden

        return self._reader(prefix, go_on)

    def _read(self, prefix: Prefix, ids: Tensor) -> Tensor:
        return self._dense.read(prefix.kv_cache, ids).hidden

    def _logits(self, hidden: Tensor) -> Tensor:
        return self._dense.logits(hidden)
