"""The language server, put together: editor ⇄ transport ⇄ protocol ⇄ handlers ⇄ session ⇄ engine.

It wires the rooms and decides nothing. The engine is made by a function that the caller chooses.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from infill_lsp import __version__, handlers, logs, own_messages
from infill_lsp.engines import host_of
from infill_lsp.lending import MakeEngine
from infill_lsp.protocol import (
    ACCEPTED,
    DID_PARTIALLY_ACCEPT_COMPLETION,
    DID_SHOW_COMPLETION,
    REWRITE,
    SHOW_WHY_NO_SUGGESTION,
    WHY_NO_SUGGESTION,
    Editor,
)
from infill_lsp.session import Session
from infill_lsp.text.line_index import PositionEncoding
from infill_lsp.transport.hardened import Protocol, converter
from infill_lsp.transport.stdio import run_stdio

_log = logging.getLogger(__name__)

_REQUESTS: dict[str, tuple[handlers.Handler, Any]] = {
    # Without options this capability is not announced, and an empty object reads as "unsupported" in Emacs.
    types.TEXT_DOCUMENT_INLINE_COMPLETION: (
        handlers.inline_completion,
        types.InlineCompletionOptions(work_done_progress=False),
    ),
    types.TEXT_DOCUMENT_CODE_ACTION: (
        handlers.code_action,
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite],
            resolve_provider=True,
        ),
    ),
    types.CODE_ACTION_RESOLVE: (handlers.resolve_code_action, None),
    WHY_NO_SUGGESTION: (own_messages.why_no_suggestion, None),
    # Three notifications that ask the client something, so that they have to wait.
    types.INITIALIZED: (handlers.initialized, None),
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: (handlers.did_change_configuration, None),
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (handlers.did_change_workspace_folders, None),
}

_NOTIFICATIONS: dict[str, handlers.Listener] = {
    types.TEXT_DOCUMENT_DID_OPEN: handlers.did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: handlers.did_change,
    types.TEXT_DOCUMENT_DID_SAVE: handlers.did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: handlers.did_close,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: handlers.progress_cancelled,
    DID_SHOW_COMPLETION: own_messages.did_show_completion,
    DID_PARTIALLY_ACCEPT_COMPLETION: own_messages.did_partially_accept_completion,
}


class Server(LanguageServer):
    """One client's server. What goes wrong is written to the log: pygls would show it to the user."""

    protocol: Protocol

    def __init__(self, make_engine: MakeEngine, overrides: Mapping[str, object] | None = None) -> None:
        super().__init__(
            "infill-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=converter,
        )
        self.session = Session(Editor(self.protocol), make_engine, overrides=overrides)
        self.protocol.remember = partial(handlers.remember, self.session)

        @self.feature(types.INITIALIZE)
        def initialize(params: Any) -> None:
            handlers.initialize(self.session, params, cast(PositionEncoding, self.protocol.encoding()))

        @self.command(ACCEPTED)
        def accepted(*arguments: Any) -> None:
            own_messages.accepted(self.session, *arguments)

        @self.command(SHOW_WHY_NO_SUGGESTION)
        def show_why_no_suggestion(*_: Any) -> dict[str, object]:
            return own_messages.show_why_no_suggestion(self.session)

        rewrite = handlers.answering(self.session, own_messages.rewrite)

        @self.command(REWRITE)
        async def rewrite_by_command(*arguments: Any) -> Any:
            return await rewrite(arguments)

        for method, (handler, options) in _REQUESTS.items():
            self.feature(method, options)(handlers.answering(self.session, handler))
        for method, listener in _NOTIFICATIONS.items():
            self.feature(method)(handlers.listening(self.session, listener))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Keep what went wrong inside pygls for the log."""
        _log.info("a fault in a message: %s", type(error).__name__, extra={"source": str(error)})


def serve_stdio(settings_overrides: Mapping[str, object] | None = None, make_engine: MakeEngine | None = None) -> int:
    """Serve one client over standard input and output and return the exit status.

    `settings_overrides` win over every settings file, over the editor's settings and over `INFILL_MODEL`.
    """
    logs.begin()
    _log.info("version %s, Python %s on %s", __version__, sys.version.split()[0], sys.platform)
    server = Server(make_engine or host_of, settings_overrides)
    return run_stdio(server.protocol, server.session.aclose)
