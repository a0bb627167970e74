"""The tasks that rewrite: a selection, by the noise dial or an instruction, and the place of a problem.

It knows no wire type.
"""

from __future__ import annotations

from functools import partial

from infill_lsp.actions.action_fill import Report, filled
from infill_lsp.actions.fix import fix_at
from infill_lsp.actions.rewrite import rewrite
from infill_lsp.actions.rewrite_region import Region, region_in
from infill_lsp.actions.task import REWORK, Change, Done, Task, Undone
from infill_lsp.holes.hole import Hole, NoHole
from infill_lsp.session import Session
from infill_lsp.text.document import Snapshot


async def rewrite_selection(session: Session, snapshot: Snapshot, task: Task, report: Report) -> Done | Undone:
    """Rewrite what is selected, but for the lines to keep."""
    region = region_in(snapshot, task.start, task.end, task.keep)
    if isinstance(region, NoHole):
        return Undone(region.reason)
    noise = REWORK if task.noise is None else task.noise
    return await _rewritten(session, snapshot, region, task, noise)


async def fix(session: Session, snapshot: Snapshot, task: Task, report: Report) -> Done | Undone:
    """Write the words anew that a problem was reported for, or what is missing there."""
    place = fix_at(snapshot, task.start, task.end)
    if isinstance(place, NoHole):
        return Undone(place.reason)
    if isinstance(place, Hole):
        return await filled(session, snapshot, place)
    return await _rewritten(session, snapshot, place, task, noise=1.0)


async def _rewritten(session: Session, snapshot: Snapshot, region: Region, task: Task, noise: float) -> Done | Undone:
    hole = region.hole
    async with session.engine(snapshot.uri) as engine:
        outcome = await rewrite(
            snapshot,
            region,
            engine,
            session.settings_of(snapshot),
            noise=noise,
            instruction=task.instruction,
            surroundings=session.surroundings(snapshot),
            on_draft=partial(session.editor.draft, snapshot, hole.start, hole.end),
        )
    if outcome.text is None or outcome.text == region.original(snapshot):
        return Undone(outcome.reason or "nothing would change")
    return Done((Change(hole.start, hole.end, outcome.text, task.title),))
