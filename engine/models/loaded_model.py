"""What every adapter says of the transformers model that it holds. It knows no prefix, no canvas and no text."""

from __future__ import annotations

from typing import Any

import torch


class LoadedModel:
    """A model of transformers, with its configuration. `num_parameters` may count what it no longer holds."""

    def __init__(self, model: Any, num_parameters: int | None = None) -> None:
        self._model = model
        self._num_parameters = num_parameters

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return torch.device(self._model.device)

    @property
    def dtype(self) -> torch.dtype:
        """Return the type of the weights."""
        dtype = self._model.dtype
        assert isinstance(dtype, torch.dtype)
        return dtype

    @property
    def num_parameters(self) -> int:
        """Return the number of weights, shared ones once, and those that were left out too."""
        return self._num_parameters or sum(parameter.numel() for parameter in self._model.parameters())
