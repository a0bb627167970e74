"""One short function for each message of the client: wire types in, a call, wire types out.

This is one of the two places where every exception is caught: a request is answered whatever happens, and ghost text
stays silent rather than interrupt a user who only types. It knows no engine and no thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from engine.api import EngineError
from infill_lsp import fill_action, from_lsp, ghost_text, to_lsp
from infill_lsp.errors import InfillError, answer_code
from infill_lsp.line_index import PositionEncoding
from infill_lsp.protocol import ACCEPTED
from infill_lsp.session import Session
from infill_lsp.transport.hardened import at_arrival

_log = logging.getLogger(__name__)

Handler = Callable[[Session, Any], Awaitable[Any]]
Listener = Callable[[Session, Any], None]


def answering(session: Session, handler: Handler) -> Callable[[Any], Awaitable[Any]]:
    """Bind a handler to a session, and turn whatever it raises into an answer."""

    async def answer(params: Any) -> Any:
        try:
            return await handler(session, params)
        except (InfillError, EngineError) as error:
            raise JsonRpcException(str(error), answer_code(error)) from None
        except Exception as error:
            _log.exception("%s failed", handler.__name__)
            session.editor.status("error", f"a fault in the server ({type(error).__name__}); its log says more")
            if handler in _SILENT_WHEN_BROKEN:
                return _SILENT_WHEN_BROKEN[handler]()
            raise JsonRpcException("a fault in the server; its log says more", answer_code(error)) from None

    return answer


def listening(session: Session, listener: Listener) -> Callable[[Any], None]:
    """Bind a listener to a session; what goes wrong is written to the log."""

    def listen(params: Any) -> None:
        try:
            listener(session, params)
        except Exception:
            _log.exception("%s failed", listener.__name__)

    return listen


def remember(session: Session, params: Any) -> object:
    """Freeze the document that a request is about, as it is when the request arrives."""
    document = getattr(params, "text_document", None)
    return session.snapshot(document.uri) if document is not None else None


def initialize(session: Session, params: types.InitializeParams, encoding: PositionEncoding) -> None:
    """Note what the client can do and what it wants."""
    given = params.initialization_options
    options: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    session.editor.met(params, encoding, drafts=options.get("drafts") is True)
    uri = params.workspace_folders[0].uri if params.workspace_folders else params.root_uri
    path = to_fs_path(uri) if uri else params.root_path
    session.begin(Path(path) if path else None, options.get("settings"))


async def initialized(session: Session, params: types.InitializedParams) -> None:
    """Fetch the settings, and ask to be told when they change."""
    await asyncio.gather(session.editor.watch_settings(), _fetch_settings(session, None))


async def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    """Read the settings anew: as the client answers, where it answers questions, else as it sent them."""
    await _fetch_settings(session, params.settings)


def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    """Take a document over."""
    document = params.text_document
    session.open(document.uri, document.version, document.text, str(document.language_id))


def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    """Apply the changes of a document; one that is not open is ignored."""
    if (document := session.documents.get(params.text_document.uri)) is not None:
        from_lsp.change(document, params.content_changes, session.editor.encoding)
        document.version = params.text_document.version


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document."""
    session.close(params.text_document.uri)


def progress_cancelled(session: Session, params: types.WorkDoneProgressCancelParams) -> None:
    """Stop the work whose progress bar the user closed."""
    session.editor.progress_cancelled(params.token)


async def inline_completion(session: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Show ghost text, or an empty list: never null, which some editors take for "keep the old one"."""
    if (snapshot := at_arrival()) is None:
        session.silent(params.text_document.uri, "the document is not open")
        return _no_ghost_text()
    asked = from_lsp.asked(params, snapshot, session.editor.encoding)
    suggestions = await ghost_text.ghost_text(session, asked)
    return to_lsp.inline_list(suggestions, snapshot, session.editor.encoding, ACCEPTED)


async def code_action(session: Session, params: types.CodeActionParams) -> list[types.CodeAction]:
    """List the action that fills a hole, where there is one. Touches no model: editors ask at every move."""
    if (snapshot := at_arrival()) is None:
        return []
    start, end = from_lsp.offsets_of(snapshot.index, params.range, session.editor.encoding)
    only = None if params.context.only is None else [from_lsp.kind(each) for each in params.context.only]
    kind = fill_action.kind_of_action(session, snapshot, start, end, only)
    return [] if kind is None else [to_lsp.fill_action(snapshot, params.range, kind)]


async def resolve_code_action(session: Session, action: types.CodeAction) -> types.CodeAction:
    """Fill the hole of an action that the user picked: the action comes back with its edit, or with a reason."""
    target = from_lsp.action_target(action.data)
    snapshot = session.snapshot(target.uri)
    if snapshot is None or snapshot.version != target.version:
        return _disabled(session, action, fill_action.Unfilled("the document changed since; ask for actions again"))
    start, end = from_lsp.offsets_of(snapshot.index, target.range, session.editor.encoding)
    result = await fill_action.filled(session, snapshot, start, end)
    if isinstance(result, fill_action.Unfilled):
        return _disabled(session, action, result)
    changes = session.editor.document_changes
    return to_lsp.filled(action, snapshot, result, session.editor.encoding, document_changes=changes)


async def why_no_suggestion(session: Session, params: Any) -> dict[str, object]:
    """Tell why nothing was suggested lately, newest first."""
    silences = [{"reason": each.reason, "uri": each.uri, "age_ms": age_ms} for each, age_ms in session.silences()]
    return {"silences": silences}


def accepted(session: Session) -> None:
    """Count a suggestion that the user took."""
    session.num_accepted += 1


async def _fetch_settings(session: Session, sent: object) -> None:
    with session.configuring():
        answered = await session.editor.settings() if session.editor.answers_settings else None
        given = sent if answered is None else answered
        if given is not None:
            session.configure(given)


def _disabled(session: Session, action: types.CodeAction, unfilled: fill_action.Unfilled) -> types.CodeAction:
    if unfilled.tell:
        session.editor.show(f"{action.title}: {unfilled.reason}")
    return to_lsp.disabled(action, unfilled.reason)


def _no_ghost_text() -> types.InlineCompletionList:
    return types.InlineCompletionList(items=[])


_SILENT_WHEN_BROKEN: dict[Handler, Callable[[], object]] = {inline_completion: _no_ghost_text, code_action: list}
