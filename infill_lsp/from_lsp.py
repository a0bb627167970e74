"""From the client's messages to our own values: the only place where wire positions become offsets.

It knows the wire types and the line index, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from infill_lsp.document import Document, Snapshot
from infill_lsp.errors import InvalidParams
from infill_lsp.ghost_text import Asked, Selected
from infill_lsp.line_index import LineIndex, PositionEncoding


@dataclass(frozen=True, slots=True)
class ActionTarget:
    """What a listed code action stands for: the range that was asked about, in a document at one version."""

    uri: str
    version: int
    range: types.Range


def offset_of(index: LineIndex, position: types.Position, encoding: PositionEncoding) -> int:
    """Turn a position into an offset; positions outside the text are clamped."""
    return index.offset(position.line, position.character, encoding)


def offsets_of(index: LineIndex, given: types.Range, encoding: PositionEncoding) -> tuple[int, int]:
    """Turn a range into offsets; one that ends before it starts is turned round."""
    start, end = offset_of(index, given.start, encoding), offset_of(index, given.end, encoding)
    return min(start, end), max(start, end)


def change(
    document: Document, changes: Sequence[types.TextDocumentContentChangeEvent], encoding: PositionEncoding
) -> None:
    """Apply a notification's changes in order; each one's range counts in the text that the one before it left."""
    for each in changes:
        if isinstance(each, types.TextDocumentContentChangePartial):
            start, end = offsets_of(document.index, each.range, encoding)
            document.edit(start, end, each.text)
        else:
            document.replace(each.text)


def asked(params: types.InlineCompletionParams, snapshot: Snapshot, encoding: PositionEncoding) -> Asked:
    """Read a request for ghost text."""
    offset = offset_of(snapshot.index, params.position, encoding)
    explicit = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    selected = None
    if (info := params.context.selected_completion_info) is not None:
        start, end = offsets_of(snapshot.index, info.range, encoding)
        selected = Selected(start, end, info.text)
    return Asked(snapshot, offset, explicit, selected)


def kind(given: types.CodeActionKind | str) -> str:
    """Read the name of a kind of code actions."""
    return given.value if isinstance(given, types.CodeActionKind) else given


def action_target(data: Any) -> ActionTarget:
    """Read back what `to_lsp.action_data` put into a code action. Raises InvalidParams."""
    try:
        (a, b), (c, d) = ((data["range"][edge]["line"], data["range"][edge]["character"]) for edge in ("start", "end"))
        uri, version = data["uri"], data["version"]
        if not isinstance(uri, str) or not isinstance(version, int):
            raise TypeError
        return ActionTarget(uri, version, types.Range(types.Position(a, b), types.Position(c, d)))
    except (KeyError, TypeError, ValueError):
        raise InvalidParams(
            "this code action is not one of this server's: its data holds no uri, version and range"
        ) from None
