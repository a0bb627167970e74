"""Which code actions are offered for a range: found in the text alone, since editors ask at every move of the caret.

What the engine can do is taken from what it said before; as long as nobody asked it, it counts as the bundled one.
It knows no wire type and asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.api import Capabilities
from infill_lsp.actions.fix import fix_at
from infill_lsp.actions.rewrite_region import Region, region_in
from infill_lsp.actions.task import REDO, REWORK, TIDY, Task
from infill_lsp.holes.all_holes import function_around, has_hole_outside, num_holes_within
from infill_lsp.holes.hole import Hole, NoHole, hole_for_action, hole_on_request
from infill_lsp.text.document import Snapshot

QUICK_FIX = "quickfix"
REWRITE = "refactor.rewrite"
FILL_FUNCTION, FILL_FILE = f"{REWRITE}.fill.function", f"{REWRITE}.fill.file"
DOCSTRING, ANNOTATE = f"{REWRITE}.docstring", f"{REWRITE}.annotate"

_DIALS = (
    ("tidy", "Rewrite: tidy", TIDY),
    ("rework", "Rewrite: rework", REWORK),
    ("redo", "Rewrite: redo", REDO),
)
_INSTRUCTED = (
    (DOCSTRING, "Write docstring", "Write a docstring for this function."),
    (ANNOTATE, "Annotate types", "Add type annotations to this function."),
)
_MAX_FIXES = 5
_MAX_MESSAGE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """What somebody reported about a range of the text."""

    start: int
    end: int
    message: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something on offer: under which kind, what it does, and which of the problems it is for, if any."""

    kind: str
    task: Task
    problem: int | None = None


def actions_for(
    snapshot: Snapshot,
    start: int,
    end: int,
    *,
    problems: Sequence[Problem] = (),
    only: Sequence[str] | None = None,
    capabilities: Capabilities | None = None,
    is_asked: bool = False,
) -> list[Action]:
    """List what may be done with a range, the likeliest first.

    `only` holds the kinds that the client wants to see, each standing for the kinds below it too. Where the user asked,
    and not an editor that follows the caret, a line's rest is a hole too, and holes are looked for in the whole file.
    """
    hole = (hole_on_request if is_asked else hole_for_action)(snapshot, start, end)
    found = [
        *_fill(hole, start, end, only),
        *_fixes(snapshot, start, end, problems, capabilities),
        *_fill_all(snapshot, start, end, hole, is_asked=is_asked),
        *_rewritings(snapshot, start, end, capabilities),
        *_instructed(snapshot, start, capabilities),
    ]
    return [action for action in found if _is_wanted(action.kind, only)]


def _fill(hole: Hole | NoHole, start: int, end: int, only: Sequence[str] | None) -> Iterator[Action]:
    if isinstance(hole, NoHole):
        return
    kinds = (REWRITE,) if hole.kind == "selection" else (QUICK_FIX, REWRITE)
    for kind in kinds:
        if _is_wanted(kind, only):
            yield Action(kind, Task("fill", "Fill hole", start, end))
            return


def _fixes(
    snapshot: Snapshot, start: int, end: int, problems: Sequence[Problem], capabilities: Capabilities | None
) -> Iterator[Action]:
    here = [(number, each) for number, each in enumerate(problems) if each.start <= end and start <= each.end]
    for number, problem in here[:_MAX_FIXES]:
        place = fix_at(snapshot, problem.start, problem.end)
        if isinstance(place, NoHole) or (isinstance(place, Region) and not _can_rewrite(capabilities)):
            continue
        words = " ".join(problem.message.split())
        words = words if len(words) <= _MAX_MESSAGE else f"{words[: _MAX_MESSAGE - 1]}…"
        yield Action(QUICK_FIX, Task("fix", f"Fix here: {words}", problem.start, problem.end), number)


def _fill_all(snapshot: Snapshot, start: int, end: int, here: Hole | NoHole, *, is_asked: bool) -> Iterator[Action]:
    """Offer to fill all holes where there are more than the one that `Fill hole` is offered for."""
    # One character is what a caret selects that is drawn as a block.
    if end - start > 1 and snapshot.text[start:end].strip():
        return
    function = function_around(snapshot, start)
    if function is not None:
        num_holes = num_holes_within(snapshot, *function)
        if num_holes > 1 or (num_holes == 1 and isinstance(here, NoHole)):
            yield Action(FILL_FUNCTION, Task("fill-function", "Fill all holes in this function", *function))
    inner = function or ((start, end) if isinstance(here, NoHole) else (here.start, here.end))
    if has_hole_outside(snapshot, *inner, far=is_asked):
        yield Action(FILL_FILE, Task("fill-file", "Fill all holes in this file", 0, len(snapshot.text)))


def _rewritings(snapshot: Snapshot, start: int, end: int, capabilities: Capabilities | None) -> Iterator[Action]:
    if _can_rewrite(capabilities) and isinstance(region_in(snapshot, start, end), Region):
        for name, title, noise in _DIALS:
            yield Action(f"{REWRITE}.{name}", Task("rewrite", title, start, end, noise))


def _instructed(snapshot: Snapshot, start: int, capabilities: Capabilities | None) -> Iterator[Action]:
    if capabilities is None or not (capabilities.rewriting and capabilities.instructions):
        return
    if (function := function_around(snapshot, start)) is not None:
        for kind, title, instruction in _INSTRUCTED:
            yield Action(kind, Task("rewrite", title, *function, REWORK, instruction))


def _can_rewrite(capabilities: Capabilities | None) -> bool:
    return capabilities is None or capabilities.rewriting


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Tell whether a kind is one of those wanted or below one; the empty kind stands for all."""
    return only is None or any(wanted in ("", kind) or kind.startswith(f"{wanted}.") for wanted in only)
