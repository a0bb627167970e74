"""The progress bar "Loading model", while an engine is not ready yet, or not any more.

An engine host frees its model, and leaves, after an idle time, or it is killed: the next fill then waits for the model
to load, and the user should see why. It knows no document; only engines that tell how they are (`status`) are asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from engine.api import Engine, EngineError

if TYPE_CHECKING:
    from infill_lsp.protocol import Editor

_log = logging.getLogger(__name__)

TITLE = "Loading model"

# An engine that has done something lately is asked only when a fill takes as long as this.
_STAYS_READY_S, _IS_LONG_S = 60.0, 0.5
_LOADS = ("unloaded", "loading")


class LoadingBar:
    """At most one bar at a time."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._task: asyncio.Task[None] | None = None
        self._is_shown = False
        self._seen_ready_at: float | None = None
        self._later: asyncio.TimerHandle | None = None

    async def shown_during(self, load: Awaitable[object]) -> None:
        """Show the bar while something loads. Raises what that raises."""
        self._is_shown = True
        try:
            async with self._editor.progress(TITLE):
                await load
            self.ready()
        finally:
            self._is_shown = False

    def ready(self) -> None:
        """Note that the engine has just done something."""
        self._seen_ready_at = asyncio.get_running_loop().time()
        self._look_no_more()

    def look(self, engine: Engine) -> None:
        """Show the bar if the engine, asked for a fill now, has to load its model first; the caller does not wait."""
        if self._later is not None or not hasattr(engine, "status"):
            return
        loop = asyncio.get_running_loop()
        if self._seen_ready_at is None or loop.time() - self._seen_ready_at >= _STAYS_READY_S:
            self._look_now(engine)
        else:
            self._later = loop.call_later(_IS_LONG_S, self._look_now, engine)

    def stop(self) -> None:
        """Forget the engine: another one will take its place."""
        self._look_no_more()
        if self._task is not None:
            self._task.cancel()
        self._seen_ready_at = None

    def _look_no_more(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _look_now(self, engine: Engine) -> None:
        self._later = None
        if not (self._is_shown or (self._task is not None and not self._task.done())):
            self._task = asyncio.ensure_future(self._look(engine))

    async def _look(self, engine: Any) -> None:
        # Whatever is wrong with the engine, the fill that needs it tells.
        with contextlib.suppress(EngineError):
            status = await engine.status()
            if status is None or status.state in _LOADS:
                _log.info("the engine loads its model")
                await self.shown_during(engine.info())
