"""What tests of several rooms share: folders of their own, so that no test meets a user's engine host or settings."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.client import HostClient


@pytest.fixture
def private_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give this process and its children folders of their own; end the engine hosts that were started in them.

    The folder's path is short on purpose: a Unix socket's path has little room.
    """
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for kind in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "DATA_HOME", "CACHE_HOME"):
            (folder / kind.lower()).mkdir(mode=0o700)
            monkeypatch.setenv(f"XDG_{kind}", str(folder / kind.lower()))
        monkeypatch.delenv("INFILL_MODEL", raising=False)
        yield folder
        for socket in folder.rglob("*.sock"):
            asyncio.run(_end_host(socket))


async def _end_host(socket: Path) -> None:
    client = HostClient(socket_path=socket, start=False)
    try:
        await client.shutdown()
    finally:
        await client.aclose()
