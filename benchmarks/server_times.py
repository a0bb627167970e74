"""What requests took that were asked in several rounds, and what that comes to. It knows no clock and no server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

REQUEST_BAR_MS = 5.0


@dataclass
class Times:
    """What requests of one kind took in one round, in ms, and how many of them were answered with something."""

    cpu_ms: list[float] = field(default_factory=list)  # from the edit on
    wall_ms: list[float] = field(default_factory=list)
    asked_cpu_ms: list[float] = field(default_factory=list)  # from the request on
    asked_wall_ms: list[float] = field(default_factory=list)
    num_served: int = 0


def row(kind: str, rounds: Sequence[Times]) -> dict[str, object]:
    """Return the figures of all rounds by name. The bar is about each request, whatever else the machine did.

    Every round has the same requests. `keystroke_cpu_p99_ms` is of what each cost at its median over the rounds: what
    the server asks for, where a single request may also pay for the machine.
    """
    cpu_ms = [each for times in rounds for each in times.cpu_ms]
    cpu_p99 = percentile(cpu_ms, 99)
    figures: dict[str, object] = {
        "kind": kind,
        "rounds": len(rounds),
        "requests": len(cpu_ms),
        "served": sum(times.num_served for times in rounds),
    }
    for name in ("cpu_ms", "wall_ms", "asked_cpu_ms", "asked_wall_ms"):
        values = [each for times in rounds for each in getattr(times, name)]
        label = name.replace("asked", "request").removesuffix("_ms")
        figures[f"{label}_p50_ms"] = round(percentile(values, 50), 2)
        figures[f"{label}_p99_ms"] = round(percentile(values, 99), 2)
    medians = [median(costs) for costs in zip(*(times.cpu_ms for times in rounds), strict=True)]
    return {
        **figures,
        "keystroke_cpu_p99_ms": round(percentile(medians, 99), 2),
        "within_bar": cpu_p99 <= REQUEST_BAR_MS,
    }


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of the values lie below. There must be one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]
