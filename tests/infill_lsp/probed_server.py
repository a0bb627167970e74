"""The real server over real stdio, with the scripted engine and a few methods that let a test look and disturb.

`test/text` tells a document's text, `test/kept` how much is kept of messages that were dealt with; `test/raises` and
`test/unwritable` fail; the command `test.held` runs until it is cancelled; `test/stuck` makes threads that never end.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import infill_lsp.server
from tests.infill_lsp.scripted_server import make_engine


class Server(infill_lsp.server.Server):
    """The server, probed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)

        @self.feature("test/text")
        def text(params: Any) -> Any:
            return self.session.documents[params["uri"]].text

        @self.feature("test/kept")
        def kept(params: Any) -> Any:
            protocol = self.protocol
            return [protocol.num_in_flight, len(protocol._result_types), len(self.work_done_progress.tokens)]

        @self.feature("test/raises")
        async def raises(params: Any) -> Any:
            raise ZeroDivisionError("/home/somebody/secret.py")

        @self.feature("test/raisesAtOnce")
        def raises_at_once(params: Any) -> Any:
            raise ZeroDivisionError("/home/somebody/secret.py")

        @self.feature("test/unwritable")
        async def unwritable(params: Any) -> Any:
            return {"a": object()}

        @self.command("test.held")
        async def held(*_: Any) -> None:
            try:
                self.protocol.notify("test/began")
                await asyncio.Event().wait()
            finally:
                self.protocol.notify("test/ended")

        @self.feature("test/stuck")
        async def stuck(params: Any) -> None:
            for _ in range(40):
                asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)


if __name__ == "__main__":
    infill_lsp.server.Server = Server  # type: ignore[misc]
    sys.exit(infill_lsp.server.serve_stdio(make_engine=make_engine))
