"""Read a checkpoint's safetensors files piece by piece, and quantise them on the way: never a model, never a shard.

A fused tensor of experts is one gigabyte and more in the published layout, so even a single tensor is read in pieces
along its first axis: quantising looks at rows alone. It knows files and parts; it does not know where results go.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.api import CheckpointError
from engine.models.quantize.parts import Part, pieces_of
from engine.models.quantize.scales import quantized_as
from engine.models.quantize.seen import Seen

_INDEX = "model.safetensors.index.json"
_ONE_FILE = "model.safetensors"
# Quantising a piece takes some twenty times its bytes for a moment, which must stay below one shard.
_LARGEST_PIECE = 64 << 20
_PIECES_IN_A_SHARD = 48
_DTYPES = {
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
}

Put = Callable[[str, int, Tensor], None]
"""Takes rows of a tensor: its name, the number of its first row, the rows; see `stream`."""


class Source:
    """The tensors of a checkpoint folder, found by name. Nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Look into every file's header. Raises: CheckpointError for what is missing, broken or cut off."""
        self.folder = folder
        self.files = _files(folder)
        self._where: dict[str, Path] = {}
        self._kinds: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
        self._names: dict[tuple[str, ...], str] = {}  # of the parts that were looked for
        for file in self.files:
            with opened(file) as tensors:
                for name in tensors.keys():  # noqa: SIM118  # No mapping: it has this method alone.
                    piece = tensors.get_slice(name)
                    dtype = _DTYPES.get(piece.get_dtype())
                    if dtype is not None:
                        self._where[name] = file
                        self._kinds[name] = dtype, tuple(piece.get_shape())
        largest = max(file.stat().st_size for file in self.files)
        self._piece_bytes = max(1 << 16, min(_LARGEST_PIECE, largest // _PIECES_IN_A_SHARD))

    def name_of(self, part: Part) -> str:
        """Return what a part is called here. Raises: CheckpointError where it is missing or of another shape."""
        if part.names not in self._names:
            self._names[part.names] = self._found(part)
        return self._names[part.names]

    def known_as(self, part: Part) -> Sequence[str]:
        """Return the names that a part may have in the files."""
        return part.names

    def _found(self, part: Part) -> str:
        found = [name for name in self.known_as(part) if name in self._where]
        if not found:
            raise CheckpointError(f"{self.folder}: {part.name} is missing; download the checkpoint again")
        shape = self._kinds[found[0]][1]
        if shape != part.shape:
            expected = f"{list(shape)} instead of {list(part.shape)}"
            raise CheckpointError(
                f"{self.folder}: {found[0]} has the wrong shape, {expected}; choose another checkpoint"
            )
        for other in found[1:]:
            if self._kinds[other] != self._kinds[found[0]] or self._hash(other) != self._hash(found[0]):
                both = f"{found[0]} and {other}"
                raise CheckpointError(f"{self.folder}: {both} are one weight in this model, but differ; choose another")
        return found[0]

    def check(self, parts: Sequence[Part]) -> None:
        """Find every part. Raises: CheckpointError, counting what is missing."""
        missing = [part.name for part in parts if not any(name in self._where for name in self.known_as(part))]
        if missing:
            raise CheckpointError(f"{self.folder}: {len(missing)} weights are missing, among them {min(missing)}")
        for part in parts:
            self.name_of(part)

    def dtype_of(self, part: Part) -> torch.dtype:
        """Return the type that a part is stored in."""
        return self._kinds[self.name_of(part)][0]

    def in_file_order(self, parts: Sequence[Part]) -> Iterator[tuple[Path, list[Part]]]:
        """Yield each file with the parts that are in it, so that one is open at a time."""
        by_file: dict[Path, list[Part]] = {}
        for part in parts:
            by_file.setdefault(self._where[self.name_of(part)], []).append(part)
        for file in self.files:
            if file in by_file:
                yield file, by_file[file]

    def pieces(self, file: Path, parts: Sequence[Part]) -> Iterator[tuple[Part, int, Tensor]]:
        """Yield the rows of each part, some at a time, with the number of the first. Raises: CheckpointError."""
        with opened(file) as tensors:
            for part in parts:
                rows = tensors.get_slice(self.name_of(part))
                if not part.shape:
                    yield part, 0, tensors.get_tensor(self.name_of(part))
                    continue
                dtype = self.dtype_of(part)
                row_bytes = max(1, dtype.itemsize * torch.Size(part.shape[1:]).numel())
                step = max(1, self._piece_bytes // row_bytes)
                for first in range(0, part.shape[0], step):
                    yield part, first, rows[first : first + step]

    def whole(self, part: Part, device: torch.device | str, dtype: torch.dtype) -> Tensor:
        """Return all of a part, in this type where it is a floating one. Raises: CheckpointError."""
        found: Tensor | None = None
        for file, inside in self.in_file_order([part]):
            for _, first, rows in self.pieces(file, inside):
                if found is None:
                    found = torch.empty(
                        part.shape, dtype=dtype if rows.is_floating_point() else rows.dtype, device=device
                    )
                (found[first : first + len(rows)] if part.shape else found).copy_(rows)
        assert found is not None
        return found

    def some(self, part: Part, index: int) -> Tensor:
        """Return one row of a part, or one expert of experts. Raises: CheckpointError."""
        name = self.name_of(part)
        with opened(self._where[name]) as tensors:
            found: Tensor = tensors.get_slice(name)[index : index + 1][0]
        return found

    def _hash(self, name: str) -> bytes:
        digest = hashlib.blake2b()
        with opened(self._where[name]) as tensors:
            rows = tensors.get_slice(name)
            for first in range(0, self._kinds[name][1][0], 64):
                digest.update(rows[first : first + 64].contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.digest()


def stream(
    source: Source, parts: Sequence[Part], put: Put, *, work_on: torch.device | str = "cpu", seen: Seen | None = None
) -> None:
    """Hand over every part, quantised where it has a format: piece by piece, in the order of the files.

    Quantised parts go under the names of `Part.tensors`. `work_on` is the device that quantises; what `put` gets lies
    there. `seen` is what weights are multiplied with. Raises: CheckpointError, also for a weight that is not finite.
    """
    for file, inside in source.in_file_order(parts):
        for part, first, rows in source.pieces(file, inside):
            if part.format is None:
                put(part.name, first, rows)
                continue
            try:
                factor = None if seen is None else seen.factor(part.names, first, len(rows), work_on)
                packed = quantized_as(rows.to(work_on), part.format, factor)
            except ValueError as error:
                raise CheckpointError(f"{source.folder}: {part.name}: {error}; choose another checkpoint") from error
            for kind, tensor in pieces_of(packed):
                put(f"{part.name}.{kind}", first, tensor)


def _files(folder: Path) -> list[Path]:
    """Return the weight files of a folder, in the order of their names. Raises: CheckpointError."""
    index = folder / _INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
            unsafe = [name for name in names if Path(name).name != name]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index}: cannot be read ({error!r}); download the checkpoint again") from error
        missing = unsafe or [name for name in names if not (folder / name).is_file()]
        if missing:
            raise CheckpointError(f"{folder}: {missing[0]} is missing, which the index names; download it again")
        files = [folder / name for name in names]
    else:
        whole = folder / _ONE_FILE
        files = [whole] if whole.is_file() else sorted(folder.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{folder}: no weights there; they must be safetensors files")
    return files


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """Open a safetensors file. Raises: CheckpointError."""
    try:
        with safe_open(str(file), framework="pt", device="cpu") as tensors:
            yield tensors
    except (SafetensorError, OSError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"{file}: broken or cut off ({line}); download the checkpoint again") from error
