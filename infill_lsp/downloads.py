"""Checkpoints that `infill-lsp download` fetched: what they are called, where they stand, and whether one is whole.

Their ids, and the short names of some, are values of the setting `model`. It opens no connection and knows no weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

DEFAULT = "google/diffusiongemma-26B-A4B-it"
"""What is downloaded where nothing is named: for a GPU with 16 GB and more."""

ALIASES: Mapping[str, str] = MappingProxyType({"diffusiongemma": DEFAULT, "diffusiongemma-26b": DEFAULT})
"""Short names of ids."""

RECORD_FILE = "downloaded.json"
"""Written when everything else is there: a folder without it is no checkpoint yet."""

STATE_FILE = ".downloading.json"
"""There while a download is under way, and after it was broken off."""

# Beside the downloads, one file for each folder that the user chose for one: its path.
_ELSEWHERE = ".elsewhere"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A checkpoint that was downloaded, whole; sizes in bytes by the file's name."""

    id: str
    folder: Path
    commit: str
    license: str
    files: Mapping[str, int]

    @property
    def num_bytes(self) -> int:
        """Return what its files take."""
        return sum(self.files.values())


def downloads_folder() -> Path:
    """Say where downloaded checkpoints belong on this system, whether or not there are any."""
    import platformdirs  # Imported late, for the sake of a quick start.

    return platformdirs.user_data_path("infill-lsp", appauthor=False) / "downloads"


def id_of(text: str) -> str | None:
    """Return the id that a short name stands for, or the id itself; None for anything else."""
    named = ALIASES.get(text.lower(), text)
    return named if _ID.fullmatch(named) and "--" not in named and ".." not in named else None


def place_of(id: str) -> Path:
    """Say where the checkpoint of this id belongs, whether or not it is there.

    Hubs take any case for the same, so one that is there in other letters has its place there.
    """
    exact = downloads_folder() / id.replace("/", "--")
    if exact.exists():
        return exact
    same = (folder for folder in _folders(exact.parent) if folder.name.lower() == exact.name.lower())
    return next(same, exact)


def is_same(id: str, other: str) -> bool:
    """Tell whether two ids are one model's: hubs take any case for the same."""
    return id.lower() == other.lower()


def found(text: str) -> Downloaded | None:
    """Return the downloaded checkpoint of an id or a short name; None when it is not there, or not whole."""
    id = id_of(text)
    return None if id is None else read(place_of(id))


def read(folder: Path) -> Downloaded | None:
    """Return what a folder's record says; None without one, or where a file is missing or of another size."""
    try:
        with (folder / RECORD_FILE).open("rb") as file:
            record = json.loads(file.read(_MAX_RECORD_BYTES))
        files = {str(name): int(size) for name, size in record["files"].items()}
        whole = all((folder / name).stat().st_size == size for name, size in files.items())
        read = Downloaded(str(record["id"]), folder, str(record["commit"]), str(record["license"]), files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return read if whole and files else None


def all_downloaded() -> list[Downloaded]:
    """Return the downloaded checkpoints by id, then those in folders that the user chose."""
    return [downloaded for folder in _all_folders() if (downloaded := read(folder)) is not None]


def all_broken_off() -> list[tuple[str, Path]]:
    """Return the ids of downloads that were begun and are not whole, in the same order, each with its folder."""
    found = []
    for folder in _all_folders():
        is_begun = (folder / STATE_FILE).is_file() or (folder / RECORD_FILE).is_file()
        if is_begun and read(folder) is None:
            found.append((id_in(folder) or folder.name.replace("--", "/", 1), folder))
    return found


def note_elsewhere(folder: Path) -> None:
    """Remember a folder that the user chose for a download, so that it is listed; harmless if it fails."""
    notes, path = downloads_folder() / _ELSEWHERE, os.fsencode(folder)
    with contextlib.suppress(OSError):
        notes.mkdir(parents=True, exist_ok=True)
        (notes / hashlib.sha256(path).hexdigest()[:32]).write_bytes(path)


def all_chosen() -> set[Path]:
    """Return the folders of `note_elsewhere`, which may be gone."""
    found = set()
    for note in _folders(downloads_folder() / _ELSEWHERE):
        with contextlib.suppress(OSError):
            found.add(Path(os.fsdecode(note.read_bytes())))
    return found


def id_in(folder: Path) -> str | None:
    """Return the id of the download that a folder holds, whole or not; None where it cannot be told."""
    for name in (STATE_FILE, RECORD_FILE):
        try:
            told = json.loads((folder / name).read_bytes()).get("id")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        if isinstance(told, str):
            return told
    return None


def _all_folders() -> list[Path]:
    """Return where downloads are, or were: our own folders, then those that the user chose."""
    ours = _folders(downloads_folder())
    return [*ours, *sorted(all_chosen() - set(ours))]


def _folders(parent: Path) -> list[Path]:
    try:
        inside = sorted(parent.iterdir())
    except OSError:
        return []
    return [each for each in inside if not each.name.startswith(".")]  # others are notes, or being removed


def missing(model: str) -> str | None:
    """Say in one line that a value of the setting `model` is an id that was never downloaded; None: it is not."""
    id = id_of(model)
    if id is None or found(id) is not None or Path(model).is_dir():
        return None
    return f"{id} is not downloaded; to fetch it: infill-lsp download {model}"
