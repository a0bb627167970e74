"""From the client's messages to our own values: the only place where wire positions become offsets.

It knows the wire types and the line index, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from lsprotocol import types

from infill_lsp.actions.task import Task, Work
from infill_lsp.errors import InvalidParams
from infill_lsp.ghost.rhythm import Edit
from infill_lsp.text.document import Document, Snapshot
from infill_lsp.text.line_index import LineIndex, PositionEncoding

if TYPE_CHECKING:  # What finds and judges holes is loaded with the first request: an editor waits for the start.
    from infill_lsp.actions.actions import Problem
    from infill_lsp.ghost.ghost_text import Asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a resolved action or a command asks for: which document, at which version if it says so, and what to do.

    Ranges are the client's own, since only the document tells which offsets they are.
    """

    uri: str
    version: int | None
    work: Work
    range: types.Range
    noise: float | None
    instruction: str | None
    keep: tuple[types.Range, ...]

    def task(self, title: str, index: LineIndex, encoding: PositionEncoding) -> Task:
        """Count what is asked for in offsets."""
        keep = tuple(offsets_of(index, each, encoding) for each in self.keep)
        start, end = offsets_of(index, self.range, encoding)
        return Task(self.work, title, start, end, self.noise, self.instruction, keep)


def offset_of(index: LineIndex, position: types.Position, encoding: PositionEncoding) -> int:
    """Turn a position into an offset; positions outside the text are clamped."""
    return index.offset(position.line, position.character, encoding)


def offsets_of(index: LineIndex, given: types.Range, encoding: PositionEncoding) -> tuple[int, int]:
    """Turn a range into offsets; one that ends before it starts is turned round."""
    start, end = offset_of(index, given.start, encoding), offset_of(index, given.end, encoding)
    return min(start, end), max(start, end)


def change(
    document: Document, changes: Sequence[types.TextDocumentContentChangeEvent], encoding: PositionEncoding
) -> Edit:
    """Apply a notification's changes in order; each one's range counts in the text that the one before it left."""
    num_removed = num_added = 0
    for each in changes:
        if isinstance(each, types.TextDocumentContentChangePartial):
            start, end = offsets_of(document.index, each.range, encoding)
            document.edit(start, end, each.text)
            num_removed, num_added = num_removed + end - start, num_added + len(each.text)
        else:
            grown = len(each.text) - len(document.text)
            document.replace(each.text)
            num_removed, num_added = num_removed + max(-grown, 0), num_added + max(grown, 0)
    return Edit(len(changes), num_removed, num_added)


def asked(params: types.InlineCompletionParams, snapshot: Snapshot, encoding: PositionEncoding) -> Asked:
    """Read a request for ghost text."""
    from infill_lsp.ghost.ghost_text import Asked, Selected

    offset = offset_of(snapshot.index, params.position, encoding)
    explicit = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    selected = None
    if (info := params.context.selected_completion_info) is not None:
        start, end = offsets_of(snapshot.index, info.range, encoding)
        selected = Selected(start, end, info.text)
    return Asked(snapshot, offset, explicit, selected)


def offer_name(arguments: Any) -> str | None:
    """Read which suggestion a command is about. None: the client does not say."""
    first = arguments[0] if isinstance(arguments, (list, tuple)) and arguments else None
    return first if isinstance(first, str) else None


def offer_of_item(params: Any) -> str | None:
    """Read which suggestion a notification is about: the item's command, which the client sends back, says it."""
    for key in ("item", "command"):
        params = params.get(key) if isinstance(params, Mapping) else None
    return offer_name(params.get("arguments")) if isinstance(params, Mapping) else None


def kind(given: types.CodeActionKind | str) -> str:
    """Read the name of a kind of code actions."""
    return given.value if isinstance(given, types.CodeActionKind) else given


def problems(
    diagnostics: Sequence[types.Diagnostic], index: LineIndex, encoding: PositionEncoding
) -> tuple[Problem, ...]:
    """Read the diagnostics that a request for code actions comes with."""
    from infill_lsp.actions.actions import Problem

    return tuple(Problem(*offsets_of(index, each.range, encoding), str(each.message)) for each in diagnostics)


def wanted_action(data: Any) -> Wanted:
    """Read back what `to_lsp.action` put into a code action. Raises InvalidParams."""
    found = _wanted(data, "this code action is not one of this server's: its data")
    if found.version is None:
        raise InvalidParams("this code action is not one of this server's: its data holds no version")
    return found


def wanted_rewriting(arguments: Any) -> Wanted:
    """Read the argument of the command that rewrites. Raises InvalidParams."""
    first = arguments[0] if isinstance(arguments, (list, tuple)) and len(arguments) == 1 else None
    found = _wanted(first, "the command takes one argument, {uri, range, noise | instruction, keep}: it")
    if found.work != "rewrite" or (found.noise is None) == (found.instruction is None):
        raise InvalidParams("the command takes a noise from 0 to 1 or an instruction, and only one of them")
    return found


def uri_of_command(arguments: Any) -> str | None:
    """Read which document a command is about. None: it does not say."""
    first = arguments[0] if isinstance(arguments, (list, tuple)) and arguments else None
    uri = first.get("uri") if isinstance(first, Mapping) else None
    return uri if isinstance(uri, str) else None


def _wanted(data: Any, subject: str) -> Wanted:
    try:
        uri, version, noise, instruction = (data.get(key) for key in ("uri", "version", "noise", "instruction"))
        work = data.get("do", "rewrite")
        keep = tuple(_range(each) for each in data.get("keep") or ())
        if not isinstance(uri, str) or not isinstance(version, (int, type(None))) or work not in get_args(Work):
            raise TypeError
        if not isinstance(instruction, (str, type(None))) or not (noise is None or 0 <= noise <= 1):
            raise TypeError
        noise = None if noise is None else float(noise)
        return Wanted(uri, version, work, _range(data["range"]), noise, instruction, keep)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidParams(f"{subject} makes no sense") from None


def _range(given: Any) -> types.Range:
    """Read a range. Raises KeyError, TypeError, ValueError."""
    numbers = [given[edge][part] for edge in ("start", "end") for part in ("line", "character")]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise TypeError
    return types.Range(types.Position(*numbers[:2]), types.Position(*numbers[2:]))
