"""The check of `doctor` that looks at a checkpoint's folder.

Weights are not loaded: the header of a safetensors file tells how long the file must be, and that finds the files that
a broken download or a missing large-file step left behind.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from infill_lsp import downloads
from infill_lsp.cli.finding import Finding, Level
from infill_lsp.cli.fitting_job import fits

_CHECK = "checkpoint"
# What the engine takes in place of a tokenizer.json.
_TOKENIZER_IN_PARTS = ("vocab.json", "merges.txt")
_MAX_HEADER_BYTES = 100_000_000
_LARGE_BYTES = 1_000_000_000


def check_checkpoint(model: str) -> Finding:
    """The checkpoint's files are there and whole."""
    if model.startswith("fake:"):
        return Finding(_CHECK, "warning", "a scripted engine stands in for a checkpoint", "unset INFILL_MODEL")
    folder = bundled_folder() if model == "bundled" else Path(model).expanduser()
    advice = "install infill-lsp again" if model == "bundled" else "the setting model takes a checkpoint's folder"
    if (problem := downloads.missing(model)) is not None:
        return Finding(_CHECK, "error", problem, "or choose another model")
    if not folder.is_dir():
        return Finding(_CHECK, "error", f"no folder {folder}", advice)
    weights = sorted(folder.glob("*.safetensors"))
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
    if all((folder / name).is_file() for name in _TOKENIZER_IN_PARTS):
        missing = [name for name in missing if name != "tokenizer.json"]
    if not weights:
        missing.append("*.safetensors")
    if missing:
        return Finding(_CHECK, "error", f"{folder} lacks {', '.join(missing)}", advice)
    broken = [path.name for path in weights if not _is_whole(path)]
    if broken:
        return Finding(_CHECK, "error", f"{', '.join(broken)} in {folder} is broken or cut off", advice)
    num_bytes = sum(path.stat().st_size for path in weights)
    facts: dict[str, object] = {"path": str(folder), "bytes": num_bytes}
    return Finding(_CHECK, "ok", f"{model}, {num_bytes / 1e6:.0f} MB of weights in {folder}", facts=facts)


def check_plan(checkpoint: Finding) -> Finding | None:
    """How a large checkpoint would be fitted into the memory that is free; None of a small one, which just fits."""
    num_bytes, folder = checkpoint.facts.get("bytes"), checkpoint.facts.get("path")
    if not isinstance(num_bytes, int) or num_bytes < _LARGE_BYTES:
        return None
    line = fits(Path(str(folder)))
    if line is None:
        return Finding("precision", "ok", "as it is stored; nothing is known of how it would fit")
    level: Level = "ok" if line.startswith(("bf16", "int8", "int4")) else "warning"
    return Finding("precision", level, line, facts={"plan": line})


def bundled_folder() -> Path:
    """Return where the checkpoint stands that ships."""
    spec = importlib.util.find_spec("engine")
    if spec is None or not spec.submodule_search_locations:
        raise AssertionError("the engine package is part of this distribution")
    return Path(spec.submodule_search_locations[0]) / "bundled"


def _is_whole(path: Path) -> bool:
    """Say whether a safetensors file is as long as its header promises.

    Source: the format begins with the header's length (8 bytes, little-endian), then the header (JSON) with every
    tensor's `data_offsets`, counted from the header's end.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
            if not 2 <= header_bytes <= min(size - 8, _MAX_HEADER_BYTES):
                return False
            header = json.loads(file.read(header_bytes))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False
    return bool(ends) and 8 + header_bytes + max(ends) == size
