"""Documents whose parse took too long for a keystroke are parsed on while nobody types, a slice at a time.

Between two slices the event loop serves what came meanwhile. It knows no editor and no protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from infill_lsp.text.document import Document

_QUIET_S = 0.2


class ParseAhead:
    """One task for each document that is behind."""

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: dict[Document, asyncio.Task[None]] = {}

    def see_to(self, document: Document) -> None:
        """Parse a document on as soon as nobody types in it, if it is behind and not being seen to already."""
        if document.is_behind and document not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._go_on(document))
            self._tasks[document] = task
            task.add_done_callback(lambda _: self._tasks.pop(document, None))

    def forget(self, document: Document) -> None:
        """Stop parsing a document that was closed."""
        if (task := self._tasks.pop(document, None)) is not None:
            task.cancel()

    async def _go_on(self, document: Document) -> None:
        while document.is_behind:
            text = document.text
            await self._sleep(_QUIET_S)
            while document.text is text and document.advance():
                await self._sleep(0)
