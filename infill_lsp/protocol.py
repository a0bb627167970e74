"""Our own methods beside the standard, and the client as the server sees it: what it can do, and what it is told.

docs/protocol.md describes every message of ours. It knows wire types, and neither documents' contents nor engines.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from engine.api import Draft
from infill_lsp.actions.task import Done
from infill_lsp.errors import State
from infill_lsp.settings.settings import SECTION
from infill_lsp.text.document import Snapshot
from infill_lsp.text.line_index import PositionEncoding
from infill_lsp.to_lsp import range_of, workspace_edit
from infill_lsp.transport.hardened import Protocol

STATUS = "infill/status"
DRAFT = "infill/draft"
WHY_NO_SUGGESTION = "infill/whyNoSuggestion"
ACCEPTED = "infill.accepted"
SHOW_WHY_NO_SUGGESTION = "infill-lsp.whyNoSuggestion"
REWRITE = "infill-lsp.rewrite"
# Messages that clients made for Copilot send.
DID_SHOW_COMPLETION = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT_COMPLETION = "textDocument/didPartiallyAcceptCompletion"

_ANSWER_WITHIN_S = 30.0
_UNANSWERED = (JsonRpcException, TimeoutError)


_PLACE = types.Range(types.Position(0, 0), types.Position(0, 0))
_ANSWERS: tuple[object, ...] = (
    types.InlineCompletionList(
        [types.InlineCompletionItem(insert_text="", range=_PLACE, command=types.Command("", "", arguments=[""]))]
    ),
    [types.CodeAction(title="", kind="", data={"range": {"start": 0}, "keep": [], "noise": 0.0})],
    types.WorkspaceEdit(changes={"": [types.TextEdit(_PLACE, "")]}),
)
_MESSAGES = (
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_INLINE_COMPLETION,
    types.TEXT_DOCUMENT_CODE_ACTION,
    types.CODE_ACTION_RESOLVE,
    types.CANCEL_REQUEST,
)


class Editor:
    """The client. Nothing here waits for it but `settings` and `progress`."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._status: dict[str, object] | None = None
        self._cancels: dict[int | str, Callable[[], object]] = {}
        self._openings: set[asyncio.Future[None]] = set()
        self._tellings: set[asyncio.Future[Any]] = set()
        self._num_tokens = 0
        self.encoding: PositionEncoding = "utf-16"
        self.drafts = False
        self.document_changes = False
        self.change_annotations = False
        self.applies_edits = False
        self._shows_progress = False
        self._registers_settings = False
        self.answers_settings = False

    def prepare(self) -> None:
        """Make ready for what a client sends at every keystroke."""
        self._protocol.prepare(_MESSAGES, _ANSWERS)

    def met(self, params: types.InitializeParams, encoding: PositionEncoding, *, drafts: bool) -> None:
        """Remember what the client can do, as it says when it introduces itself."""
        self.encoding = encoding
        self.drafts = drafts
        if (workspace := params.capabilities.workspace) is not None:
            edits = workspace.workspace_edit
            self.document_changes = bool(edits and edits.document_changes)
            self.change_annotations = bool(edits and edits.document_changes and edits.change_annotation_support)
            self.applies_edits = bool(workspace.apply_edit)
            self.answers_settings = bool(workspace.configuration)
            registration = workspace.did_change_configuration
            self._registers_settings = bool(registration and registration.dynamic_registration)
        if (window := params.capabilities.window) is not None:
            self._shows_progress = bool(window.work_done_progress)

    def status(self, state: State, reason: str | None = None, uri: str | None = None) -> None:
        """Tell how the server is doing; the same news is not told twice in a row."""
        news: dict[str, object] = {"state": state, "reason": reason}
        if uri is not None:
            news["uri"] = uri
        if news != self._status:
            self._status = news
            self._protocol.notify(STATUS, news)

    def draft(self, snapshot: Snapshot, start: int, end: int, draft: Draft) -> None:
        """Show a hole as one denoising step left it, when the client wants to see that."""
        if self.drafts:
            news = {
                "uri": snapshot.uri,
                "version": snapshot.version,
                "range": range_of(snapshot.index, start, end, self.encoding),
                "text": draft.text,
                "tokens": [{"text": token.text, "state": token.state} for token in draft.tokens],
                "step": draft.step,
                "passes_ms": draft.elapsed_ms,
            }
            self._protocol.notify(DRAFT, news)

    def show(self, text: str, *, warning: bool = False) -> None:
        """Show one line to the user; for answers to what the user asked for explicitly.

        Some clients wipe the line away when a progress bar ends, so one that is being made has to end first.
        """
        kind = types.MessageType.Warning if warning else types.MessageType.Info
        tell = partial(self._protocol.notify, types.WINDOW_SHOW_MESSAGE, types.ShowMessageParams(kind, text))
        if not self._openings:
            tell()
            return
        after = asyncio.ensure_future(asyncio.wait(list(self._openings)))
        self._tellings.add(after)
        after.add_done_callback(self._tellings.discard)
        after.add_done_callback(lambda _: tell())

    async def watch_settings(self) -> None:
        """Ask to be told when the settings change; without this some clients do not tell."""
        if self._registers_settings:
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            wanted = types.Registration("infill-settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION, options)
            with contextlib.suppress(*_UNANSWERED):
                await self._ask(types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams([wanted]))

    async def settings(self, folders: Sequence[str | None]) -> Sequence[object]:
        """Ask for our section of the settings, for each folder; None asks for what holds without one.

        What the client does not have, or does not answer, is None or missing.
        """
        wanted = [types.ConfigurationItem(scope_uri=each, section=SECTION) for each in folders]
        with contextlib.suppress(*_UNANSWERED):
            answer = await self._ask(types.WORKSPACE_CONFIGURATION, types.ConfigurationParams(wanted))
            return answer if isinstance(answer, (list, tuple)) else ()
        return ()

    def workspace_edit(self, done: Done, snapshot: Snapshot) -> types.WorkspaceEdit:
        """Write a change down as this client understands it."""
        return workspace_edit(
            done,
            snapshot,
            self.encoding,
            document_changes=self.document_changes,
            annotations=self.change_annotations,
        )

    async def apply(self, edit: types.WorkspaceEdit, label: str) -> str | None:
        """Ask the client to apply an edit; return why it did not, or None."""
        try:
            answer = await self._ask(types.WORKSPACE_APPLY_EDIT, types.ApplyWorkspaceEditParams(edit=edit, label=label))
        except JsonRpcException as error:
            return f"the editor could not apply the edit: {error.message}"
        except TimeoutError:
            return "the editor did not say whether it applied the edit"
        if getattr(answer, "applied", False) is True:
            return None
        return f"the editor did not apply the edit: {getattr(answer, 'failure_reason', None) or 'it gives no reason'}"

    @contextlib.asynccontextmanager
    async def progress(
        self, title: str, cancel: Callable[[], object] | None = None
    ) -> AsyncIterator[Callable[[str], None]]:
        """Show a progress bar while the body runs; `cancel` is called when the user presses its button, if it has one.

        The body does not wait for the client to make the bar, and short work asks for none. A bar that was asked for
        begins and ends in any case, since some clients show one from then on. The body is given what shows how far it
        is.
        """
        if not self._shows_progress:
            yield lambda _: None
            return
        self._num_tokens += 1
        token = f"infill-progress-{self._num_tokens}"
        over = asyncio.Event()
        opening = asyncio.ensure_future(self._open(token, title, cancel, over))
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
        try:
            yield partial(self._tell, token)
        finally:
            over.set()
            if self._cancels.pop(token, None) is not None:
                self._report(token, types.WorkDoneProgressEnd())

    def progress_cancelled(self, token: int | str) -> None:
        """Pass on that the user pressed the button of a progress bar."""
        if (cancel := self._cancels.get(token)) is not None:
            cancel()

    async def _open(self, token: str, title: str, cancel: Callable[[], object] | None, over: asyncio.Event) -> None:
        if over.is_set():
            return
        with contextlib.suppress(*_UNANSWERED):
            await self._ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token))
            self._report(token, types.WorkDoneProgressBegin(title=title, cancellable=cancel is not None))
            if over.is_set():
                self._report(token, types.WorkDoneProgressEnd())
            else:
                self._cancels[token] = cancel or (lambda: None)

    def _tell(self, token: str, message: str) -> None:
        if token in self._cancels:
            self._report(token, types.WorkDoneProgressReport(message=message))

    def _report(self, token: str, value: Any) -> None:
        self._protocol.notify(types.PROGRESS, types.ProgressParams(token=token, value=value))

    async def _ask(self, method: str, params: object) -> Any:
        """Raises JsonRpcException, TimeoutError."""
        # Not wait_for, which passes over a cancellation that comes along with the answer: progress would never end.
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await self._protocol.send_request_async(method, params)
