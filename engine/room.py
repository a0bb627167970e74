"""How much memory is free for a checkpoint, on the device where it runs and on the machine.

It asks torch and the system, and decides nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch

from engine.plan import Card

_MEMORY_FILE = Path("/proc/meminfo")


def free_bytes(device: torch.device) -> int:
    """Return what is free on a device, with what this process has taken and does not use."""
    if device.type != "cuda":
        return host_free_bytes() or 0
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def card_of(device: torch.device) -> Card:
    """Describe a device."""
    if device.type != "cuda":
        return Card("the machine", None)
    return Card(torch.cuda.get_device_name(device), host_free_bytes())


def host_free_bytes() -> int | None:
    """Return what the machine can give without swapping; None where the system does not say."""
    try:
        for line in _MEMORY_FILE.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
