"""Parsing on while nobody types."""

from __future__ import annotations

import asyncio

import pytest

from infill_lsp.text import document as document_room
from infill_lsp.text.document import Document
from infill_lsp.trees.parse_ahead import ParseAhead

LONG = "x = [1, 2, 3]\n" * 5_000


@pytest.fixture(autouse=True)
def _short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_room, "_SLICE_S", -1.0)


class Sleeps:
    """Sleeping that takes no time: what was slept, and what happens meanwhile."""

    def __init__(self, *typed: tuple[Document, str]) -> None:
        self.slept: list[float] = []
        self._typed = list(typed)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        if self._typed:
            document, text = self._typed.pop(0)
            document.edit(0, 0, text)


async def until_done(ahead: ParseAhead, document: Document) -> None:
    await asyncio.gather(*ahead._tasks.values())
    assert not document.is_behind


async def test_a_document_that_is_behind_catches_up_in_slices() -> None:
    document, sleep = Document("file:///a.py", 1, LONG, "python"), Sleeps()
    ahead = ParseAhead(sleep)
    ahead.see_to(document)
    ahead.see_to(document)
    await until_done(ahead, document)
    assert document.snapshot(0.0).tree is not None
    assert sleep.slept[0] > 0
    assert sleep.slept.count(0) == len(sleep.slept) - 1 > 10


async def test_nothing_is_parsed_while_somebody_types() -> None:
    document = Document("file:///a.py", 1, LONG, "python")
    sleep = Sleeps((document, "a"), (document, "b"), (document, "c"))
    ahead = ParseAhead(sleep)
    ahead.see_to(document)
    await until_done(ahead, document)
    assert [seconds > 0 for seconds in sleep.slept[:5]] == [True, True, True, True, False]
    assert document.snapshot(0.0).text.startswith("cba")


async def test_a_document_that_is_up_to_date_needs_nothing() -> None:
    document = Document("file:///a.py", 1, "x = 1\n", "python")
    document.snapshot()
    ahead = ParseAhead()
    ahead.see_to(document)
    assert not ahead._tasks


async def test_a_closed_document_is_left_alone() -> None:
    document, sleep = Document("file:///a.py", 1, LONG, "python"), Sleeps()
    ahead = ParseAhead(sleep)
    ahead.see_to(document)
    ahead.forget(document)
    for _ in range(5):
        await asyncio.sleep(0)
    assert document.is_behind
    assert not ahead._tasks
