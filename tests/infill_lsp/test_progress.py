"""A progress bar ends in the editor whenever it began there, also when the work ends as the bar is being made."""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types

from infill_lsp.protocol import Editor


class Wire:
    """A client that answers one request when it is told to, and remembers what it was notified of."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked = asyncio.Event()
        self.kinds: list[str] = []

    async def send_request_async(self, method: str, params: Any) -> None:
        self.asked.set()
        await self.answer

    def notify(self, method: str, params: Any) -> None:
        self.kinds.append(params.value.kind)


async def test_work_that_ends_as_the_bar_is_made_leaves_none_behind() -> None:
    wire: Any = Wire()
    editor = Editor(wire)
    window = types.WindowClientCapabilities(work_done_progress=True)
    capabilities = types.ClientCapabilities(window=window)
    editor.met(types.InitializeParams(capabilities=capabilities), "utf-16", drafts=False)
    async with editor.progress("Loading model"):
        await wire.asked.wait()
        wire.answer.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.kinds.count("begin") == wire.kinds.count("end")
