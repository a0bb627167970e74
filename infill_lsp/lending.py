"""The engine of one client's server: made when it is first needed, lent to fills, let go of when settings change.

The client is shown that it is busy and how that ended. It knows no document and no hole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from engine.api import Capabilities, Engine, EngineError
from infill_lsp.errors import State, state_of
from infill_lsp.ghost.rhythm import median
from infill_lsp.loading import LoadingBar
from infill_lsp.settings.settings import Settings

if TYPE_CHECKING:
    from infill_lsp.protocol import Editor

_log = logging.getLogger(__name__)

MakeEngine = Callable[[Settings], Engine]

_NUM_FILL_TIMES = 5


class Lending:
    """One engine at a time, for any number of fills."""

    def __init__(self, editor: Editor, make_engine: MakeEngine) -> None:
        self._editor = editor
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._warmed: Engine | None = None
        self._loading = LoadingBar(editor)
        self._num_fills = 0
        self._fill_times_s: deque[float] = deque(maxlen=_NUM_FILL_TIMES)
        self._closing: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Task[None]] = set()
        self.in_trouble = False
        """Whether the engine could not be used when it was last needed."""
        self.capabilities: Capabilities | None = None
        """What the engine can do; None until it was used and has said so."""

    @contextlib.asynccontextmanager
    async def lend(self, settings: Settings, uri: str) -> AsyncIterator[Engine]:
        """Lend the engine, and show the client that it is busy and how that ended."""
        try:
            engine = self._present(settings)
        except EngineError as error:
            self._told(error, uri)
            raise
        self._num_fills += 1
        self._editor.status("busy", uri=uri)
        self._loading.look(engine)
        state: State = "normal"
        reason = None
        try:
            yield engine
            self._loading.ready()
        except EngineError as error:
            state, reason = state_of(error), str(error)
            _log.info("a fill failed: %s", reason, extra={"uri": uri})
            raise
        finally:
            self._num_fills -= 1
            self.in_trouble = state == "error"
            if reason is not None:
                self._editor.status(state, reason, uri)
            elif not self._num_fills:
                self._editor.status(state, uri=uri)
            if reason is None:
                self._ask_capabilities(engine)

    async def warm(self, settings: Settings) -> None:
        """Let the engine load its model before it is first needed, where it can. Never raises; told once an engine."""
        try:
            engine = self._present(settings)
        except EngineError as error:
            return self._told(error)
        warm: Callable[[], Awaitable[object]] | None = getattr(engine, "warm", None)
        if warm is None or engine is self._warmed:
            return None
        self._warmed = engine
        try:
            await self._loading.shown_during(warm())
            self._ask_capabilities(engine)
        except EngineError as error:
            if engine is self._engine:
                self._told(error)
        except Exception:
            _log.exception("the engine could not be warmed")

    @property
    def fill_s(self) -> float | None:
        """How long fills take lately. None: none was finished yet."""
        return median(self._fill_times_s) if self._fill_times_s else None

    def filled_in(self, seconds: float) -> None:
        """Note how long a fill took."""
        self._fill_times_s.append(seconds)
        _log.info("a fill took %d ms", seconds * 1000)

    def judged(self, *, taken: bool) -> None:
        """Tell an engine that counts them what became of a suggestion, in the background."""
        judged: Callable[[Literal["accepted", "rejected"]], Coroutine[Any, Any, None]] | None
        judged = getattr(self._engine, "judged", None)
        if judged is not None:
            telling = asyncio.ensure_future(judged("accepted" if taken else "rejected"))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    def let_go(self) -> None:
        """Close the engine, and make another one when it is next needed."""
        engine, self._engine, self._warmed = self._engine, None, None
        self._loading.stop()
        self._fill_times_s.clear()
        self.capabilities = None
        if self.in_trouble:  # The next one need not be.
            self.in_trouble = False
            self._editor.status("normal")
        if engine is not None:
            closing = asyncio.ensure_future(engine.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Let go of the engine for good, and tell nobody. Never raises."""
        self.in_trouble = False
        self.let_go()
        if self._closing:
            await asyncio.wait(self._closing)

    def _ask_capabilities(self, engine: Engine) -> None:
        """Ask once, in the background, an engine that runs already: nothing is started for it."""
        if self.capabilities is None and engine is self._engine and not self._asking:
            asking = asyncio.ensure_future(self._learn(engine))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _learn(self, engine: Engine) -> None:
        try:
            capabilities = (await engine.info()).capabilities
        except EngineError:
            return
        if engine is self._engine:
            self.capabilities = capabilities

    def _told(self, error: EngineError, uri: str | None = None) -> None:
        """Remember that the engine cannot be used, and tell the client."""
        self.in_trouble = state_of(error) == "error"
        self._editor.status(state_of(error), str(error), uri)

    def _present(self, settings: Settings) -> Engine:
        if self._engine is None:
            self._engine = self._make_engine(settings)
        return self._engine
