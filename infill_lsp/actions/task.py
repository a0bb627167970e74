"""What a code action or a command is to do, and what came of it: plain values. It knows no wire type and no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Work = Literal["fill", "fill-function", "fill-file", "rewrite", "fix"]

TIDY, REWORK, REDO = 0.3, 0.6, 0.9
"""The noise dial: how much of the code is let go of and written anew."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with a range of a document.

    `noise` and `instruction` go with rewriting; so does `keep`, ranges of lines that stay as they are.
    """

    work: Work
    title: str
    start: int
    end: int
    noise: float | None = None
    instruction: str | None = None
    keep: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Replace `[start, end)` by `text`; the label says what it is, for users who look at each change."""

    start: int
    end: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a task came to: changes from left to right, and what the user should know beside them.

    Where several holes were filled, users may want to `confirm` each.
    """

    changes: tuple[Change, ...]
    message: str | None = None
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Undone:
    """Why a task came to nothing. Whoever stopped it knows already and is not told again."""

    reason: str
    tell: bool = True
