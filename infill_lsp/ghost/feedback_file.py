"""Where what was learnt from suggestions is kept: one small file in the user's state folder, and nowhere else.

It holds numbers by language and bucket of confidence, and no source text. A file that cannot be read counts as empty,
and one that cannot be written is no reason to bother anybody. Several servers may share it: each reads, then writes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from infill_lsp.ghost.feedback import NOTHING, Count, Counts, faded, learnt, threshold

_log = logging.getLogger(__name__)

_VERSION = 1
_MAX_BYTES = 1_000_000


class Feedback:
    """The counts of every language, in a file. `path` is the default one when not given."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._languages: dict[str, Counts] | None = None

    @property
    def path(self) -> Path:
        """Where the counts are kept, whether or not the file exists."""
        if self._path is None:
            import platformdirs  # Imported late, for the sake of a quick start.

            self._path = platformdirs.user_state_path("infill-lsp", appauthor=False) / "feedback.json"
        return self._path

    def threshold(self, language: str, setting: float) -> float:
        """Say how sure the model must be in a language while the user types."""
        if self._languages is None:
            self._languages = _read(self.path)
        return threshold(setting, self._languages.get(language, NOTHING))

    def judged(self, language: str, confidence: float, taken: bool) -> None:
        """Learn from a suggestion that was taken or dismissed."""
        counts = _read(self.path).get(language, NOTHING)
        self._keep(language, learnt(counts, confidence, taken=taken))

    def kept_back(self, language: str) -> None:
        """Let the past fade, since a fill was kept back because of it."""
        self._keep(language, faded(_read(self.path).get(language, NOTHING)))

    def _keep(self, language: str, counts: Counts) -> None:
        self._languages = {**_read(self.path), language: counts}
        try:
            _write(self.path, self._languages)
        except OSError as error:
            _log.info("%s cannot be written: %s", self.path, error)


def _read(path: Path) -> dict[str, Counts]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        kept = json.loads(path.read_bytes())
        if kept["version"] != _VERSION:
            return {}
        return {str(language): _counts(rows) for language, rows in kept["languages"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _log.info("%s cannot be read: %s", path, error)
        return {}


def _counts(rows: list[list[float]]) -> Counts:
    """Raises ValueError, TypeError."""
    counts = tuple(Count(float(taken), float(dismissed)) for taken, dismissed in rows)
    if len(counts) != len(NOTHING) or not all(0 <= n < 1e6 for each in counts for n in (each.taken, each.dismissed)):
        raise ValueError("not the counts of every bucket")
    return counts


def _write(path: Path, languages: Mapping[str, Counts]) -> None:
    """Write a new file and put it in the old one's place, so that nobody ever reads half of one. Raises OSError."""
    import tempfile  # Imported late, for the sake of a quick start.

    rows = {
        language: [[round(each.taken, 3), round(each.dismissed, 3)] for each in counts]
        for language, counts in languages.items()
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(file, "w", encoding="utf-8") as out:
            json.dump({"version": _VERSION, "languages": rows}, out)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
