"""One short function for each message of the standard: wire types in, a call, wire types out.

This is one of the two places where every exception is caught: a request is answered whatever happens, and ghost text
stays silent rather than interrupt a user who only types. It knows no engine and no thread.
"""

from __future__ import annotations

import asyncio
import codecs
import gc
import importlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from engine.api import EngineError
from infill_lsp import from_lsp, to_lsp
from infill_lsp.actions.task import Undone
from infill_lsp.errors import InfillError, answer_code
from infill_lsp.protocol import ACCEPTED
from infill_lsp.session import Session
from infill_lsp.text.line_index import PositionEncoding
from infill_lsp.transport.hardened import at_arrival

_log = logging.getLogger(__name__)

# A compiler's tree is thousands of objects that hold no cycle and are gone at once: no reason to look for garbage.
_COLLECT_EVERY = 20_000

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
    if isinstance(params, types.ExecuteCommandParams):
        uri = from_lsp.uri_of_command(params.arguments)
        return None if uri is None else session.snapshot(uri)
    if isinstance(params, types.InlineCompletionParams):
        return session.as_it_is(params.text_document.uri)  # Who types what is shown needs no tree.
    document = getattr(params, "text_document", None)
    return session.snapshot(document.uri) if document is not None else None


def initialize(session: Session, params: types.InitializeParams, encoding: PositionEncoding) -> None:
    """Note what the client can do and what it wants."""
    given = params.initialization_options
    options: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    session.editor.met(params, encoding, drafts=options.get("drafts") is True)
    client = params.client_info
    _log.info("the client is %s, in %s", f"{client.name} {client.version}" if client else "unknown", encoding)
    uris = [folder.uri for folder in params.workspace_folders or ()]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    paths = [path for uri in uris if (path := to_fs_path(uri))]
    if not uris and params.root_path:
        paths = [params.root_path]
    session.begin([Path(path) for path in paths], options.get("settings"))


async def initialized(session: Session, params: types.InitializedParams) -> None:
    """Fetch the settings, and ask to be told when they change."""
    watching = asyncio.ensure_future(session.editor.watch_settings())
    # Begun at once: a document that is opened next must not be served by settings that are about to change.
    await _fetch_settings(session, None)
    await watching
    _load_what_requests_need()
    session.editor.prepare()


async def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    """Read the settings anew: as the client answers, where it answers questions, else as it sent them."""
    await _fetch_settings(session, params.settings)


async def did_change_workspace_folders(session: Session, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Take over which folders are open, and ask for the settings of each."""
    removed = {to_fs_path(folder.uri) for folder in params.event.removed}
    added = [path for folder in params.event.added if (path := to_fs_path(folder.uri))]
    kept = [root for root in session.roots if str(root) not in removed]
    session.open_folders([*kept, *map(Path, added)])
    await _fetch_settings(session, None)


def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    """Take a document over."""
    from infill_lsp.holes import all_holes

    document = params.text_document
    session.open(document.uri, document.version, document.text, str(document.language_id))
    all_holes.prepare(str(document.language_id))


def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    """Apply the changes of a document; one that is not open is ignored."""
    if (document := session.documents.get(params.text_document.uri)) is not None:
        edit = from_lsp.change(document, params.content_changes, session.editor.encoding)
        document.version = params.text_document.version
        session.edited(document.uri, edit)


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document."""
    session.close(params.text_document.uri)


def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    """Follow settings that were saved."""
    session.saved(params.text_document.uri)


def progress_cancelled(session: Session, params: types.WorkDoneProgressCancelParams) -> None:
    """Stop the work whose progress bar the user closed."""
    session.editor.progress_cancelled(params.token)


async def inline_completion(session: Session, params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Show ghost text, or an empty list: never null, which some editors take for "keep the old one"."""
    if (snapshot := at_arrival()) is None:
        session.silent(params.text_document.uri, "the document is not open", "inactive")
        return _no_ghost_text()
    asked = from_lsp.asked(params, snapshot, session.editor.encoding)
    from infill_lsp.ghost import ghost_text

    offers = await ghost_text.ghost_text(session, asked)
    return to_lsp.inline_list(offers, snapshot, session.editor.encoding, ACCEPTED)


async def code_action(session: Session, params: types.CodeActionParams) -> list[types.CodeAction]:
    """List what may be done here. Touches no model: editors ask at every move."""
    is_asked = params.context.trigger_kind == types.CodeActionTriggerKind.Invoked
    if (snapshot := at_arrival()) is None:
        return []
    session.look_at_files()
    if (refusal := session.refusal(snapshot)) is not None:
        if is_asked:
            session.silent(snapshot.uri, refusal, "inactive")
        return []
    encoding = session.editor.encoding
    start, end = from_lsp.offsets_of(snapshot.index, params.range, encoding)
    from infill_lsp.actions.actions import actions_for

    found = actions_for(
        snapshot,
        start,
        end,
        problems=from_lsp.problems(params.context.diagnostics, snapshot.index, encoding),
        only=None if params.context.only is None else [from_lsp.kind(each) for each in params.context.only],
        capabilities=session.lending.capabilities,
        is_asked=is_asked,
    )
    return [to_lsp.action(each, snapshot, encoding, params.context.diagnostics) for each in found]


async def resolve_code_action(session: Session, action: types.CodeAction) -> types.CodeAction:
    """Do what the user picked: the action comes back with its edit, or with a reason."""
    wanted, encoding = from_lsp.wanted_action(action.data), session.editor.encoding
    snapshot = session.snapshot(wanted.uri)
    if snapshot is None or snapshot.version != wanted.version:
        return _disabled(session, action, Undone("the document changed since; ask for actions again"))
    from infill_lsp.actions.action_run import carried_out

    outcome = await carried_out(session, snapshot, wanted.task(action.title, snapshot.index, encoding))
    if isinstance(outcome, Undone):
        return _disabled(session, action, outcome)
    if outcome.message is not None:
        session.editor.show(f"{action.title}: {outcome.message}")
    action.edit = session.editor.workspace_edit(outcome, snapshot)
    return action


def _load_what_requests_need() -> None:
    """Load what finds and judges holes: not before the editor has its answer to `initialize`, nor with a request."""
    importlib.import_module("infill_lsp.ghost.ghost_text")
    importlib.import_module("infill_lsp.actions.action_run")
    importlib.import_module("infill_lsp.actions.actions")
    codecs.lookup("utf-16-le")  # Another module, for texts that are not ASCII.
    gc.freeze()  # Modules live as long as the process: no collection need look at them again.
    gc.set_threshold(_COLLECT_EVERY)


async def _fetch_settings(session: Session, sent: object) -> None:
    with session.configuring():
        scoped: dict[Path | None, object] = {}
        if session.editor.answers_settings:
            roots = session.roots or (None,)
            answered = await session.editor.settings([None if root is None else root.as_uri() for root in roots])
            scoped = {root: own for root, own in zip(roots, answered, strict=False) if own is not None}
        if sent is not None or scoped:
            session.configure(sent, scoped)


def _disabled(session: Session, action: types.CodeAction, undone: Undone) -> types.CodeAction:
    if undone.tell:
        session.editor.show(f"{action.title}: {undone.reason}")
    return to_lsp.disabled(action, undone.reason)


def _no_ghost_text() -> types.InlineCompletionList:
    return types.InlineCompletionList(items=[])


_SILENT_WHEN_BROKEN: dict[Handler, Callable[[], object]] = {inline_completion: _no_ghost_text, code_action: list}
