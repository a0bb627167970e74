"""A tuned checkpoint's folder: its base's files with other weights, and `tuned.json`, which says how it came about.

It is written beside its place and renamed, so that a reader finds the whole of it or nothing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.api import CheckpointError
from engine.profile import read as read_profile
from engine.training import weights
from engine.training.holes import WIDTHS, Sizes
from engine.training.network import Network
from engine.training.tokenizer import MASK, SLACK
from engine.training.tune_split import TuneError

ABOUT_FILE = "tuned.json"
_WEIGHTS, _COPIED = "model.safetensors", ("config.json", "generation_config.json", "tokenizer.json")
_HEAD, _EMBEDDING = "lm_head.weight", "model.decoder.embed_tokens.weight"
_FORGOTTEN_AFTER_S = 86_400.0


def sizes_of(base: Path) -> Sizes:
    """Return how a checkpoint's windows and canvases are drawn.

    Raises: CheckpointError when it cannot be read, TuneError when it was made by another training than ours.
    """
    try:
        config = json.loads((base / "config.json").read_bytes())
        declared, canvas_length = config.get("infill", {}), int(config["canvas_length"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{base}: no usable config.json there, so it is not a checkpoint folder") from error
    profile = read_profile(declared, canvas_length)
    ours = ("mask", MASK, SLACK, False, WIDTHS)
    found = (profile.noise, profile.mask_token_id, profile.slack_token_id, profile.self_conditioning)
    if (*found, profile.hole_widths) != ours:
        raise TuneError(f"{base} was not made by this project's training and cannot be trained on by it")
    return Sizes(prefix_length=profile.max_prefix_tokens, canvas_length=canvas_length)


@contextlib.contextmanager
def scratch_for(folder: Path, base: Path) -> Iterator[Path]:
    """Lend a folder beside `folder` to write in; what was not renamed to its place by then goes at the end.

    Raises: TuneError when something else stands in the place or the disk has no room, OSError when it is not writable.
    """
    if folder.exists() and not (folder / ABOUT_FILE).is_file():
        raise TuneError(f"{folder} was not made by tuning and is left alone; choose another --name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - leftover.stat().st_mtime > _FORGOTTEN_AFTER_S:  # What was killed long ago.
            shutil.rmtree(leftover, ignore_errors=True)
    needed = 2 * sum(path.stat().st_size for path in base.iterdir() if path.is_file())
    if shutil.disk_usage(folder.parent).free < needed:
        raise TuneError(f"the disk of {folder.parent} is full: a checkpoint needs {needed / 1e6:.0f} MB there")
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write(network: Network, base: Path, scratch: Path, languages: Collection[str] = ()) -> None:
    """Write a checkpoint that differs from its base in the trained weights, and knows more languages. Raises: OSError.

    `languages` are the ids of those it was trained on now.
    """
    for name in _COPIED:
        if (base / name).exists():
            shutil.copyfile(base / name, scratch / name)
    config = json.loads((scratch / "config.json").read_bytes())
    if known := config["infill"].get("languages"):
        config["infill"]["languages"] = sorted({*known, *languages})
        (scratch / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tensors = load_file(base / _WEIGHTS)
    for name, weight in weights.renamed(network):
        tensors[name] = weight.detach().to("cpu", torch.bfloat16).contiguous()
    if _HEAD in tensors:
        tensors[_HEAD] = tensors[_EMBEDDING].clone()
    try:
        save_file(tensors, scratch / _WEIGHTS, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OSError(None, f"the weights could not be written: {error}", str(scratch / _WEIGHTS)) from error


def publish(scratch: Path, folder: Path, about: Mapping[str, object]) -> None:
    """Say in the scratch folder how it came about, and put it in its place; an older one of the same name goes.

    It stays closed to other users, as temporary folders are: weights remember what they were trained on.
    """
    (scratch / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    older = scratch.with_name(scratch.name + "-older")
    if folder.exists():
        folder.rename(older)
    try:
        scratch.rename(folder)
    except OSError:
        if older.exists():
            older.rename(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)
