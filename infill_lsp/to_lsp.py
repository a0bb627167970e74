"""From our own values to the client's messages: the only place where offsets become wire positions.

It knows the wire types and the line index, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lsprotocol import types

from infill_lsp.actions.task import Done
from infill_lsp.fitting.suggestion import Suggestion
from infill_lsp.ghost.silences import Silence
from infill_lsp.text.document import Snapshot
from infill_lsp.text.line_index import LineIndex, PositionEncoding

if TYPE_CHECKING:
    from infill_lsp.actions.actions import Action

_LINE_BREAK = re.compile(r"\r\n?")


def range_of(index: LineIndex, start: int, end: int, encoding: PositionEncoding) -> types.Range:
    """Turn offsets into a range."""
    return types.Range(types.Position(*index.position(start, encoding)), types.Position(*index.position(end, encoding)))


def inline_list(
    offers: Iterable[tuple[str, Suggestion]], snapshot: Snapshot, encoding: PositionEncoding, accepted: str
) -> types.InlineCompletionList:
    """Show named suggestions as ghost text; `accepted` is the command that a client runs when its user takes one."""
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(
                # Editors write their buffer's own line breaks; Neovim would show and keep a carriage return.
                insert_text=_LINE_BREAK.sub("\n", each.text),
                range=range_of(snapshot.index, each.start, each.end, encoding),
                command=types.Command(title="Suggestion accepted", command=accepted, arguments=[name]),
            )
            for name, each in offers
        ]
    )


def action(
    offered: Action, snapshot: Snapshot, encoding: PositionEncoding, diagnostics: Sequence[types.Diagnostic]
) -> types.CodeAction:
    """List a code action without its edit; its data says what to do. `diagnostics` are those that were asked about."""
    task = offered.task
    data = {
        "uri": snapshot.uri,
        "version": snapshot.version,
        "range": _plain(range_of(snapshot.index, task.start, task.end, encoding)),
        "do": task.work,
    }
    if task.work == "rewrite":
        data |= {"noise": task.noise, "keep": []}
    if task.instruction is not None:
        data["instruction"] = task.instruction
    tied = None if offered.problem is None else [diagnostics[offered.problem]]
    return types.CodeAction(title=task.title, kind=offered.kind, diagnostics=tied, data=data)


def workspace_edit(
    done: Done, snapshot: Snapshot, encoding: PositionEncoding, *, document_changes: bool, annotations: bool
) -> types.WorkspaceEdit:
    """Write changes as one edit: for this version of the document only, where the client can tell.

    With annotations, users may confirm each change of those that want it.
    """
    edits = [
        types.TextEdit(range_of(snapshot.index, each.start, each.end, encoding), each.text) for each in done.changes
    ]
    if not document_changes:
        return types.WorkspaceEdit(changes={snapshot.uri: edits})
    document = types.OptionalVersionedTextDocumentIdentifier(uri=snapshot.uri, version=snapshot.version)
    if not (annotations and done.confirm):
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, edits)])
    names = [f"change-{number}" for number in range(1, len(edits) + 1)]
    annotated = [
        types.AnnotatedTextEdit(annotation_id=name, range=edit.range, new_text=edit.new_text)
        for name, edit in zip(names, edits, strict=True)
    ]
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(document, annotated)],
        change_annotations={
            name: types.ChangeAnnotation(each.label, needs_confirmation=True, description=_first_line(each.text))
            for name, each in zip(names, done.changes, strict=True)
        },
    )


def disabled(action: types.CodeAction, reason: str) -> types.CodeAction:
    """Say in the action itself why it has no edit."""
    action.disabled = types.CodeActionDisabled(reason=reason)
    return action


def silences(silences: Iterable[tuple[Silence, int]], now: datetime) -> dict[str, Any]:
    """Tell when and why nothing was suggested; each silence comes with its age in ms."""
    return {
        "silences": [
            {
                "reason": each.reason,
                "uri": each.uri,
                "age_ms": age_ms,
                "at": (now - timedelta(milliseconds=age_ms)).isoformat(timespec="seconds"),
                "num_times": each.num_times,
            }
            for each, age_ms in silences
        ]
    }


def silences_as_text(told: dict[str, Any]) -> str:
    """Write what `silences` tells for the user to read, a line each: the local time, the age, the file, the reason."""
    lines = []
    for each in told["silences"]:
        name = unquote(each["uri"].rsplit("/", 1)[-1])
        times = f" ({each['num_times']} times in a row)" if each["num_times"] > 1 else ""
        lines.append(f"{each['at'][11:19]}, {_ago(each['age_ms'])}: {name}: {each['reason']}{times}")
    return "\n".join(["Why there was no suggestion, newest first:", *lines] if lines else ["Nothing was kept back."])


def _ago(age_ms: int) -> str:
    seconds = age_ms // 1000
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"


def _first_line(text: str) -> str:
    return next((line.strip() for line in _LINE_BREAK.sub("\n", text).split("\n") if line.strip()), "")


def _plain(given: types.Range) -> dict[str, Any]:
    return {
        "start": {"line": given.start.line, "character": given.start.character},
        "end": {"line": given.end.line, "character": given.end.character},
    }
