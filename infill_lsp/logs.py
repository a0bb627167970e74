"""The server's log file: what is written there, how it rotates, and what is kept out of it.

Source text and names of files outside of the open folders stay out, unless the setting `log_source` lets them in. A
record may carry two things besides its message: `uri`, a document, and `source`, a detail that may hold source text.
Of an exception that is its message; of other people's loggers only the first line of a warning is written.
Several servers write to one file. It knows no documents and no protocol.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FILE_NAME = "server.log"
MAX_BYTES = 1_000_000
NUM_OLD_FILES = 2

_OURS = ("infill_lsp", "engine")
_FILE_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_STDERR_FORMAT = "infill-lsp: %(levelname)s: %(message)s"


def log_file() -> Path:
    """Say where the log belongs on this system, whether or not it exists."""
    import platformdirs  # Imported late, for the sake of a quick start.

    return platformdirs.user_log_path("infill-lsp", appauthor=False) / FILE_NAME


def begin() -> None:
    """Write warnings to standard error, and the log to its file, from now on."""
    # pygls logs whole messages, and with them the user's source text.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setLevel(logging.WARNING)
    stderr.setFormatter(Discreet(_STDERR_FORMAT))
    handlers: list[logging.Handler] = [stderr]
    try:
        file = log_file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers.append(SharedFile(file))
        handlers[-1].setFormatter(Discreet(_FILE_FORMAT))
    except OSError as error:
        print(f"infill-lsp: there is no log file: {error.strerror}", file=sys.stderr)
    logging.basicConfig(handlers=handlers, level=logging.WARNING, force=True)
    adapt("info", source=False, roots=())


def adapt(level: str, *, source: bool, roots: Sequence[Path]) -> None:
    """Follow the settings. `roots` are the open folders: names of files in them are written from there."""
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, Discreet):
            handler.formatter.tells_source = source
            handler.formatter.roots = tuple(f"{root}/" for root in roots)


class Discreet(logging.Formatter):
    """Write a record without what may be source text, unless that is wanted."""

    def __init__(self, layout: str) -> None:
        super().__init__(layout)
        self.tells_source = False
        self.roots: tuple[str, ...] = ()

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Add a record's document and, where that may be told, its detail."""
        if not self.tells_source and not record.name.startswith(_OURS):
            record.message = record.message.split("\n", 1)[0]
        text = super().formatMessage(record)
        if (uri := getattr(record, "uri", None)) is not None:
            text += f" [{self._name(uri)}]"
        if self.tells_source:
            detail = getattr(record, "source", None)
            return text if detail is None else f"{text}: {detail}"
        return self._shortened(text)

    def formatException(self, ei: Any) -> str:
        """Give the way to an exception and its kind; its message may quote anything."""
        if self.tells_source:
            return super().formatException(ei)
        lines: list[str] = []
        error: BaseException | None = ei[1]
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            lines += [*traceback.format_tb(error.__traceback__), f"{type(error).__name__} (setting log_source: why)\n"]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "".join(lines).rstrip("\n")

    def _name(self, uri: str) -> str:
        if self.tells_source:
            return uri
        path = unquote(urlsplit(uri).path)
        inside = [path[len(root) :] for root in self.roots if path.startswith(root)]
        return min(inside, key=len) if inside else "a file outside of the open folders"

    def _shortened(self, text: str) -> str:
        for root in self.roots:
            text = text.replace(root, "")
        return text


class SharedFile(RotatingFileHandler):
    """A rotating file that several processes write to: each notices when another one has rotated it."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=MAX_BYTES, backupCount=NUM_OLD_FILES, encoding="utf-8", delay=True)
        self.errors = "backslashreplace"

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record to the file that has the name now."""
        if self.stream is not None and not self._is_current():
            self._reopen()
        super().emit(record)

    def doRollover(self) -> None:
        """Rotate, unless another process has just done so."""
        with self._locked():
            if self._is_current():
                super().doRollover()
                return
        self._reopen()

    def _reopen(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """Write no log any more: a full disk must not stop a user who types."""
        logging.getLogger().removeHandler(self)
        print(f"infill-lsp: {self.baseFilename} cannot be written; there is no log", file=sys.stderr)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def _is_current(self) -> bool:
        try:
            return self.stream is not None and os.path.samestat(
                os.fstat(self.stream.fileno()), os.stat(self.baseFilename)
            )
        except OSError:
            return False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(f"{self.baseFilename}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
