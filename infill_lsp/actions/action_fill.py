"""The tasks that fill holes: one hole, and all holes of a function or a file. It knows no wire type."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.api import Draft
from infill_lsp.actions.fill_all import AllFilled, fill_all
from infill_lsp.actions.task import Change, Done, Task, Undone
from infill_lsp.fill import fill
from infill_lsp.holes.all_holes import holes_within
from infill_lsp.holes.hole import Hole, NoHole, hole_on_request
from infill_lsp.session import Session
from infill_lsp.text.document import Snapshot

Report = Callable[[str], None]


async def fill_hole(session: Session, snapshot: Snapshot, task: Task, report: Report) -> Done | Undone:
    """Fill the hole that the action was offered for."""
    hole = hole_on_request(snapshot, task.start, task.end)
    return Undone(hole.reason) if isinstance(hole, NoHole) else await filled(session, snapshot, hole)


async def filled(session: Session, snapshot: Snapshot, hole: Hole) -> Done | Undone:
    """Fill one hole. Raises EngineError."""
    settings = session.settings_of(snapshot)
    async with session.engine(snapshot.uri) as engine:
        outcome = await fill(
            snapshot,
            hole,
            engine,
            settings,
            num_candidates=settings.num_candidates,
            surroundings=session.surroundings(snapshot),
            on_draft=partial(session.editor.draft, snapshot, hole.start, hole.end),
        )
    if not outcome.suggestions:
        return Undone(outcome.reason or "the model found nothing good enough")
    best = outcome.suggestions[0]
    return Done((Change(best.start, best.end, best.text, "Fill hole"),))


async def fill_holes(session: Session, snapshot: Snapshot, task: Task, report: Report) -> Done | Undone:
    """Fill all holes in a range."""
    holes = holes_within(snapshot, task.start, task.end)
    if not holes:
        return Undone("nothing to fill here")

    def draw(first: Hole, last: Hole, draft: Draft) -> None:
        session.editor.draft(snapshot, first.start, last.end, draft)

    async with session.engine(snapshot.uri) as engine:
        outcome = await fill_all(
            snapshot,
            holes,
            engine,
            session.settings_of(snapshot),
            (await engine.info()).capabilities,
            surroundings=session.surroundings(snapshot),
            on_draft=draw,
            on_progress=lambda num_done, num_all: report(f"{num_done} of {num_all} holes"),
        )
    missing = told(snapshot, outcome)
    if not outcome.fills:
        return Undone(missing or "nothing to fill here")
    changes = tuple(
        Change(hole.start, hole.end, text, f"Fill line {snapshot.index.line_of(hole.start) + 1}")
        for hole, text in outcome.fills
    )
    return Done(changes, missing, confirm=True)


def told(snapshot: Snapshot, outcome: AllFilled) -> str | None:
    """Say in one line how many holes could not be filled, and why the first of them. None: all were."""
    if not outcome.unfilled:
        return None
    hole, reason = outcome.unfilled[0]
    num_all = len(outcome.fills) + len(outcome.unfilled)
    line = snapshot.index.line_of(hole.start) + 1
    return f"{len(outcome.unfilled)} of {num_all} holes not filled; the first, in line {line}: {reason}"
