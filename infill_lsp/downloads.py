"""Checkpoints that `infill-lsp download` fetched: what they are called, where they stand, and whether one is whole.

Their ids, and the short names of some, are values of the setting `model`. It opens no connection and knows no weights.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
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

LOCK_FILE = ".lock"
"""Locked by the process that downloads."""

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


def all_unfinished() -> list[tuple[str, Path]]:
    """Return the ids of downloads that were begun and are not whole, in the same order, each with its folder."""
    return [
        (id_in(folder) or folder.name.replace("--", "/", 1), folder)
        for folder in _all_folders()
        if _is_begun(folder) and read(folder) is None
    ]


def is_under_way(folder: Path) -> bool:
    """Tell whether a process is downloading into a folder now."""
    try:
        with (folder / LOCK_FILE).open("rb") as stream:
            # Shared, so that who asks at the same time does not take another for a download.
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def num_bytes_wanted(folder: Path) -> int:
    """Return how much a download that is not whole will be, as far as it knows; 0 where nothing is known."""
    marks = [mark for mark in _told(folder / STATE_FILE).values() if isinstance(mark, list) and mark]
    return sum(mark[0] for mark in marks if isinstance(mark[0], int))


def going_on(id: str, folder: Path) -> str:
    """Return the command that brings the rest of a download that was broken off."""
    place = "" if folder == place_of(id) else f" --to {shlex.quote(str(folder))}"
    return f"infill-lsp download {id}{place}"


def note_elsewhere(folder: Path) -> None:
    """Remember a folder that the user chose for a download, so that it is listed; harmless if it fails."""
    note = _note_of(folder)
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(os.fsencode(folder))


def all_chosen() -> set[Path]:
    """Return the folders of `note_elsewhere`, which may be gone."""
    found = set()
    for note in _folders(downloads_folder() / _ELSEWHERE):
        with contextlib.suppress(OSError):
            found.add(Path(os.fsdecode(note.read_bytes())))
    return found


def forget_elsewhere(folder: Path) -> None:
    """Forget a folder that the user chose. Raises: OSError."""
    _note_of(folder).unlink(missing_ok=True)


def id_in(folder: Path) -> str | None:
    """Return the id of the download that a folder holds, whole or not; None where it cannot be told."""
    ids = (told.get("id") for told in (_told(folder / STATE_FILE), _told(folder / RECORD_FILE)))
    return next((id for id in ids if isinstance(id, str)), None)


def files_in(folder: Path) -> list[Path]:
    """Return what a download, whole or not, has put into a folder, its record first and its lock last."""
    files = _told(folder / RECORD_FILE).get("files")
    names = {*_told(folder / STATE_FILE), *(files if isinstance(files, dict) else ())} - {"id"}
    plain = sorted(name for name in names if Path(name).name == name)  # A record may come from a stranger.
    ours = (RECORD_FILE, *plain, *(f".{name}.part" for name in plain), STATE_FILE, LOCK_FILE)
    return [path for path in (folder / name for name in ours) if path.is_file() or path.is_symlink()]


def _told(path: Path) -> dict[str, object]:
    """Return what a record says; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _is_begun(folder: Path) -> bool:
    return (folder / STATE_FILE).is_file() or (folder / RECORD_FILE).is_file()


def _note_of(folder: Path) -> Path:
    return downloads_folder() / _ELSEWHERE / hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]


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
    """Say in one line that a value of the setting `model` names a download that is not here, or not all of it, or None.

    It may be an id or a folder.
    """
    id, path = id_of(model), os.path.expanduser(model)
    if os.path.isdir(path):
        folder = Path(path).absolute()
        id = id_in(folder) if (folder / STATE_FILE).is_file() else None  # without it, any checkpoint
    elif id is not None:
        folder = place_of(id)
    if id is None or read(folder) is not None:
        return None
    if is_under_way(folder):
        return f"{id} is still being downloaded"
    if _is_begun(folder):
        return f"the download of {id} was broken off; to go on: {going_on(id, folder)}"
    return f"{id} is not downloaded; to fetch it: infill-lsp download {model}"
