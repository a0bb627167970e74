"""From our own values to the client's messages: the only place where offsets become wire positions.

It knows the wire types and the line index, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lsprotocol import types

from infill_lsp.document import Snapshot
from infill_lsp.line_index import LineIndex, PositionEncoding
from infill_lsp.suggestion import Suggestion

FILL_TITLE = "Fill hole"

_LINE_BREAK = re.compile(r"\r\n?")


def range_of(index: LineIndex, start: int, end: int, encoding: PositionEncoding) -> types.Range:
    """Turn offsets into a range."""
    return types.Range(types.Position(*index.position(start, encoding)), types.Position(*index.position(end, encoding)))


def inline_list(
    suggestions: Iterable[Suggestion], snapshot: Snapshot, encoding: PositionEncoding, accepted: str
) -> types.InlineCompletionList:
    """Show suggestions as ghost text; `accepted` is the command that a client runs when its user takes one."""
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(
                # Editors write their buffer's own line breaks; Neovim would show and keep a carriage return.
                insert_text=_LINE_BREAK.sub("\n", each.text),
                range=range_of(snapshot.index, each.start, each.end, encoding),
                command=types.Command(title="Suggestion accepted", command=accepted),
            )
            for each in suggestions
        ]
    )


def fill_action(snapshot: Snapshot, asked: types.Range, kind: str) -> types.CodeAction:
    """List the action that fills a hole, without its edit; `asked` is the range that the client asked about."""
    data = {"uri": snapshot.uri, "version": snapshot.version, "range": _plain(asked)}
    return types.CodeAction(title=FILL_TITLE, kind=kind, data=data)


def filled(
    action: types.CodeAction,
    snapshot: Snapshot,
    suggestion: Suggestion,
    encoding: PositionEncoding,
    *,
    document_changes: bool,
) -> types.CodeAction:
    """Give an action its edit: for this version of the document only, where the client can tell."""
    edit = types.TextEdit(range_of(snapshot.index, suggestion.start, suggestion.end, encoding), suggestion.text)
    if document_changes:
        document = types.OptionalVersionedTextDocumentIdentifier(uri=snapshot.uri, version=snapshot.version)
        action.edit = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [edit])])
    else:
        action.edit = types.WorkspaceEdit(changes={snapshot.uri: [edit]})
    return action


def disabled(action: types.CodeAction, reason: str) -> types.CodeAction:
    """Say in the action itself why it has no edit."""
    action.disabled = types.CodeActionDisabled(reason=reason)
    return action


def _plain(given: types.Range) -> dict[str, Any]:
    return {
        "start": {"line": given.start.line, "character": given.start.character},
        "end": {"line": given.end.line, "character": given.end.character},
    }
