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
        self.kinds.append(params.message if method == types.WINDOW_SHOW_MESSAGE else params.value.kind)


def editor_on(wire: Any) -> Editor:
    editor = Editor(wire)
    window = types.WindowClientCapabilities(work_done_progress=True)
    capabilities = types.ClientCapabilities(window=window)
    editor.met(types.InitializeParams(capabilities=capabilities), "utf-16", drafts=False)
    return editor


async def test_a_bar_that_was_asked_for_begins_and_ends_though_the_work_is_over_first() -> None:
    wire: Any = Wire()
    async with editor_on(wire).progress("Filling"):
        await wire.asked.wait()
    assert wire.kinds == []
    wire.answer.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.kinds == ["begin", "end"]


async def test_what_is_shown_comes_after_the_end_of_the_bar() -> None:
    wire: Any = Wire()
    editor = editor_on(wire)
    async with editor.progress("Filling"):
        await wire.asked.wait()
    editor.show("it cannot be filled")
    assert wire.kinds == []
    wire.answer.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.kinds == ["begin", "end", "it cannot be filled"]


async def test_work_that_waits_for_nothing_asks_for_no_bar() -> None:
    wire: Any = Wire()
    async with editor_on(wire).progress("Filling"):
        pass
    for _ in range(5):
        await asyncio.sleep(0)
    assert not wire.asked.is_set()


async def test_work_that_ends_as_the_bar_is_made_leaves_none_behind() -> None:
    wire: Any = Wire()
    editor = editor_on(wire)
    async with editor.progress("Loading model"):
        await wire.asked.wait()
        wire.answer.set_result(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.kinds.count("begin") == wire.kinds.count("end")
