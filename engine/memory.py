"""The memory of this process and of its device: how much is held, and giving back what is no longer used.

It asks torch only where something else has loaded it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import sys
from pathlib import Path

_log = logging.getLogger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as glibc's malloc.h numbers them


def resident_bytes() -> int | None:
    """Return what the process occupies; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def device_bytes() -> int | None:
    """Return what the process holds of the accelerator's memory; None where it uses none."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        return int(cuda.memory_reserved()) if cuda is not None and cuda.is_initialized() else None
    except RuntimeError:
        return None


def allocated_bytes() -> int | None:
    """Return what tensors that are alive hold of the accelerator's memory; None where the process uses none."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        return int(cuda.memory_allocated()) if cuda is not None and cuda.is_initialized() else None
    except RuntimeError:
        return None


def keep_freed() -> None:
    """Let the C library keep what a pass frees for the next one, which else pays for every page again.

    `release` gives it back. Other libraries than glibc do as they like.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_MMAP_THRESHOLD, 32 << 20)
            mallopt(_TRIM_THRESHOLD, 128 << 20)


def release() -> None:
    """Give back what nothing refers to any more, to the device and to the system."""
    gc.collect()
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        if cuda is not None and cuda.is_initialized():
            cuda.empty_cache()
    except Exception:
        # A device in an error state refuses even this; the next job reports what is wrong with it.
        _log.exception("the device's memory could not be released")
    if sys.platform == "linux":
        # The C library keeps freed memory for itself, some 50 MB after a small checkpoint; musl has no such call.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
