"""The engine host's log, where standard error is the log file: it rotates, and standard error goes on in the new file.

Who starts a host points its standard error at the log, so that what fails before any code of ours runs is written too.
In a terminal nothing changes. It knows no requests: what is logged is the host's own doing, never source text.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1_000_000
NUM_OLD_FILES = 2

_FORMAT = "%(asctime)s %(process)d %(levelname)s %(message)s"
_STDERR = 2


def begin() -> None:
    """Log to standard error."""
    logging.basicConfig(level=logging.INFO, format=_FORMAT)


def rotate(file: Path) -> None:
    """Let the log rotate, if standard error is this file."""
    try:
        if not os.path.samestat(os.fstat(_STDERR), file.stat()):
            return
        handler = _StandardErrorFile(file, maxBytes=MAX_BYTES, backupCount=NUM_OLD_FILES, encoding="utf-8")
    except OSError:
        return
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


class _StandardErrorFile(RotatingFileHandler):
    """A rotating file that standard error follows."""

    def doRollover(self) -> None:
        """Rotate, and take standard error along."""
        super().doRollover()
        if self.stream is not None:
            os.dup2(self.stream.fileno(), _STDERR)
