"""Loads a checkpoint as the memory that is free allows, and smaller after it ran out of memory.

A checkpoint that is small, or whose shapes are not known, is loaded as it is. It knows plans and no tensors.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import torch

from engine import local
from engine.api import CheckpointError, Critic, Filler
from engine.folder_sizes import sizes_in
from engine.loading import device_of, folder_of
from engine.models.families import family_of
from engine.models.quantize.precision import PrecisionChoice
from engine.plan import Plan, choose, described, refusal, smaller
from engine.room import card_of, free_bytes
from engine.sizes import Sizes

_log = logging.getLogger(__name__)

# What takes less than this unquantised needs no plan.
SMALL_BYTES = 1 << 30


class Load(Protocol):
    """Loads a checkpoint: `engine.local.load`."""

    def __call__(
        self,
        model: str,
        *,
        device: str | None,
        critic: Critic | None,
        precision: str,
        offloaded_layers: Collection[int],
        max_prefix_tokens: int | None,
    ) -> Filler:
        """Load. Raises EngineError, and whatever says that memory ran out."""


class FittedLoader:
    """What the worker calls to load, see `engine.worker.Worker`."""

    def __init__(
        self,
        model: str,
        *,
        critic: Critic | None = None,
        precision: PrecisionChoice = "auto",
        device: str | None = None,
        load: Load = local.load,
        free: Callable[[torch.device], int] = free_bytes,
        sizes: Callable[[Path, torch.device], Sizes | None] = sizes_in,
        small_bytes: int = SMALL_BYTES,
    ) -> None:
        """Remember what to load, and how. `free` says how many bytes a device can give, `sizes` what a folder takes."""
        self._model, self._critic, self._precision, self._device = model, critic, precision, device
        self._load, self._free, self._sizes_in, self._small_bytes = load, free, sizes, small_bytes
        self._sizes: Sizes | None = None
        self._plan: Plan | None = None
        self._is_bound = False  # the plan follows one that ran out of memory, so it is not made anew

    @property
    def why(self) -> str:
        """Say how the model is fitted into memory; empty where there was nothing to choose."""
        return "" if self._plan is None else self._plan.why

    def __call__(self) -> Filler:
        """Load by the best plan, or by the one that `shrink` left. Raises: CheckpointError where nothing fits."""
        device = device_of(self._device)
        self._sizes = self._sizes_on(device)
        if self._sizes is None:
            # As it is stored, then: what is small has fast paths of its own. A causal one takes the user's word.
            is_stored = self._precision == "bf16" and family_of(folder_of(self._model)) != "causal"
            return self._loaded("auto" if is_stored else self._precision)
        if not self._is_bound:
            free, card = self._free(device), card_of(device)
            self._plan = choose(free, self._sizes, card, precision=self._precision)
            if self._plan is None:
                raise CheckpointError(refusal(free, self._sizes, card, self._precision))
        assert self._plan is not None
        _log.info("plan: %s", self._plan.why)
        try:
            filler = self._loaded(
                self._plan.precision,
                offloaded_layers=self._plan.offloaded_layers,
                max_prefix_tokens=self._plan.context_tokens,
            )
        except Exception as failure:
            # What was loaded so far goes before `shrink` asks how much is free: the frames hold it.
            traceback.clear_frames(failure.__traceback__)
            raise
        if (prefixes := getattr(filler, "prefixes", None)) is not None:
            prefixes.limit(self._plan.snapshot_bytes)
        if (recordings := getattr(filler, "recordings", None)) is not None:
            recordings.limit(self._plan.recording_bytes)
        return filler

    def shrink(self, *, at_load: bool) -> bool:
        """Plan to take less the next time, after memory ran out; false where nothing is left to try."""
        if self._plan is None or self._sizes is None:
            return False
        device = device_of(self._device)
        free, card = self._free(device), card_of(device)
        is_free = self._precision == "auto"
        next_plan = smaller(self._plan, free, self._sizes, card, may_requantise=is_free, at_load=at_load)
        if next_plan is None:
            _log.warning("nothing smaller than %s is left to try", described(self._plan))
            return False
        self._plan, self._is_bound = next_plan, True
        return True

    def _loaded(
        self, precision: str, *, offloaded_layers: Collection[int] = (), max_prefix_tokens: int | None = None
    ) -> Filler:
        return self._load(
            self._model,
            device=self._device,
            critic=self._critic,
            precision=precision,
            offloaded_layers=offloaded_layers,
            max_prefix_tokens=max_prefix_tokens,
        )

    def _sizes_on(self, device: torch.device) -> Sizes | None:
        sizes = self._sizes_in(folder_of(self._model), device)
        return None if sizes is None or sizes.weights["bf16"] < self._small_bytes else sizes
