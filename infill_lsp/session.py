"""Everything the server remembers: documents, settings, the engine, what was suggested and why nothing was.

All of it is touched on the event loop only. It knows no wire type: offsets and our own values come in and go out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.api import Engine
from infill_lsp import logs
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.context.neighbours import Neighbours
from infill_lsp.context.outline_memory import OutlineMemory
from infill_lsp.context.recent_edits import RecentEdits
from infill_lsp.errors import State
from infill_lsp.excludes.exclusions import Exclusions
from infill_lsp.excludes.refusal import refusal_of_text
from infill_lsp.fitting.suggestion import Suggestion
from infill_lsp.ghost.feedback_file import Feedback
from infill_lsp.ghost.offers import Offers
from infill_lsp.ghost.rhythm import Edit, Rhythm
from infill_lsp.ghost.silences import Silence, Silences
from infill_lsp.languages import language_for
from infill_lsp.lending import Lending, MakeEngine
from infill_lsp.scheduler import Scheduler
from infill_lsp.settings.folder_settings import FolderSettings
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Document, Snapshot
from infill_lsp.trees.parse_ahead import ParseAhead

if TYPE_CHECKING:
    from infill_lsp.protocol import Editor

_log = logging.getLogger(__name__)

_SETTINGS_WITHIN_S = 1.0
_LOOK_AT_FILES_AGAIN_S = 2.0
# What a parse may take of a request about a file of this many characters; the rest of it waits until nobody types.
_LARGE, _PARSE_LARGE_S = 100_000, 0.001


@dataclass(frozen=True, slots=True)
class Shown:
    """Suggestions that were sent, best first, each with its name in `offers`, and the document they were made for."""

    snapshot: Snapshot
    offers: tuple[tuple[str, Suggestion], ...]


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
        feedback: Feedback | None = None,
    ) -> None:
        self.editor = editor
        self.scheduler = scheduler or Scheduler()
        self.settings = Settings()
        self.documents: dict[str, Document] = {}
        self.shown: dict[str, Shown] = {}
        self.rhythms: dict[str, Rhythm] = {}
        self.feedback = feedback or Feedback()
        self.offers = Offers(self._judged)
        self.num_accepted = 0
        self.lending = Lending(editor, make_engine)
        self._folders = FolderSettings(overrides)
        self._exclusions = Exclusions()
        self._clock = clock
        self._problems: tuple[str, ...] = ()
        self._looked_at_files: float | None = None
        self._parse_ahead = ParseAhead()
        self._edits = RecentEdits()
        self._outlines = OutlineMemory()
        self._neighbours = Neighbours()
        self._silences = Silences()
        self._left_alone: set[str] = set()  # documents of which the client was told that they are
        self._warming: set[asyncio.Task[None]] = set()
        self._configuring: set[asyncio.Future[None]] = set()

    def _judged(self, language: str, confidence: float | None, taken: bool) -> None:
        self.lending.judged(taken=taken)
        if confidence is not None:
            self.feedback.judged(language, confidence, taken)

    def begin(self, roots: Iterable[Path], editor_settings: object) -> None:
        """Start in some folders, with what the editor sent along when it introduced itself."""
        self._folders.open(roots)
        self.configure(editor_settings)

    def open_folders(self, roots: Iterable[Path]) -> None:
        """Take over the list of folders that the editor has open."""
        before = self._folders.snapshot()
        self._folders.open(roots)
        self._configured(before)

    def configure(self, editor_settings: object, scoped: Mapping[Path | None, object] | None = None) -> None:
        """Read all settings anew; `scoped` is what the editor answered for single folders."""
        before = self._folders.snapshot()
        self._folders.configure(editor_settings, scoped or {})
        self._configured(before)

    def look_at_files(self) -> None:
        """Follow files of settings that were changed on the disk, by whatever program; every other second at most."""
        if self._looked_at_files is None or self._clock() - self._looked_at_files >= _LOOK_AT_FILES_AGAIN_S:
            self._follow_files()

    def _follow_files(self) -> None:
        self._looked_at_files = self._clock()
        before = self._folders.snapshot()
        if self._folders.follow_files():
            self._configured(before)

    def saved(self, uri: str) -> None:
        """Follow a file of settings that the editor has saved at once, so that a mistake in it is told at once."""
        if any(map(self._folders.is_source, self._exclusions.paths(uri))):
            self._follow_files()

    def _configured(self, before: tuple[Settings, ...]) -> None:
        """Follow the new settings, and warn once about the ones that cannot be used."""
        old, self.settings = self.settings, self._folders.first
        logs.adapt(self.settings.log_level, source=self.settings.log_source, roots=self.roots)
        problems = self._folders.problems
        if problems and problems != self._problems:
            self.editor.show("infill-lsp settings: " + "; ".join(problems), warning=True)
            _log.info("settings: %s", "; ".join(problems))
        self._problems = problems
        if self._folders.snapshot() != before:
            # What was suggested may come from another model.
            self.shown.clear()
            self._tell_of_those_left_alone()
        if any(getattr(old, key) != getattr(self.settings, key) for key in ("model", "precision", "idle_minutes")):
            self.lending.let_go()

    def _tell_of_those_left_alone(self) -> None:
        """Take back what was told of documents that new settings no longer leave alone."""
        for uri in tuple(self._left_alone):
            if (snapshot := self.as_it_is(uri)) is None or self.refusal(snapshot) is None:
                self._left_alone.discard(uri)
                self.editor.status("normal", uri=uri)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that the editor has open."""
        return self._folders.roots

    def settings_of(self, snapshot: Snapshot) -> Settings:
        """Return the settings that hold for a document: those of its folder and its language."""
        settings, _ = self._folders.holding(self._exclusions.paths(snapshot.uri))
        return settings.for_language(snapshot.language)

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
        self.look_at_files()

    def open(self, uri: str, version: int, text: str, language: str) -> None:
        """Take over a document that the editor opened."""
        self.close(uri)
        self.documents[uri] = document = Document(uri, version, text, language)
        self._parse_ahead.see_to(document)
        self._exclusions.opened(uri)
        self.rhythms[uri] = Rhythm()
        warming = asyncio.ensure_future(self._warm(document))
        self._warming.add(warming)
        warming.add_done_callback(self._warming.discard)

    def edited(self, uri: str, edit: Edit) -> None:
        """Note that a document was edited: what was asked about it before is past."""
        self.rhythms[uri].edited(edit, self._clock())
        self.scheduler.supersede(uri)

    def close(self, uri: str) -> None:
        """Forget a document that the editor closed."""
        if (document := self.documents.get(uri)) is not None:
            self._parse_ahead.forget(document)
        self._edits.forget(uri)
        self._outlines.forget(uri)
        self._neighbours.forget(uri)
        self._exclusions.forget(uri)
        for table in (self.documents, self.shown, self.rhythms):
            table.pop(uri, None)

    def snapshot(self, uri: str) -> Snapshot | None:
        """Freeze a document as it is now. None: it is not open."""
        if (document := self.documents.get(uri)) is None:
            return None
        is_large = len(document.text) > _LARGE
        snapshot = document.snapshot(_PARSE_LARGE_S) if is_large else document.snapshot()
        self._parse_ahead.see_to(document)
        return snapshot

    def as_it_is(self, uri: str) -> Snapshot | None:
        """Freeze a document as it is now, without a parse: `parsed` adds the tree if that is asked for."""
        return None if (document := self.documents.get(uri)) is None else document.as_it_is()

    def parsed(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with its tree, if its document is still as it was."""
        return self.snapshot(snapshot.uri) or snapshot if self.is_current(snapshot) else snapshot

    def is_current(self, snapshot: Snapshot) -> bool:
        """Tell whether the document is still what it was."""
        document = self.documents.get(snapshot.uri)
        return document is not None and document.version == snapshot.version and document.text is snapshot.text

    def refusal(self, snapshot: Snapshot) -> str | None:
        """Say why this document is left alone, whatever stands in it. None: it is not."""
        whole, folder = self._folders.holding(self._exclusions.paths(snapshot.uri))
        settings = whole.for_language(snapshot.language)
        if not settings.enabled:
            return "switched off by the setting enabled" + (" for this language" if whole.enabled else "")
        if (reason := self._exclusions.refusal(snapshot.uri, settings, folder)) is not None:
            return reason
        if not language_for(snapshot.language).suffixes:
            return f"the language {snapshot.language or 'of this file'} is not supported"
        return refusal_of_text(snapshot.text, snapshot.index, settings.max_file_bytes)

    def surroundings(self, snapshot: Snapshot) -> Surroundings | None:
        """Give what may be shown besides the text of a document; None where the setting `context` wants that alone.

        This is the one way in for other documents: each that may not be read is left out, whatever was known of it.
        """
        if self.settings_of(snapshot).context != "outline":
            return None
        self._edits.look(snapshot.uri, snapshot.text)
        waiting = (each for uri, each in self.documents.items() if uri != snapshot.uri and not each.is_behind)
        others = tuple(each for each in (document.snapshot() for document in waiting) if self.refusal(each) is None)
        self._neighbours.keep(frozenset(each.uri for each in others))
        edited = {each.uri: self._edits.places.get(each.uri, ()) for each in (*others, snapshot)}
        return Surroundings(others, edited, self._neighbours, self._outlines)

    def engine(self, uri: str) -> AbstractAsyncContextManager[Engine]:
        """Lend the engine, made when it is first needed, and show the client that it is busy and how that ended."""
        return self.lending.lend(self.settings, uri)

    def now(self) -> float:
        """Return a monotonic time in seconds."""
        return self._clock()

    def min_confidence(self, snapshot: Snapshot) -> float:
        """Say how sure the model must be while the user types: as the settings say, or surer where that was learnt."""
        settings = self.settings_of(snapshot)
        setting = settings.min_confidence
        return self.feedback.threshold(snapshot.language, setting) if settings.learn_threshold else setting

    def silent(self, uri: str, reason: str, state: State | None = None, *, typing: bool = False) -> None:
        """Remember that nothing was suggested; with a state, tell the client too.

        To who is `typing`, an engine in trouble stays the news until a fill works again.
        """
        self._silences.add(reason, uri, self._clock())
        _log.debug("no suggestion: %s", reason, extra={"uri": uri})
        if state == "inactive":
            self._left_alone.add(uri)
        if state is not None and not (typing and self.lending.in_trouble):
            self.editor.status(state, reason, uri)

    def silences(self) -> tuple[tuple[Silence, int], ...]:
        """Return the last silences, newest first, each with its age in ms."""
        return self._silences.with_ages(self._clock())

    async def aclose(self) -> None:
        """Let go of the engine. Never raises."""
        await self.lending.aclose()

    async def _warm(self, document: Document) -> None:
        """Get the engine ready once a document is open that it will be asked about."""
        await self.configured()
        snapshot = self.snapshot(document.uri)
        if snapshot is not None and self.refusal(snapshot) is None:
            await self.lending.warm(self.settings)
