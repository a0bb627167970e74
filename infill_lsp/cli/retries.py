"""How long to wait before a hub is asked once more: what it asks for itself, else longer after each failure.

Pure: it waits for nothing and opens no connection.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TRIES = 5
"""Failures in a row, without a byte in between, that end a download."""

LONGEST_PAUSE_S = 600.0
"""Who is asked to wait longer is told so instead: the limits of hubs are counted by some minutes."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def is_passing(status: int) -> bool:
    """Tell whether an HTTP status says that the same question may be answered later."""
    return status in _PASSING


def pause_s(num_failures: int, retry_after: str | None, now: datetime) -> float:
    """Return how many seconds to wait after so many failures in a row: 2, 4, 8, or more where the hub asks for it.

    `retry_after` is the header of that name: seconds, or a date; what cannot be read is left aside.
    """
    return max(2.0**num_failures, _asked_s(retry_after, now))


def _asked_s(retry_after: str | None, now: datetime) -> float:
    value = (retry_after or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
        return (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
