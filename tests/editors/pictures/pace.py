"""Goes through the drafts of a fill, one after the other, each looked at before the next; see `paced_server`."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from neovim_driver import poll

T = TypeVar("T")


def each_draft(told: Path, shown: Callable[[], str], look: Callable[[], T]) -> Iterator[tuple[T, float]]:
    """Look at every draft once it is shown. Returns what was seen, and for how many milliseconds it stood there.

    The last one counts as long as the one before it. `shown` is the text of the draft on the
    screen, in any order and with any white space.
    """
    draft, stood_ms = _after(told, 0), 0.0
    while True:
        _wait_for(draft["text"], shown)
        seen = look()
        os.kill(draft["process"], signal.SIGUSR1)
        if draft["is_last"]:
            yield seen, stood_ms
            return
        following = _after(told, draft["step"])
        stood_ms = following["elapsed_ms"] - draft["elapsed_ms"]
        yield seen, stood_ms
        draft = following


def _after(told: Path, step: int) -> dict[str, Any]:
    """Wait for the first draft after a step."""

    def later() -> dict[str, Any] | None:
        draft = json.loads(told.read_text()) if told.exists() else None
        return draft if draft and draft["step"] > step else None

    return poll(later, lambda: f"no draft came after step {step}")


def _wait_for(text: str, shown: Callable[[], str]) -> None:
    def characters(of: str) -> list[str]:
        return sorted("".join(of.split()))

    poll(lambda: characters(shown()) == characters(text), lambda: f"{text!r} should be shown, not {shown()!r}")
