"""An editor in miniature: one open file, one hole to fill, the language server's answer turned into an edit.

It asks for the code action `Fill hole`, and for an inline completion where there is none. It speaks to the real server
as any editor does and knows nothing of how the server works.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infill_lsp.cli.canvas_view import Pass
from infill_lsp.cli.child import module_command, module_environment
from infill_lsp.cli.lsp_client import LspClient
from infill_lsp.cli.source_file import language_id
from infill_lsp.settings.settings import MODEL_VARIABLE
from infill_lsp.text.line_index import LineIndex

_ANSWER_SECONDS = 20.0
_FILL_SECONDS = 300.0  # With a cold start of the engine on a slow machine.
_INVOKED = 1  # The protocol's number for "the user asked for it".
_CAPABILITIES = {
    "general": {"positionEncodings": ["utf-32", "utf-16"]},
    "textDocument": {
        "inlineCompletion": {},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["refactor", "refactor.rewrite", "quickfix"]}},
            "disabledSupport": True,
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
    },
    "workspace": {"workspaceEdit": {"documentChanges": True}},
}


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file as the editor shows it, and the offset of the caret."""

    path: Path
    text: str
    index: LineIndex
    offset: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `[start, end)` of the open file's text by `text`."""

    start: int
    end: int
    text: str


class DemoEditor:
    """One open file in a client of the language server."""

    def __init__(self, file: OpenFile, model: str, show_pass: Callable[[Pass], None]) -> None:
        """Start the language server. `show_pass` is called after every denoising pass. Raises ServerGone."""
        self.silence = "the server gave no reason"  # why `fill` returned no edit
        self._file = file
        self._show_pass = show_pass
        self._uri = file.path.absolute().as_uri()
        self._encoding: Any = "utf-16"
        environment = {**module_environment(), MODEL_VARIABLE: model}
        self._client = LspClient([*module_command("infill_lsp"), "--stdio"], self._notified, environment=environment)

    def fill(self) -> Edit | None:
        """Open the file and ask for its hole to be filled; None when nothing came. Raises ServerGone, AnswerError."""
        self._open()
        position = self._position(self._file.offset)
        document = {"uri": self._uri}
        caret = {"start": position, "end": position}
        where = {"textDocument": document, "range": caret, "context": {"diagnostics": []}}
        actions = self._client.request("textDocument/codeAction", where, within_s=_ANSWER_SECONDS) or []
        for action in actions:
            if action.get("title") == "Fill hole":
                return self._edit_of_action(self._client.request("codeAction/resolve", action, within_s=_FILL_SECONDS))
        invoked = {"textDocument": document, "position": position, "context": {"triggerKind": _INVOKED}}
        answer = self._client.request("textDocument/inlineCompletion", invoked, within_s=_FILL_SECONDS)
        items = answer["items"] if answer else []
        return self._edit(items[0]["range"], items[0]["insertText"]) if items else None

    def close(self) -> None:
        """End the server."""
        self._client.close()

    def _open(self) -> None:
        initialize = {
            "processId": os.getpid(),
            "rootUri": None,
            "capabilities": _CAPABILITIES,
            "initializationOptions": {"drafts": True},
        }
        answer = self._client.request("initialize", initialize, within_s=_ANSWER_SECONDS)
        self._encoding = answer["capabilities"].get("positionEncoding", "utf-16")
        self._client.notify("initialized", {})
        document = {
            "uri": self._uri,
            "languageId": language_id(self._file.path),
            "version": 1,
            "text": self._file.text,
        }
        self._client.notify("textDocument/didOpen", {"textDocument": document})

    def _notified(self, method: str, params: Any) -> None:
        if method == "infill/draft":
            self._show_pass(Pass.from_draft(params))
        elif method == "infill/status" and params.get("reason"):
            self.silence = params["reason"]

    def _edit_of_action(self, action: dict[str, Any]) -> Edit | None:
        self.silence = (action.get("disabled") or {}).get("reason", self.silence)
        changes = (action.get("edit") or {}).get("documentChanges", [])
        edits = [edit for change in changes for edit in change["edits"]]
        return self._edit(edits[0]["range"], edits[0]["newText"]) if edits else None

    def _edit(self, span: dict[str, Any], text: str) -> Edit:
        return Edit(self._offset(span["start"]), self._offset(span["end"]), text)

    def _offset(self, position: dict[str, int]) -> int:
        return self._file.index.offset(position["line"], position["character"], self._encoding)

    def _position(self, offset: int) -> dict[str, int]:
        line, character = self._file.index.position(offset, self._encoding)
        return {"line": line, "character": character}
