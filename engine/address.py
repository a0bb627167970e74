"""The socket file of one engine host, and the locks beside it, by which processes agree who serves and who starts.

It knows no HTTP and no requests.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path


class Address:
    """A listening socket, which is found for as long as the file at its path is its own."""

    def __init__(self, path: Path) -> None:
        """Bind it, for this user only; what a host that was killed left behind is replaced. Raises OSError."""
        self._path = path
        self.listener = _listen(path)
        self._identity = _identity(path)

    def is_ours(self) -> bool:
        """Tell whether clients that look there find this socket."""
        return self._identity is not None and _identity(self._path) == self._identity

    def leave(self) -> None:
        """Make clients look for another host; who is connected stays so. From any thread, as often as wished."""
        if self.is_ours():
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
        self._identity = None


@contextlib.contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Hold a lock; false when another process holds it. The kernel drops it however a process ends."""
    with path.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            # The file stays: to remove it would let two processes hold two locks of one name.
            yield True


def _listen(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is in the way: it is not a socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise OSError(f"{path}: cannot listen here: {error}") from None
    finally:
        os.umask(mask)
    return listener


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
