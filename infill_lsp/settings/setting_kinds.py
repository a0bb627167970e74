"""The kinds of values that settings have: each reads what a user wrote, and describes itself as JSON schema.

A reader raises ValueError, saying what was expected. It knows no key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of values: how it is read, and what a JSON schema says of it."""

    read: Callable[[object], object]
    schema: Mapping[str, Any]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text that is not empty")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _minutes(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 100_000:
        raise ValueError("expected a number of minutes above 0")
    return float(value)


def _probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError("expected a number from 0 to 1")
    return float(value)


def _globs(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(glob, str) and glob.strip("/ ") for glob in value):
        raise ValueError("expected a list of globs")
    return tuple(value)


TEXT = Kind(_text, {"type": "string", "minLength": 1})
SWITCH = Kind(_switch, {"type": "boolean"})
MINUTES = Kind(_minutes, {"type": "number", "exclusiveMinimum": 0, "maximum": 100_000})
PROBABILITY = Kind(_probability, {"type": "number", "minimum": 0, "maximum": 1})
GLOBS = Kind(_globs, {"type": "array", "items": {"type": "string", "minLength": 1}})


def whole(low: int, high: int) -> Kind:
    """Whole numbers from low to high."""

    def read(value: object) -> int:
        # Some editors have one kind of number only and send 4.0 for 4.
        integral = not isinstance(value, bool) and isinstance(value, (int, float)) and value == value // 1
        if not integral or not low <= value <= high:  # type: ignore[operator]  # a number, as just checked
            raise ValueError(f"expected a whole number from {low:,} to {high:,}")
        return int(value)  # type: ignore[call-overload,no-any-return]

    return Kind(read, {"type": "integer", "minimum": low, "maximum": high})


def one_of(*texts: str) -> Kind:
    """One of a few texts."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in texts:
            raise ValueError(f"expected one of {', '.join(texts)}")
        return value

    return Kind(read, {"type": "string", "enum": list(texts)})
