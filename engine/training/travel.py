"""Packed token ids made small for a journey: about .56 byte a token, where the plain array takes two.

A `.xz` file holds two numbers (how many ids, how many starts; little-endian uint64), the ids (uint16) and the distances
between the starts (uint32).
"""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import numpy as np

from engine.training.data import pack
from engine.training.data.pack import Packed

# Ids are pairs of bytes: one bit of the position says which of the two a byte is.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 3, "lp": 1, "pb": 1}]
_HEADER = struct.Struct("<QQ")


def compress(packed: Packed, path: Path) -> int:
    """Write the arrays as one `.xz` file; return its size in bytes. A million tokens take about a second."""
    distances = np.diff(packed.starts, prepend=0).astype("<u4")
    data = _HEADER.pack(len(packed.ids), len(distances)) + packed.ids.astype("<u2").tobytes() + distances.tobytes()
    small = lzma.compress(data, filters=_FILTERS)
    path.write_bytes(small)
    return len(small)


def load(folder: Path, name: str) -> Packed:
    """Read `name.npz`, or `name.xz` where that is not there.

    Raises: FileNotFoundError when neither is.
    """
    if (folder / f"{name}.npz").exists():
        return pack.load(folder / f"{name}.npz")
    small = folder / f"{name}.xz"
    if not small.exists():
        raise FileNotFoundError(f"{folder} holds no {name}.npz and no {name}.xz; make them with the step `data`")
    data = lzma.decompress(small.read_bytes())
    num_ids, num_starts = _HEADER.unpack_from(data)
    ids = np.frombuffer(data, "<u2", num_ids, _HEADER.size).astype(np.uint16)
    distances = np.frombuffer(data, "<u4", num_starts, _HEADER.size + 2 * num_ids)
    return Packed(ids, np.cumsum(distances.astype(np.int64)))
