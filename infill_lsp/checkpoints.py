"""The user's own checkpoints, made by `infill-lsp tune`: where they stand, what they are called, how one goes.

Their names are values of the setting `model`, as are those of downloaded ones. It knows folders and `tuned.json`, no
weights.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from infill_lsp import downloads

_ABOUT_FILE = "tuned.json"  # as `engine.training.tune_folder` writes it
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset({"bundled", "fake"})
_MAX_ABOUT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Tuned:
    """A checkpoint that was tuned, and what it says of itself; `about` is empty where that cannot be read."""

    name: str
    folder: Path
    about: dict[str, object]


def checkpoints_folder() -> Path:
    """Say where tuned checkpoints belong on this system, whether or not there are any."""
    import platformdirs  # Imported late, for the sake of a quick start.

    return platformdirs.user_data_path("infill-lsp", appauthor=False) / "checkpoints"


def is_name(text: str) -> bool:
    """Whether a tuned checkpoint may be called so: letters, digits, dots, dashes and underscores, no path."""
    return _NAME.fullmatch(text) is not None and text.lower() not in _RESERVED


def name_from(text: str) -> str:
    """Return the nearest name to a text, such as a folder's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-_")[:64]
    return name if is_name(name) else "tuned"


def folder_of(name: str) -> Path | None:
    """Return the folder of the tuned checkpoint of this name, or None when there is none."""
    if not is_name(name):
        return None
    folder = checkpoints_folder() / name
    try:
        return folder if (folder / _ABOUT_FILE).is_file() else None
    except OSError:
        return None


def resolved(model: str) -> str:
    """Return a value of the setting `model` as an engine understands it: a checkpoint's name or id as its folder.

    Nothing is asked over a network: an id is known here once it was downloaded.
    """
    folder = folder_of(model)
    if folder is None and (downloaded := downloads.found(model)) is not None:
        folder = downloaded.folder
    return model if folder is None else str(folder)


def missing(model: str) -> str | None:
    """Say in one line that a value of the setting `model` names nothing on this machine; None: it does."""
    if model == "bundled" or model.startswith("fake:") or folder_of(model):
        return None
    if downloads.id_of(model) is not None or _is_folder(model):
        return downloads.missing(model)
    if is_name(model):
        return f"there is no model {model}; infill-lsp models and infill-lsp tune --list show what there is"
    return f"{model}: no such checkpoint folder"


def all_tuned() -> list[Tuned]:
    """Return the tuned checkpoints by name."""
    try:
        names = sorted(path.name for path in checkpoints_folder().iterdir())
    except OSError:
        return []
    return [Tuned(name, folder, _about(folder)) for name in names if (folder := folder_of(name)) is not None]


def remove(folder: Path) -> None:
    """Delete a tuned checkpoint, out of the way first, so that no half of it is ever found. Raises: OSError."""
    import shutil  # Imported late, for the sake of a quick start.

    if folder.is_symlink():
        folder.unlink()
        return
    hidden = folder.with_name(f".{folder.name}-removed")
    shutil.rmtree(hidden, ignore_errors=True)
    folder.rename(hidden)
    shutil.rmtree(hidden)


def _is_folder(path: str) -> bool:
    # Unlike a Path, this never raises, whatever the user wrote.
    return os.path.isdir(os.path.expanduser(path))


def _about(folder: Path) -> dict[str, object]:
    try:
        with (folder / _ABOUT_FILE).open("rb") as file:
            about = json.loads(file.read(_MAX_ABOUT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
