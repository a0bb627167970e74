"""Time and memory of a device: CUDA events and the allocator's own figures, or a host clock where there is no card."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds: the median, and the quartiles below and above it."""

    ms: float
    low: float
    high: float
    count: int

    def as_json(self) -> dict[str, float]:
        """Return it with four significant digits."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


def timing(milliseconds: Sequence[float]) -> Timing:
    """Return the median and the quartiles. Raises: ValueError where nothing was measured."""
    if not milliseconds:
        raise ValueError("nothing was measured")
    if len(milliseconds) == 1:
        return Timing(milliseconds[0], milliseconds[0], milliseconds[0], 1)
    low, middle, high = statistics.quantiles(milliseconds, n=4, method="inclusive")
    return Timing(middle, low, high, len(milliseconds))


class Clock:
    """Marks points in a device's work and tells the time between them, without waiting meanwhile."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._is_cuda = device.type == "cuda"

    def mark(self) -> Any:
        """Return a mark at this point of the current stream."""
        if not self._is_cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def between(self, marks: Sequence[Any]) -> list[float]:
        """Return the milliseconds from each mark to the next, after waiting for the last one."""
        if not self._is_cuda:
            return [(after - before) * 1000 for before, after in pairwise(marks)]
        self.wait()
        return [float(before.elapsed_time(after)) for before, after in pairwise(marks)]

    def each(self, function: Callable[[], object], repeats: int, warm_ups: int = 2) -> Timing:
        """Time a function, warm-ups not counted."""
        for _ in range(warm_ups):
            function()
        marks = [self.mark()]
        for _ in range(repeats):
            function()
            marks.append(self.mark())
        return timing(self.between(marks))

    def wait(self) -> None:
        """Wait for all that was asked of the device."""
        if self._is_cuda:
            torch.cuda.synchronize(self.device)

    def clear(self) -> None:
        """Give back what nothing refers to, and begin counting the peak anew."""
        self.wait()
        gc.collect()
        if self._is_cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> dict[str, int] | None:
        """Return the bytes in use and those that the allocator held, at most since `clear`; None on a CPU.

        `device` is what is taken of the card now, the driver's own part and other processes included.
        """
        if not self._is_cuda:
            return None
        self.wait()
        free, total = torch.cuda.mem_get_info(self.device)
        return {
            "device": total - free,
            "allocated": torch.cuda.max_memory_allocated(self.device),
            "reserved": torch.cuda.max_memory_reserved(self.device),
        }

    def free_bytes(self) -> int | None:
        """Return what is free on the device; None on a CPU."""
        return int(torch.cuda.mem_get_info(self.device)[0]) if self._is_cuda else None
