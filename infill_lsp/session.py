"""Everything the server remembers: documents, settings, the engine, what was suggested and why nothing was.

All of it is touched on the event loop only. It knows no wire type: offsets and our own values come in and go out.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from engine.api import Engine, EngineError
from infill_lsp.document import Document, Snapshot
from infill_lsp.errors import State, state_of
from infill_lsp.languages import language_for
from infill_lsp.scheduler import Scheduler
from infill_lsp.settings import Settings, both_names, exclusion, load
from infill_lsp.suggestion import Suggestion

if TYPE_CHECKING:
    from infill_lsp.protocol import Editor

NUM_SILENCES = 10
_SETTINGS_WITHIN_S = 1.0

MakeEngine = Callable[[Settings], Engine]


@dataclass(frozen=True, slots=True)
class Silence:
    """One time that nothing was suggested. `at` is a monotonic time in seconds."""

    reason: str
    uri: str
    at: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A suggestion that was sent, and the document it was made for."""

    snapshot: Snapshot
    suggestion: Suggestion


class Session:
    """The state of one client's server."""

    def __init__(
        self,
        editor: Editor,
        make_engine: MakeEngine,
        *,
        overrides: Mapping[str, object] | None = None,
        scheduler: Scheduler | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.editor = editor
        self.scheduler = scheduler or Scheduler()
        self.settings = Settings()
        self.documents: dict[str, Document] = {}
        self.shown: dict[str, Shown] = {}
        self.num_accepted = 0
        self._make_engine = make_engine
        self._overrides = overrides
        self._clock = clock
        self._root: Path | None = None
        self._problems: tuple[str, ...] = ()
        self._paths: dict[str, str] = {}
        self._silences: deque[Silence] = deque(maxlen=NUM_SILENCES)
        self._engine: Engine | None = None
        self._num_fills = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._configuring: set[asyncio.Future[None]] = set()

    def begin(self, root: Path | None, editor_settings: object) -> None:
        """Start in a folder, with what the editor sent along when it introduced itself."""
        self._root = root
        self.configure(editor_settings)

    def configure(self, editor_settings: object) -> None:
        """Read all settings anew, and warn once about the ones that cannot be used."""
        reading = load(root=self._root, editor=editor_settings, overrides=self._overrides)
        before, self.settings = self.settings, reading.settings
        if reading.problems and reading.problems != self._problems:
            self.editor.show("infill-lsp settings: " + "; ".join(reading.problems), warning=True)
        self._problems = reading.problems
        if self.settings != before:
            # What was suggested may come from another model.
            self.shown.clear()
        if (before.model, before.idle_minutes) != (self.settings.model, self.settings.idle_minutes):
            self._let_go_of_engine()

    @contextlib.contextmanager
    def configuring(self) -> Iterator[None]:
        """Mark the time in which the client has been asked for its settings; `configured` waits for the end of it."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._configuring.add(end)
        try:
            yield
        finally:
            self._configuring.discard(end)
            if not end.done():
                end.set_result(None)

    async def configured(self) -> None:
        """Wait for settings that are on their way, so that nothing is done that they forbid; but not for ever."""
        if self._configuring:
            _, late = await asyncio.wait(self._configuring, timeout=_SETTINGS_WITHIN_S)
            self._configuring -= late

    def open(self, uri: str, version: int, text: str, language: str) -> None:
        """Take over a document that the editor opened."""
        self.documents[uri] = Document(uri, version, text, language)
        self.shown.pop(uri, None)
        self._paths[uri] = _path_of(uri)

    def close(self, uri: str) -> None:
        """Forget a document that the editor closed."""
        for table in (self.documents, self.shown, self._paths):
            table.pop(uri, None)

    def snapshot(self, uri: str) -> Snapshot | None:
        """Freeze a document as it is now. None: it is not open."""
        document = self.documents.get(uri)
        return document.snapshot() if document is not None else None

    def is_current(self, snapshot: Snapshot) -> bool:
        """Tell whether the document is still what it was."""
        document = self.documents.get(snapshot.uri)
        return document is not None and document.version == snapshot.version and document.text is snapshot.text

    def refusal(self, snapshot: Snapshot) -> str | None:
        """Say why this document is left alone, whatever stands in it. None: it is not."""
        if not self.settings.enabled:
            return "switched off by the setting enabled"
        path = self._paths.get(snapshot.uri) or _path_of(snapshot.uri)
        if (glob := exclusion(path, self.settings.exclude)) is not None:
            return f"this file is never sent to a model: its name matches {glob}"
        if not language_for(snapshot.language).suffixes:
            return f"the language {snapshot.language or 'of this file'} is not supported"
        if snapshot.index.byte(len(snapshot.text)) > self.settings.max_file_bytes:
            return f"the file is larger than {self.settings.max_file_bytes:,} bytes (setting max_file_bytes)"
        return None

    @contextlib.asynccontextmanager
    async def engine(self, uri: str) -> AsyncIterator[Engine]:
        """Lend the engine, made when it is first needed, and show the client that it is busy and how that ended."""
        if self._engine is None:
            self._engine = self._make_engine(self.settings)
        self._num_fills += 1
        self.editor.status("busy", uri=uri)
        state: State = "normal"
        reason = None
        try:
            yield self._engine
        except EngineError as error:
            state, reason = state_of(error), str(error)
            raise
        finally:
            self._num_fills -= 1
            if reason is not None:
                self.editor.status(state, reason, uri)
            elif not self._num_fills:
                self.editor.status(state, uri=uri)

    def silent(self, uri: str, reason: str, state: State | None = None) -> None:
        """Remember that nothing was suggested; with a state, tell the client too."""
        self._silences.append(Silence(reason, uri, self._clock()))
        if state is not None:
            self.editor.status(state, reason, uri)

    def silences(self) -> tuple[tuple[Silence, int], ...]:
        """Return the last silences, newest first, each with its age in ms."""
        now = self._clock()
        return tuple((silence, round((now - silence.at) * 1000)) for silence in reversed(self._silences))

    async def aclose(self) -> None:
        """Let go of the engine. Never raises."""
        self._let_go_of_engine()
        if self._closing:
            await asyncio.wait(self._closing)

    def _let_go_of_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            closing = asyncio.ensure_future(engine.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _path_of(uri: str) -> str:
    """Return the path that a URI names, links resolved where it is a file: a link to a secret is a secret."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    return path if parts.scheme != "file" or sys.platform == "win32" else both_names(path)
