"""The code action that fills a hole: found without the model, filled when the user picks it.

Who picks an action asked for it explicitly, so there is always an edit or a reason. It knows no wire type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from engine.api import EngineError
from infill_lsp.document import Snapshot
from infill_lsp.errors import Superseded
from infill_lsp.fill import Outcome, fill
from infill_lsp.hole import Hole, NoHole, hole_for_action
from infill_lsp.session import Session
from infill_lsp.suggestion import Suggestion

QUICK_FIX = "quickfix"
REWRITE = "refactor.rewrite"


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Why a hole was not filled. Whoever stopped it knows already and is not told again."""

    reason: str
    tell: bool = True


def kind_of_action(
    session: Session, snapshot: Snapshot, start: int, end: int, only: Sequence[str] | None
) -> str | None:
    """Return the kind under which to offer the action for this range, or None when there is nothing to offer.

    `only` holds the kinds that the client wants to see, each standing for the kinds below it too.
    """
    if session.refusal(snapshot) is not None:
        return None
    hole = hole_for_action(snapshot, start, end)
    if isinstance(hole, NoHole):
        return None
    kinds = (REWRITE,) if hole.kind == "selection" else (QUICK_FIX, REWRITE)
    return next((kind for kind in kinds if only is None or any(_covers(each, kind) for each in only)), None)


async def filled(session: Session, snapshot: Snapshot, start: int, end: int) -> Suggestion | Unfilled:
    """Fill the hole that the action was offered for."""
    await session.configured()
    if (refusal := session.refusal(snapshot)) is not None:
        return _unfilled(session, snapshot, refusal)
    hole = hole_for_action(snapshot, start, end)
    if isinstance(hole, NoHole):
        return _unfilled(session, snapshot, hole.reason)
    work = partial(_fill, session, snapshot, hole)
    # Ghost text has a lane of its own: a keystroke elsewhere must not end what the user picked from a menu.
    filling = asyncio.ensure_future(session.scheduler.run(f"action {snapshot.uri}", work))
    try:
        async with session.editor.progress("Fill hole", filling.cancel):
            outcome = await filling
    except Superseded:
        return _unfilled(session, snapshot, "another hole of this document was picked meanwhile; pick this one again")
    except EngineError as error:
        return _unfilled(session, snapshot, str(error))
    except asyncio.CancelledError:
        if _cancelled_from_outside():
            raise
        return Unfilled("cancelled", tell=False)
    if not session.is_current(snapshot):
        return _unfilled(session, snapshot, "the document changed while the hole was being filled; try again")
    if not outcome.suggestions:
        return _unfilled(session, snapshot, outcome.reason or "the model found nothing good enough")
    return outcome.suggestions[0]


async def _fill(session: Session, snapshot: Snapshot, hole: Hole) -> Outcome:
    async with session.engine(snapshot.uri) as engine:
        on_draft = partial(session.editor.draft, snapshot, hole.start, hole.end)
        return await fill(
            snapshot,
            hole,
            engine,
            session.settings,
            num_candidates=session.settings.num_candidates,
            on_draft=on_draft,
        )


def _covers(wanted: str, kind: str) -> bool:
    """Tell whether a kind is the wanted one or below it; the empty kind stands for all."""
    return wanted in ("", kind) or kind.startswith(f"{wanted}.")


def _unfilled(session: Session, snapshot: Snapshot, reason: str) -> Unfilled:
    session.silent(snapshot.uri, reason)
    return Unfilled(reason)


def _cancelled_from_outside() -> bool:
    """Tell a client that takes its request back from a user who presses the progress bar's button."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
