"""Where the engine host's socket and log stand, and who may talk over it.

Source text travels over the socket, so its folder belongs to this user alone (mode 0700), nobody else can replace it,
and each side looks whom it talks to: the host asks the kernel who connects, a client looks whose the socket is. It
knows no HTTP and starts no process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Protocol

from .api import Candidate, Capabilities, Draft, EngineInfo, EngineUnavailable, FillRequest, FillResult
from .wire import HostStatus

# The kernel's limit is 108 bytes on Linux and 104 on macOS; the lock file's name is longer than the socket's.
MAX_PATH_BYTES = 100

# The kernel's numbers, where Python has no names for them.
_SO_PEERCRED = 17
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID, _XUCRED_BYTES = 0, 1, 2, 76


class Connection(Protocol):
    """What a socket and asyncio's view of one have in common."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """Ask the kernel about the connection."""


@functools.cache
def package_version() -> str:
    """Name the installed version, or "0+source" when the package runs from a folder that is not installed."""
    from importlib import metadata

    try:
        return metadata.version("infill-lsp")
    except metadata.PackageNotFoundError:
        return "0+source"


def absolute_model(model: str) -> str:
    """Name a model so that it means the same in every process: a folder becomes an absolute path."""
    if model == "bundled" or model.startswith("fake:"):
        return model
    return os.path.abspath(os.path.expanduser(model))


def default_socket_path(model: str, precision: str = "auto") -> Path:
    """Place the socket that every client of this user, this model and this version shares. Raises EngineUnavailable.

    Who asks for a precision means another host than who leaves it to the engine.

    The bundled checkpoint is that of this installation: another one of the same version may hold other weights. A host
    that was started before the source changed, and that speaks of other things, is left alone until it is idle.
    """
    shared = str(Path(__file__).parent) if model == "bundled" else absolute_model(model)
    shared += "" if precision == "auto" else f"\0{precision}"
    digest = hashlib.sha256(f"{package_version()}\0{_spoken()}\0{shared}".encode("utf-8", "surrogateescape"))
    name = f"{digest.hexdigest()[:16]}.sock"
    problems = []
    for folder in _candidate_folders():
        path = folder / name
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            problems.append(f"{path} is too long")
            continue
        try:
            make_private(folder)
        except OSError as error:
            problems.append(str(error))
        else:
            return path
    raise EngineUnavailable("No private folder for the engine's socket: " + "; ".join(problems))


def found_sockets() -> list[Path]:
    """List the sockets of this user's hosts, of every model and version, also those that a dead host left behind."""
    found: dict[Path, None] = {}
    for folder in _candidate_folders():
        with contextlib.suppress(OSError):
            check_private(folder)
            found |= dict.fromkeys(path for path in sorted(folder.glob("*.sock")) if path.is_socket())
    return list(found)


def check_own(path: Path) -> tuple[int, ...] | None:
    """Check that the socket was made by this user, and tell it from any other at this path; None when there is none.

    Raises EngineUnavailable.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if found.st_uid != os.geteuid():
        raise EngineUnavailable(f"{path} belongs to another user; nothing is sent there.")
    return found.st_dev, found.st_ino, found.st_ctime_ns


def may_talk(connection: Connection) -> bool:
    """Tell whether this user, or root, is at the other end, as far as the kernel can say."""
    user = _peer_user(connection)
    return user is None or user in (os.geteuid(), 0)


def serving_process(path: Path) -> int | None:
    """Find the process that listens at a socket of this user's, whether it answers or not; None: unknown."""
    with contextlib.suppress(OSError, struct.error), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        if _peer_user(connection) != os.geteuid():
            return None
        if sys.platform == "darwin":
            return int(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)) or None
        return int(struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, 12))[0]) or None
    return None


def log_places(socket_path: Path) -> tuple[Path, Path]:
    """Say where the log of the host behind this socket belongs, and where it is if nothing can be written there."""
    import platformdirs

    folder = Path(platformdirs.user_log_dir("infill-lsp", appauthor=False))
    return folder / f"host-{socket_path.stem}.log", socket_path.with_suffix(".log")


def log_path(socket_path: Path) -> Path:
    """Find the log of the host behind this socket: the one that was written last."""
    return max(log_places(socket_path), key=_written_at)


def _written_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def make_private(folder: Path) -> None:
    """Make the folder if there is none, and check that it is this user's alone. Raises OSError saying what to do."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)


def check_private(folder: Path) -> None:
    """Check that the folder is this user's alone. Raises OSError saying what to do."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is not a folder")
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{folder} is open to others: choose a folder that belongs to you alone (mode 700)")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is not writable")
    parent = folder.resolve().parent.stat()
    if parent.st_uid not in (0, os.geteuid()) or (parent.st_mode & 0o022 and not parent.st_mode & stat.S_ISVTX):
        raise PermissionError(f"{folder.parent} lets other users replace {folder.name}: choose another folder")


def _peer_user(connection: Connection) -> int | None:
    """Ask the kernel who connected; None where it does not say."""
    try:
        if sys.platform == "linux":
            answer = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, 12)
            return int(struct.unpack("iII", answer)[1])
        if sys.platform == "darwin":
            return int(struct.unpack_from("II", connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES))[1])
    except (OSError, struct.error):
        pass
    return None


def _spoken() -> str:
    """Name everything that requests and answers may hold."""
    kinds = (FillRequest, FillResult, Candidate, Draft, EngineInfo, Capabilities, HostStatus)
    return " ".join(field.name for kind in kinds for field in dataclasses.fields(kind))


def _candidate_folders() -> list[Path]:
    import platformdirs

    folders = []
    with warnings.catch_warnings():
        # A session without a runtime folder is normal (ssh, cron); the fallback needs no announcement.
        warnings.simplefilter("ignore")
        with contextlib.suppress(OSError):
            folders.append(Path(platformdirs.user_runtime_dir("infill-lsp", appauthor=False)))
    temporary = [Path(tempfile.gettempdir()), Path("/tmp")]
    return folders + [folder / f"infill-lsp-{os.geteuid()}" for folder in temporary]
