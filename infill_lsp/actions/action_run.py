"""A task that the user picked, carried out: with progress, one at a time a document, and always with a reason.

Who picks an action asked for it explicitly, so there is always a change or a reason. It knows no wire type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from engine.api import EngineError
from infill_lsp.actions.action_fill import Report, fill_hole, fill_holes
from infill_lsp.actions.action_rewrite import fix, rewrite_selection
from infill_lsp.actions.task import Done, Task, Undone, Work
from infill_lsp.errors import Superseded
from infill_lsp.session import Session
from infill_lsp.text.document import Snapshot

MOVED_ON = "the document changed meanwhile; try again"

_Doing = Callable[[Session, Snapshot, Task, Report], Awaitable[Done | Undone]]
_DOING: dict[Work, _Doing] = {
    "fill": fill_hole,
    "fill-function": fill_holes,
    "fill-file": fill_holes,
    "rewrite": rewrite_selection,
    "fix": fix,
}


async def carried_out(session: Session, snapshot: Snapshot, task: Task) -> Done | Undone:
    """Do a task on a document as it was when it was asked for; the document must still be that afterwards."""
    await session.configured()
    outcome = await _outcome(session, snapshot, task)
    if isinstance(outcome, Done) and not session.is_current(snapshot):
        outcome = Undone(MOVED_ON)
    if isinstance(outcome, Undone) and outcome.tell:
        session.silent(snapshot.uri, outcome.reason)
    return outcome


async def _outcome(session: Session, snapshot: Snapshot, task: Task) -> Done | Undone:
    if (refusal := session.refusal(snapshot)) is not None:
        return Undone(refusal)
    running: list[asyncio.Task[Done | Undone]] = []
    try:
        async with session.editor.progress(task.title, lambda: [each.cancel() for each in running]) as report:
            work = partial(_DOING[task.work], session, snapshot, task, report)
            # Ghost text has a lane of its own: a keystroke elsewhere must not end what the user picked from a menu.
            running.append(asyncio.ensure_future(session.scheduler.run(f"action {snapshot.uri}", work)))
            return await running[0]
    except Superseded:
        return Undone("another action on this document was picked meanwhile; pick this one again")
    except EngineError as error:
        return Undone(str(error))
    except asyncio.CancelledError:
        if _cancelled_from_outside():
            raise
        return Undone("cancelled", tell=False)


def _cancelled_from_outside() -> bool:
    """Tell a client that takes its request back from a user who presses the progress bar's button."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
