"""What the checkpoint of a folder takes on a device, as far as a plan is made for it. No weights are read."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch

from engine.api import CheckpointError
from engine.models.families import config_of, declared_family, is_quantized
from engine.models.masked import CANVAS_TOKENS, PREFIX_TOKENS
from engine.models.quantize.empty import NOT_BUILT, config_in
from engine.sizes import Sizes, sizes_of

_log = logging.getLogger(__name__)


def sizes_in(folder: Path, device: torch.device) -> Sizes | None:
    """Return its sizes; None where it is run as it is stored, or as the user says. Raises: CheckpointError."""
    family = declared_family(folder)
    if family == "causal":
        return None if device.type == "cpu" or is_quantized(config_of(folder)) else _causal(folder)
    weight_bytes = 4 if device.type == "cpu" else 2
    sizes = sizes_of(config_in(folder), weight_bytes=weight_bytes, has_static_passes=device.type == "cuda")
    if family != "masked" or sizes is None:
        return sizes
    # Prefix and canvas are read together in every pass, so both are kept short, whatever the network could read.
    declared = config_of(folder).get("infill")
    prefix = declared.get("max_prefix_tokens") if isinstance(declared, dict) else None
    most = (prefix if isinstance(prefix, int) else PREFIX_TOKENS) + CANVAS_TOKENS
    return replace(sizes, max_tokens=min(sizes.max_tokens, most))


def _causal(folder: Path) -> Sizes | None:
    """Return the sizes of a causal checkpoint; None for one that can be loaded, if at all, only as it is stored."""
    from engine.causal_sizes import causal_sizes

    try:
        return causal_sizes(folder)
    except (CheckpointError, RuntimeError, TypeError, ValueError, *NOT_BUILT) as error:
        _log.info("no plan is made for %s: %s", folder, error)
        return None
