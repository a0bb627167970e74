"""From a checkpoint's name to its parts: the folder, the model, the tokenizer, the profile.

It reads files and chooses a device; it fills nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from engine.chat import reads_marks_as_text
from engine.models import checkpoint
from engine.models.adapter import Adapter
from engine.models.families import config_of
from engine.models.tokenizer_files import tokenizer_of
from engine.profile import Profile, read
from engine.published import assumed

BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A denoising checkpoint in memory."""

    adapter: Adapter[Any]
    tokenizer: Tokenizer
    profile: Profile


def folder_of(model: str) -> Path:
    """Return the folder of a checkpoint by its name or path; it need not be there."""
    return BUNDLED if model == "bundled" else Path(model).expanduser()


def device_of(device: str | None) -> torch.device:
    """Return the device of that name; without one an accelerator where there is any."""
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def denoising(
    folder: Path,
    device: torch.device,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
    max_prefix_tokens: int | None = None,
) -> Loaded:
    """Load a checkpoint of a denoising family. Raises: CheckpointError saying what is wrong with it."""
    # The published classes gain nothing from bfloat16 on a CPU; `engine.models.dense` chooses for itself.
    dtype = torch.float32 if device.type == "cpu" else None
    adapter = checkpoint.load(
        folder, device=device, dtype=dtype, precision=precision, offloaded_layers=offloaded_layers
    )
    tokenizer = reads_marks_as_text(tokenizer_of(folder))
    declared = {**assumed(config_of(folder), tokenizer.token_to_id), **adapter.declared}
    profile = read(declared, adapter.max_canvas_tokens)
    if max_prefix_tokens is not None:
        profile = replace(profile, max_prefix_tokens=min(profile.max_prefix_tokens, max_prefix_tokens))
    return Loaded(adapter, tokenizer, profile)
