"""A real Neovim with the real server and the real engine host: ghost text is seen, and an engine that died comes back.

The engine is scripted where a test must know the fill, and real in the last.
"""

from __future__ import annotations

import ast
import asyncio
import os
import signal

import pytest
from conftest import Start

from engine.client import HostClient

pytestmark = pytest.mark.editor


def test_a_killed_engine_comes_back_with_the_next_fill(neovim: Start) -> None:
    model = "fake:width * height"
    editor = neovim("def area(width, height):\n    \n\n\ndef both(width, height):\n    \n", model=model)
    editor.type_at(1, 4, "return ")
    assert editor.ghost("width * height").line == 1
    first = host_process(model)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    editor.press("<Esc>")
    editor.ghost_gone()
    editor.type_at(5, 4, "return ")
    assert editor.ghost("width * height").line == 5
    assert host_process(model) not in (None, first)


def host_process(model: str) -> int | None:
    """Ask the engine host of this test's folders for its process id."""

    async def ask() -> int | None:
        client = HostClient(model, start=False)
        try:
            status = await client.status()
        finally:
            await client.aclose()
        return status.pid if status else None

    return asyncio.run(ask())


@pytest.mark.checkpoint
def test_the_bundled_checkpoint_fills_or_says_why_not(neovim: Start) -> None:
    text = "def total(prices):\n    result = 0\n    for price in prices:\n        \n    return result\n"
    editor = neovim(text, model="bundled")
    editor.type_at(3, 8, "result += ")
    answer = editor.wait_for("require('ghost').shown() or require('ghost').silences()[1]")
    if isinstance(answer, str):
        editor.press("<Esc>u")
        editor.wait_for_text(text)
        editor.type_at(3, 8, "pass")
        editor.wait_for_text(text.replace("        \n", "        pass\n"))
    else:
        editor.press("<Tab>")
        editor.ghost_gone()
    ast.parse(editor.save().decode())
