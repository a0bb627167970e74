"""What a user can set: the values, where they come from, and one clear line for every key that cannot be used.

A setting that cannot be used is reported and its default kept; nothing here raises for what a user wrote.
Later sources win: defaults, the user's config.toml, the project's infill.toml, the editor, `INFILL_MODEL` and the
command line. A project may come from a stranger, so its file may not choose the model.
Globs in `exclude` add up: no source can take one away.
It knows no protocol and no editor.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path

from infill_lsp import checkpoints

SECTION = "infill-lsp"
PROJECT_FILE = "infill.toml"
MODEL_VARIABLE = "INFILL_MODEL"

SECRETS = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.gpg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".htpasswd",
    ".ssh",
    ".gnupg",
    ".aws",
    ".kube",
)
"""Names of files and folders that usually hold secrets: never handed to an engine, whatever the settings say."""

MAX_CANDIDATES = 8
"""The most fills that one request may ask for: the engine tries no more."""

MAX_FILE_BYTES = 2_000_000
"""The most that `max_file_bytes` may say: larger texts are not parsed, so no fill of one could be checked."""

_MAX_FILE_BYTES_OF_SETTINGS = 1_000_000
_FORBIDDEN_IN_PROJECT = frozenset({"model"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set; docs/settings.md describes each key."""

    model: str = "bundled"  # "bundled", a folder with a checkpoint, or "fake:TEXT"; a tuned one's name becomes a folder
    num_candidates: int = 4  # fills that are tried; while the user types, at most two
    max_file_bytes: int = 1_000_000  # larger documents, measured in UTF-8, are left alone
    deadline_ms: int = 5000  # then the best draft is returned
    idle_minutes: float = 15.0  # the engine host lets go of the model after this
    debounce_ms: int = 75  # pause in typing before ghost text is computed
    min_confidence: float = 0.02  # while the user types, what the model is less sure of is not shown; 0: all is
    max_prefix_chars: int = 6000  # code points before the hole that the engine is shown
    max_suffix_chars: int = 2000  # code points after the hole that the engine is shown
    enabled: bool = True
    exclude: tuple[str, ...] = SECRETS  # globs of files that are never handed to an engine


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings as read, and one line for each key that could not be used."""

    settings: Settings
    problems: tuple[str, ...]


def load(
    *,
    root: Path | None = None,
    editor: object = None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Reading:
    """Read the settings from every source; `root` is the project's folder, `editor` what the editor sent.

    `overrides` come from the command line; `environment` is this process's own when not given. Files that do not exist
    are no problem.
    """
    environment = os.environ if environment is None else environment
    config = user_config_path()
    reading = _with_file(Reading(Settings(), ()), config)
    if root is not None:
        reading = _with_file(reading, root / PROJECT_FILE, forbidden=_FORBIDDEN_IN_PROJECT)
    reading = _with(reading, apply(reading.settings, _section(editor), where="editor settings"))
    if model := environment.get(MODEL_VARIABLE):
        reading = _with(reading, apply(reading.settings, {"model": model}, where=MODEL_VARIABLE))
    reading = _with(reading, apply(reading.settings, overrides, where="command line"))
    return Reading(replace(reading.settings, model=checkpoints.resolved(reading.settings.model)), reading.problems)


def user_config_path() -> Path:
    """Say where the user's config.toml belongs on this system, whether or not it exists."""
    import platformdirs  # Imported late, for the sake of a quick start.

    return platformdirs.user_config_path("infill-lsp", appauthor=False) / "config.toml"


def apply(base: Settings, given: object, *, where: str, forbidden: frozenset[str] = frozenset()) -> Reading:
    """Lay a mapping of keys over settings; `where` names the source in the problems.

    None in place of the mapping, or as the value of a key, means "not set".
    """
    if given is None:
        return Reading(base, ())
    if not isinstance(given, Mapping):
        return Reading(base, (f"{where}: expected a table of settings, not {_described(given)}",))
    problems: list[str] = []
    accepted: dict[str, object] = {}
    for key, value in given.items():
        path = f"{where}: {key}"
        if key not in _READERS:
            problems.append(f"{path}: unknown setting{_suggestion(str(key))}")
        elif key in forbidden:
            problems.append(f"{path}: a project may not set this; set it in your editor or in {user_config_path()}")
        elif value is not None:
            try:
                accepted[key] = _READERS[key](value)
            except ValueError as error:
                problems.append(f"{path}: {error}, not {_described(value)}")
    if "exclude" in accepted:
        added = accepted["exclude"]
        assert isinstance(added, tuple)
        accepted["exclude"] = tuple(dict.fromkeys((*base.exclude, *added)))
    return Reading(replace(base, **accepted), tuple(problems))  # type: ignore[arg-type]  # each value went through its reader


def exclusion(path: str, globs: tuple[str, ...]) -> str | None:
    """Return the glob that keeps this path from being read, or None.

    A glob without a slash is compared with every name in the path, so a folder's name covers what lies in it;
    one with a slash is compared with the end of the path. Case does not count, and both slashes separate names.
    """
    names = [name for name in path.lower().replace("\\", "/").split("/") if name]
    whole = "/" + "/".join(names)
    for glob in globs:
        pattern = glob.lower().strip("/")
        if "/" in pattern:
            if fnmatchcase(whole, f"*/{pattern}") or fnmatchcase(whole, f"*/{pattern}/*"):
                return glob
        elif any(fnmatchcase(name, pattern) for name in names):
            return glob
    return None


def both_names(path: str) -> str:
    """Return a path for `exclusion` that holds a file's own name and the one behind a link: a link to a secret is one.

    It is for comparing and cannot be opened.
    """
    return path if "\0" in path else f"{path}/{os.path.realpath(path)}"


def _with(before: Reading, after: Reading) -> Reading:
    return Reading(after.settings, (*before.problems, *after.problems))


def _with_file(before: Reading, path: Path, forbidden: frozenset[str] = frozenset()) -> Reading:
    """Lay a TOML file over what was read before; a file that cannot be read is one problem."""
    try:
        if not path.is_file():
            return before
        if path.stat().st_size > _MAX_FILE_BYTES_OF_SETTINGS:
            raise ValueError("too large for a settings file")
        given = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Reading(before.settings, (*before.problems, f"{path}: cannot be read: {reason}"))
    return _with(before, apply(before.settings, given, where=str(path), forbidden=forbidden))


def _section(editor: object) -> object:
    """Unwrap `{"infill-lsp": {...}}`: some editors send their settings whole, others only our section."""
    if isinstance(editor, Mapping) and SECTION in editor:
        return editor[SECTION]
    return editor


def _described(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(key: str) -> str:
    from difflib import get_close_matches  # Imported late: only a mistake needs it.

    close = get_close_matches(key.replace("-", "_").lower(), _READERS, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text that is not empty")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        # Some editors have one kind of number only and send 4.0 for 4.
        integral = not isinstance(value, bool) and isinstance(value, (int, float)) and value == value // 1
        if not integral or not low <= value <= high:  # type: ignore[operator]  # a number, as just checked
            raise ValueError(f"expected a whole number from {low:,} to {high:,}")
        return int(value)  # type: ignore[call-overload,no-any-return]

    return read


def _minutes(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 100_000:
        raise ValueError("expected a number of minutes above 0")
    return float(value)


def _probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError("expected a number from 0 to 1")
    return float(value)


def _globs(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(glob, str) and glob.strip("/ ") for glob in value):
        raise ValueError("expected a list of globs")
    return tuple(value)


_READERS: dict[str, Callable[[object], object]] = {
    "model": _text,
    "num_candidates": _whole(1, MAX_CANDIDATES),
    "max_file_bytes": _whole(1, MAX_FILE_BYTES),
    "deadline_ms": _whole(1, 600_000),
    "idle_minutes": _minutes,
    "debounce_ms": _whole(0, 10_000),
    "min_confidence": _probability,
    "max_prefix_chars": _whole(0, 1_000_000),
    "max_suffix_chars": _whole(0, 1_000_000),
    "enabled": _switch,
    "exclude": _globs,
}
assert set(_READERS) == {field.name for field in fields(Settings)}
