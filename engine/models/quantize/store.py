"""Quantised weights on disk: written once, found again by what they were made from, removed when that is gone.

A store is a folder with one safetensors file and a record, which is written last; before that the folder has another
name, so a run that was killed leaves nothing that is taken for whole. Every tensor has a sum in the record that is
compared when it is loaded. It knows tensors by name, and no model.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from engine.api import EngineError

_FORMAT_VERSION = 2
_WEIGHTS_FILE, _RECORD_FILE = "weights.safetensors", "store.json"
_SAMPLES, _SAMPLE_BYTES = 1024, 256
_ROOM_BYTES = 64 << 20
_NAMES = {
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.int8: "I8",
    torch.uint8: "U8",
}

Kinds = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
"""Types and shapes of tensors by their names."""


class BrokenStoreError(Exception):
    """What is on disk is not what was written; it has to be made anew."""


def stores_folder() -> Path:
    """Say where quantised weights belong on this system, whether or not there are any."""
    import platformdirs

    return platformdirs.user_cache_path("infill-lsp", appauthor=False) / "quantised"


def key_of(files: list[Path], config_file: Path, made_as: str) -> str:
    """Return what stands for the content of a checkpoint and for how it is quantised.

    It depends on names, sizes and headers of the files, on a thousand samples of each, and on the configuration, not
    on where the folder is or on dates. A checkpoint that was trained on differs in nearly every sample.
    """
    digest = hashlib.sha256(f"{_FORMAT_VERSION}\0{made_as}\0".encode())
    digest.update(config_file.read_bytes())
    for file in sorted(files):
        size = file.stat().st_size
        digest.update(f"\0{file.name}\0{size}\0".encode())
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(min(length, size)))
            for sample in range(_SAMPLES):
                stream.seek(max(0, (size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1)))
                digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:32]


class Store:
    """A whole store, opened for reading."""

    def __init__(self, folder: Path, kinds: Kinds) -> None:
        """Compare the record and the file's header with what is expected. Raises: BrokenStoreError."""
        try:
            record = json.loads((folder / _RECORD_FILE).read_bytes())
            self._sums: dict[str, int] = record["sums"]
            opened: Any = safe_open(str(folder / _WEIGHTS_FILE), framework="pt", device="cpu")
            self._tensors = opened
            found = {name: self._kind(name) for name in opened.keys()}  # noqa: SIM118  # It has no other way.
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise BrokenStoreError(f"{folder}: {error!r}") from error
        if found != {name: (_NAMES[dtype], tuple(shape)) for name, (dtype, shape) in kinds.items()}:
            raise BrokenStoreError(f"{folder}: other tensors than expected")

    def tensor(self, name: str, device: torch.device | str) -> Tensor:
        """Load one tensor onto a device. Raises: BrokenStoreError where its bytes are not those that were written."""
        # Without a copy it would be a view of the file, on the CPU.
        tensor: Tensor = self._tensors.get_tensor(name).to(device, copy=True)
        if _sum(tensor) != self._sums.get(name):
            raise BrokenStoreError(f"{name} is damaged")
        return tensor

    def _kind(self, name: str) -> tuple[str, tuple[int, ...]]:
        piece = self._tensors.get_slice(name)
        return piece.get_dtype(), tuple(piece.get_shape())


class Writer:
    """Puts tensors where they belong in the file, in any order, some rows at a time."""

    def __init__(self, folder: Path, kinds: Kinds) -> None:
        """Take the room on the disk. Raises: OSError."""
        self._folder = folder
        self._starts: dict[str, tuple[int, int, int]] = {}  # offset in the file, bytes of a row, bytes in all
        self._sums = dict.fromkeys(kinds, 0)
        self._written = dict.fromkeys(kinds, 0)
        header: dict[str, object] = {}
        end = 0
        # The larger types first keeps every tensor on a multiple of its item's size.
        for name, (dtype, shape) in sorted(kinds.items(), key=lambda kind: -kind[1][0].itemsize):
            size = dtype.itemsize * torch.Size(shape).numel()
            self._starts[name] = end, dtype.itemsize * torch.Size(shape[1:]).numel(), size
            header[name] = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [end, end + size]}
            end += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self._base = 8 + len(text)
        self._stream = (folder / _WEIGHTS_FILE).open("wb", buffering=0)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._stream.fileno(), 0, self._base + end)
            self._stream.write(len(text).to_bytes(8, "little") + text)
        except BaseException:
            self._stream.close()
            raise

    def put(self, name: str, first: int, rows: Tensor) -> None:
        """Write rows of a tensor from number `first` on. Raises: OSError."""
        start, row_bytes, _ = self._starts[name]
        data = rows.contiguous().reshape(-1).view(torch.uint8)
        self._sums[name] += _sum(data)
        self._written[name] += data.numel()
        self._stream.seek(self._base + start + first * row_bytes)
        remaining = memoryview(data.cpu().numpy())  # type: ignore[arg-type]  # An array is a buffer.
        while remaining:
            remaining = remaining[self._stream.write(remaining) :]

    def close(self) -> None:
        """Leave the file as it is."""
        self._stream.close()

    def finish(self, record: Mapping[str, object]) -> None:
        """Bring everything onto the disk, the record last. Raises: OSError."""
        short = [name for name, (_, _, size) in self._starts.items() if self._written[name] != size]
        assert not short, f"{short[:3]} were not written whole"
        os.fsync(self._stream.fileno())
        self._stream.close()
        with (self._folder / _RECORD_FILE).open("w", encoding="utf-8") as stream:
            json.dump({**record, "sums": self._sums}, stream)
            stream.flush()
            os.fsync(stream.fileno())


@contextlib.contextmanager
def writing(folder: Path, kinds: Kinds, record: Mapping[str, object]) -> Iterator[Writer]:
    """Write a store that is at `folder` after this, whole, or not at all.

    Raises: EngineError when the disk has no room or cannot be written.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    needed = sum(dtype.itemsize * torch.Size(shape).numel() for dtype, shape in kinds.values())
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        free = shutil.disk_usage(partial).free
        if needed + _ROOM_BYTES > free:
            gigabytes = f"need {needed / 1e9:.1f} GB of disk and {folder.parent} has {free / 1e9:.1f} GB"
            raise EngineError(f"The quantised weights {gigabytes}; make room, or set XDG_CACHE_HOME to another disk.")
        with contextlib.closing(Writer(partial, kinds)) as writer:
            yield writer
            writer.finish(record)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EngineError(
            f"The quantised weights cannot be written to {folder.parent}: {reason}; make room."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process writes stores. Raises: EngineError where the folder cannot be made."""
    folder = stores_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("ab")
    except OSError as error:
        raise EngineError(f"{folder} cannot be written: {error.strerror}; it is for quantised weights.") from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def drop_stale(source: Path, precision: str, keep: str) -> None:
    """Remove stores of the same folder's earlier content, and those whose checkpoint is gone; harmless if it fails."""
    for folder, record in records():
        made_from = Path(str(record.get("source", "")))
        replaced = made_from == source and record.get("precision") == precision and folder.name != keep
        if replaced or not made_from.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def records() -> list[tuple[Path, dict[str, object]]]:
    """Return every whole store with its record, the sums left out."""
    found = []
    with contextlib.suppress(OSError):
        for folder in sorted(stores_folder().iterdir()):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                if not folder.name.startswith("."):
                    record = json.loads((folder / _RECORD_FILE).read_bytes())
                    record.pop("sums", None)
                    found.append((folder, record))
    return found


def _sum(tensor: Tensor) -> int:
    """Add up the bytes of a tensor, where it is."""
    return int(tensor.contiguous().reshape(-1).view(torch.uint8).sum(dtype=torch.int64))
