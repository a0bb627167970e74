"""The settings of each folder that the editor has open, and which of them hold for a path.

Each folder has its own infill.toml, and the editor may send other values for each. What belongs to no folder goes by
the first one, as do the engine and the log. Files of settings are looked at for changes when somebody asks, since few
editors watch files for a server. It knows no document and no clock.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_lsp.settings.settings import PROJECT_FILE, Reading, Settings, load, user_config_path

_Signature = tuple[int, int, int]


@dataclass(slots=True)
class _Folder:
    root: Path | None
    sent: object  # by the editor
    reading: Reading


class FolderSettings:
    """What was read for each open folder; there is always one, even where none is open. `overrides` win everywhere."""

    def __init__(self, overrides: Mapping[str, object] | None = None) -> None:
        self._overrides = overrides
        self._folders = [_Folder(None, None, Reading(Settings(), ()))]
        self._signatures: dict[Path, _Signature | None] = {}

    @property
    def roots(self) -> tuple[Path, ...]:
        """The open folders."""
        return tuple(folder.root for folder in self._folders if folder.root is not None)

    @property
    def first(self) -> Settings:
        """The settings of the first folder."""
        return self._folders[0].reading.settings

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for every key that could not be used, whichever folder it is for."""
        return tuple(dict.fromkeys(problem for folder in self._folders for problem in folder.reading.problems))

    def open(self, roots: Iterable[Path]) -> None:
        """Take over the list of open folders; what the editor sent for one that stays is kept."""
        known = {folder.root: folder.sent for folder in self._folders}
        inherited = self._folders[0].sent
        kept: list[Path | None] = [*dict.fromkeys(roots)] or [None]
        self._folders = [_Folder(root, known.get(root, inherited), Reading(Settings(), ())) for root in kept]
        self._read()

    def configure(self, sent: object, scoped: Mapping[Path | None, object]) -> None:
        """Read everything anew. `scoped` is what the editor answered for single folders; for others it is `sent`."""
        for folder in self._folders:
            if folder.root in scoped or sent is not None or not scoped:
                folder.sent = scoped.get(folder.root, sent)
        self._read()

    def is_source(self, path: str) -> bool:
        """Tell whether a path is that of a file that settings are read from."""
        return any(str(source) == path for source in self._signatures)

    def follow_files(self) -> bool:
        """Read everything anew if a file of settings came, changed or went since the last reading; say whether."""
        if all(_signature(path) == known for path, known in self._signatures.items()):
            return False
        self._read()
        return True

    def holding(self, paths: Sequence[str]) -> tuple[Settings, Path | None]:
        """Return the settings that hold for a file of these names, and the open folder that it lies in."""
        for path in paths:
            inside = [folder for folder in self._folders if folder.root is not None and _is_in(path, folder.root)]
            if inside:
                nearest = max(inside, key=lambda folder: len(str(folder.root)))
                return nearest.reading.settings, nearest.root
        return self.first, None

    def snapshot(self) -> tuple[Settings, ...]:
        """Return all settings, to tell whether something changed."""
        return tuple(folder.reading.settings for folder in self._folders)

    def _read(self) -> None:
        # Before they are read: what is written meanwhile is seen as a change.
        sources = [user_config_path(), *(root / PROJECT_FILE for root in self.roots)]
        self._signatures = {path: _signature(path) for path in sources}
        for folder in self._folders:
            folder.reading = load(root=folder.root, editor=folder.sent, overrides=self._overrides)


def _signature(path: Path) -> _Signature | None:
    """Return what changes when a file does; None: there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _is_in(path: str, root: Path) -> bool:
    folder = str(root).rstrip("/")
    return path == folder or path.startswith(f"{folder}/")
