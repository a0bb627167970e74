"""What a card does at best: bytes copied in a second, and operations of a matrix product in the type of the weights.

Both are measured, not read from a data sheet, and in the run whose floors they make.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.gpu_clock import Clock

_COPY_BYTES = 4 << 30
_MATRIX = 8192


@torch.inference_mode()
def copy_rate(clock: Clock, is_quick: bool) -> dict[str, Any]:
    """Return the bytes read and written in a second by a copy on the device."""
    free = clock.free_bytes()
    size = (1 << 22) if is_quick else min(_COPY_BYTES, (free or _COPY_BYTES) // 4)
    source = torch.empty(size, dtype=torch.uint8, device=clock.device).random_()
    target = torch.empty_like(source)
    took = clock.each(lambda: target.copy_(source), 10)
    return {"row": "copy", "timing": took.as_json(), "bytes_per_s": 2000 * size / took.ms}


@torch.inference_mode()
def matrix_rate(clock: Clock, dtype: torch.dtype, is_quick: bool) -> dict[str, Any]:
    """Return the operations in a second of a large square product."""
    size = 256 if is_quick else _MATRIX
    left = torch.randn(size, size, device=clock.device, dtype=dtype)
    right = torch.randn(size, size, device=clock.device, dtype=dtype)
    out = torch.empty_like(left)
    took = clock.each(lambda: torch.mm(left, right, out=out), 10, warm_ups=3)
    return {"row": "matrix", "timing": took.as_json(), "operations_per_s": 2000 * size**3 / took.ms}


def about(device: torch.device) -> dict[str, Any]:
    """Return what the card is called and how it is driven."""
    found: dict[str, Any] = {"device": device.type, "cuda": torch.version.cuda}
    if device.type == "cuda":
        of = torch.cuda.get_device_properties(device)
        free, total = torch.cuda.mem_get_info(device)
        found |= {
            "card": of.name,
            "capability": f"{of.major}.{of.minor}",
            "multiprocessors": of.multi_processor_count,
            "memory_bytes": total,
            "free_bytes": free,
            "driver": _driver(),
        }
    return found


def _driver() -> str:
    import subprocess

    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return ran.stdout.strip().partition("\n")[0] or "unknown"
