"""One short function for each message that the standard does not know: our own, and those of clients made for Copilot.

docs/protocol.md describes them. Their parameters are plain JSON values, so no wire type is known here, and no engine.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from infill_lsp import from_lsp, to_lsp
from infill_lsp.actions.task import Done, Undone
from infill_lsp.session import Session
from infill_lsp.transport.hardened import at_arrival


async def rewrite(session: Session, arguments: Any) -> dict[str, object]:
    """Rewrite a range by the noise dial or by an instruction, and ask the client to apply the edit."""
    wanted, snapshot = from_lsp.wanted_rewriting(arguments), at_arrival()
    if not session.editor.applies_edits:
        outcome: Done | Undone = Undone("this editor does not apply edits of a server (workspace/applyEdit)")
    elif snapshot is None:
        outcome = Undone("the document is not open")
    elif wanted.version is not None and wanted.version != snapshot.version:
        outcome = Undone("the document changed since")
    else:
        from infill_lsp.actions.action_run import carried_out

        task = wanted.task("Rewrite", snapshot.index, session.editor.encoding)
        outcome = await carried_out(session, snapshot, task)
    if isinstance(outcome, Done):
        reason = await session.editor.apply(session.editor.workspace_edit(outcome, snapshot), "Rewrite")
        outcome = outcome if reason is None else Undone(reason)
    if isinstance(outcome, Undone):
        if outcome.tell:
            session.editor.show(f"Rewrite: {outcome.reason}")
        return {"applied": False, "reason": outcome.reason}
    return {"applied": True, "reason": None}


async def why_no_suggestion(session: Session, params: Any) -> dict[str, object]:
    """Tell why nothing was suggested lately, newest first."""
    return to_lsp.silences(session.silences(), datetime.now().astimezone())


def show_why_no_suggestion(session: Session) -> dict[str, object]:
    """Show the user why nothing was suggested lately, newest first, and answer the same."""
    told = to_lsp.silences(session.silences(), datetime.now().astimezone())
    session.editor.show(to_lsp.silences_as_text(told))
    return told


def accepted(session: Session, *arguments: object) -> None:
    """Count a suggestion that the user took, and learn from it."""
    session.num_accepted += 1
    if (name := from_lsp.offer_name(arguments)) is not None:
        session.offers.taken(name)


def did_show_completion(session: Session, params: Any) -> None:
    """Note that a suggestion is on the screen, as Copilot's clients tell."""
    if (name := from_lsp.offer_of_item(params)) is not None:
        session.offers.shown(name, session.now())


def did_partially_accept_completion(session: Session, params: Any) -> None:
    """Learn that the user took a part of a suggestion, as Copilot's clients tell."""
    if (name := from_lsp.offer_of_item(params)) is not None:
        session.offers.taken(name)
