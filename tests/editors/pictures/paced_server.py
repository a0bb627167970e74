"""The real server with the real engine, whose drafts go on one at a time, so that each can be looked at.

The engine fills first; then each of its drafts is told as it was, and the next one when the process gets SIGUSR1.
The file `INFILL_PACE` says which draft was told last: its `step`, its `text`, after how many milliseconds of the fill
it was made (`elapsed_ms`), whether it `is_last`, and the `process` to signal.
`python -m tests.editors.pictures.paced_server`
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import infill_lsp.server
from engine.api import Draft, FillRequest, FillResult
from engine.client import HostClient
from infill_lsp.settings.settings import Settings


class PacedEngine(HostClient):
    """The engine host, whose drafts wait for a signal."""

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        """Fill, and tell every draft when it is time."""
        if on_draft is None:
            return await super().fill(request)
        drafts: list[Draft] = []
        result = await super().fill(request, drafts.append)
        go_on = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, go_on.set)
        for draft in drafts:
            go_on.clear()
            on_draft(draft)
            _tell(draft, is_last=draft is drafts[-1])
            await go_on.wait()
        return result


def _tell(draft: Draft, *, is_last: bool) -> None:
    told = {
        "step": draft.step,
        "text": draft.text,
        "elapsed_ms": draft.elapsed_ms,
        "is_last": is_last,
        "process": os.getpid(),
    }
    file = Path(os.environ["INFILL_PACE"])
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(told))
    fresh.replace(file)


def _make_engine(settings: Settings) -> PacedEngine:
    return PacedEngine(settings.model, critic=infill_lsp.server.CRITIC)


if __name__ == "__main__":
    sys.exit(infill_lsp.server.serve_stdio(make_engine=_make_engine))
