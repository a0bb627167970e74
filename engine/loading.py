"""From a checkpoint's name to its parts: the folder, the model, the tokenizer, the profile.

It reads files and chooses a device; it fills nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from engine.api import CheckpointError
from engine.chat import reads_marks_as_text
from engine.models import checkpoint
from engine.models.adapter import Adapter
from engine.models.families import config_of
from engine.models.masked_names import added_tokens
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


def tokenizer_of(folder: Path) -> Tokenizer:
    """Read a folder's `tokenizer.json`, or the `vocab.json` and `merges.txt` of the kind that Qwen2 has.

    Raises: CheckpointError.
    """
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    try:
        if not (folder / "tokenizer.json").is_file() and vocabulary.is_file() and merges.is_file():
            return _byte_level(folder, vocabulary, merges)
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except CheckpointError:
        raise
    except Exception as error:  # The library raises bare Exception for a missing and for a broken file alike.
        raise CheckpointError(f"{folder}: no usable tokenizer.json there; download the checkpoint again") from error


def _byte_level(folder: Path, vocabulary: Path, merges: Path) -> Tokenizer:
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    tokenizer.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = sorted(added_tokens(folder).items(), key=lambda token: token[1])
    # None of these stands in code: they steer the model.
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name, _ in added])
    for name, token_id in added:
        if tokenizer.token_to_id(name) != token_id:
            raise CheckpointError(f"{folder}: the token {name} is not {token_id} there; download the checkpoint again")
    return tokenizer
