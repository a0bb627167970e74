"""A run's state on disk: all of it, to go on exactly, or the weights alone in bfloat16, small enough to travel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine.training.holes import Sizes
from engine.training.network import Shape
from engine.training.optimizer import Optimizer

_PART_BYTES = 15 * 2**20


@dataclass(slots=True)
class Counters:
    """How far a run is. Nothing random is kept: what a step draws follows from the seed and the step's number."""

    seconds: float = 0.0
    progress: float = 0.0  # in [0, 1]
    step: int = 0
    positions: int = 0
    warmed_from: float = 0.0  # the progress at which the optimizer last began without momentum


def save(path: Path, shape: Shape, sizes: Sizes, optimizer: Optimizer, counters: Counters) -> None:
    """Write the whole state beside its place and rename, so that a run killed while saving keeps the older one."""
    _write(path, {"optimizer": optimizer.state(), **_described(shape, sizes, counters)})


def save_light(path: Path, shape: Shape, sizes: Sizes, optimizer: Optimizer, counters: Counters) -> list[Path]:
    """Write bfloat16 weights without momentum, in parts `path.0`, `path.1` ... of 15 MiB; return the parts."""
    whole = path.with_suffix(".whole")
    _write(whole, {"optimizer": optimizer.light_state(), **_described(shape, sizes, counters)})
    data = whole.read_bytes()
    whole.unlink()
    for older in path.parent.glob(f"{path.name}.[0-9]*"):
        older.unlink()
    parts = []
    for number, start in enumerate(range(0, len(data), _PART_BYTES)):
        parts.append(path.with_name(f"{path.name}.{number}"))
        parts[-1].write_bytes(data[start : start + _PART_BYTES])
    return parts


def join(path: Path) -> None:
    """Put the parts of a light state together again as `path`. Raises: FileNotFoundError when there is none."""
    parts = sorted(path.parent.glob(f"{path.name}.[0-9]*"), key=lambda part: int(part.suffix[1:]))
    if not parts:
        raise FileNotFoundError(f"{path}.0 is not there; give the path of a light state without its number")
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def restore(path: Path, optimizer: Optimizer) -> Counters:
    """Load a state, whole or light, into the optimizer and its network; without a file, nothing has been done yet."""
    if not path.exists():
        return Counters()
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    optimizer.restore(state["optimizer"])
    counters = Counters(**state["counters"])
    if "adam" not in state["optimizer"]:
        counters.warmed_from = counters.progress
    return counters


def sizes_of(path: Path) -> Sizes:
    """Return the sizes that a state was trained with."""
    stated: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    return Sizes(**stated["sizes"])


def _described(shape: Shape, sizes: Sizes, counters: Counters) -> dict[str, Any]:
    return {"counters": asdict(counters), "shape": asdict(shape), "sizes": asdict(sizes)}


def _write(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    torch.save(state, scratch)
    scratch.rename(path)
