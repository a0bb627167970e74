"""The host's side of a connection, which begins by asking the kernel who is at the other end.

The socket's folder keeps other users out already; this holds also where somebody opened that folder by hand.
It knows no requests.
"""

from __future__ import annotations

import asyncio
import logging

from uvicorn.protocols.http.h11_impl import H11Protocol

from . import sockets

_log = logging.getLogger(__name__)


class OwnUserProtocol(H11Protocol):
    """Serves this user and root; anybody else's connection is closed before a byte of it is read."""

    _is_stranger = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look who connected."""
        if sockets.may_talk(transport.get_extra_info("socket")):
            super().connection_made(transport)
            return
        _log.warning("another user's connection was closed")
        self._is_stranger = True
        transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if not self._is_stranger:
            super().connection_lost(exc)
