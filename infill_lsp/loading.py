"""The progress bar "Loading model", while an engine is not ready yet, or not any more.

An engine host frees its model, and leaves, after an idle time: the next fill then waits for the model to load, and the
user should see why. It knows no document; only engines that tell how they are (`status`) are asked.
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

_STAYS_READY_S = 60.0


class LoadingBar:
    """At most one bar at a time."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._task: asyncio.Task[None] | None = None
        self._is_shown = False
        self._seen_ready_at: float | None = None

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

    def look(self, engine: Engine) -> None:
        """Show the bar if an engine that was idle has to load its model; the caller does not wait."""
        now = asyncio.get_running_loop().time()
        is_fresh = self._seen_ready_at is not None and now - self._seen_ready_at < _STAYS_READY_S
        if not (is_fresh or self._is_shown or (self._task is not None and not self._task.done())):
            self._task = asyncio.ensure_future(self._look(engine))

    def stop(self) -> None:
        """Forget the engine: another one will take its place."""
        if self._task is not None:
            self._task.cancel()
        self._seen_ready_at = None

    async def _look(self, engine: Any) -> None:
        if not hasattr(engine, "status"):
            return
        # Whatever is wrong with the engine, the fill that needs it tells.
        with contextlib.suppress(EngineError):
            status = await engine.status()
            if status is None or status.state != "ready":
                _log.info("the engine loads its model")
                await self.shown_during(engine.info())
