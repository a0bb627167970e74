"""What the user set: where it comes from, which source wins, and one clear line for every key that cannot be used.

A setting that cannot be used is reported with its path and ignored; nothing here raises for what a user wrote.
Later sources win: defaults, the user's config.toml, the project's infill.toml, the editor, `INFILL_MODEL` and
`INFILL_PRECISION`, and the command line. Within a source, what is set for a language wins over what is set for all.
A project may come from a stranger: its file can choose no model, and can widen nothing. Globs in `exclude` add up.
The keys themselves stand in `setting_values`. It knows no protocol and no editor.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infill_lsp import checkpoints, downloads
from infill_lsp.languages import language_for
from infill_lsp.settings.setting_values import MAX_CANDIDATES, SECRETS, Definition, Settings, definitions

__all__ = [
    "LANGUAGES",
    "MAX_CANDIDATES",
    "MODEL_VARIABLE",
    "PRECISION_VARIABLE",
    "PROJECT_FILE",
    "SECRETS",
    "SECTION",
    "Reading",
    "Settings",
    "apply",
    "load",
    "user_config_path",
]

SECTION = "infill-lsp"
LANGUAGES = "languages"
PROJECT_FILE = "infill.toml"
MODEL_VARIABLE = "INFILL_MODEL"
PRECISION_VARIABLE = "INFILL_PRECISION"

_MAX_FILE_BYTES_OF_SETTINGS = 1_000_000


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
    reading = _with_file(Reading(Settings(), ()), user_config_path())
    if root is not None:
        reading = _with_file(reading, root / PROJECT_FILE, from_project=True)
    reading = _with(reading, apply(reading.settings, _section(editor), where="editor settings"))
    for key, variable in (("model", MODEL_VARIABLE), ("precision", PRECISION_VARIABLE)):
        if value := environment.get(variable):
            reading = _with(reading, apply(reading.settings, {key: value}, where=variable))
    reading = _with(reading, apply(reading.settings, overrides, where="command line"))
    model = checkpoints.resolved(reading.settings.model)
    # A folder may be on a disk that comes later; a name or an id that is wrong now is most likely a slip.
    is_called_so = checkpoints.is_name(model) or downloads.id_of(model) is not None
    problem = checkpoints.missing(model) if is_called_so else downloads.missing(model)
    found = () if problem is None else (f"model: {problem}",)
    return Reading(replace(reading.settings, model=model), (*reading.problems, *found))


def user_config_path() -> Path:
    """Say where the user's config.toml belongs on this system, whether or not it exists."""
    import platformdirs  # Imported late, for the sake of a quick start.

    return platformdirs.user_config_path("infill-lsp", appauthor=False) / "config.toml"


def apply(base: Settings, given: object, *, where: str, from_project: bool = False) -> Reading:
    """Lay a mapping of keys over settings; `where` names the source in the problems.

    None in place of the mapping, or as the value of a key, means "not set".
    """
    if given is None:
        return Reading(base, ())
    if not isinstance(given, Mapping):
        return Reading(base, (f"{where}: expected a table of settings, not {_described(given)}",))
    general = {key: value for key, value in given.items() if key != LANGUAGES}
    values, problems = _usable(base, general, where=f"{where}: ", from_project=from_project)
    if "exclude" in values:
        values["exclude"] = tuple(dict.fromkeys((*base.exclude, *values["exclude"])))
    languages = {name: dict(own) for name, own in base.languages.items()}
    for table in languages.values():
        for key in table.keys() & values.keys():
            if from_project and definitions()[key].project == "lower":
                table[key] = min(table[key], values[key])
            else:
                del table[key]
    settings = replace(base, **values, languages=languages)
    for language_id, own, path in _tables(given.get(LANGUAGES), where, problems):
        before = settings.for_language(language_id)
        accepted, others = _usable(before, own, where=f"{path}.", from_project=from_project, in_language=True)
        problems += others
        languages[language_id] = {**languages.get(language_id, {}), **accepted}
    return Reading(
        replace(settings, languages={name: table for name, table in languages.items() if table}), tuple(problems)
    )


def _tables(given: object, where: str, problems: list[str]) -> Iterable[tuple[str, Mapping[object, object], str]]:
    """Yield the tables of languages: our id of the language, what is set there, and where."""
    path = f"{where}: {LANGUAGES}"
    if given is None:
        return
    if not isinstance(given, Mapping):
        problems.append(f"{path}: expected a table for each language, not {_described(given)}")
        return
    for name, own in given.items():
        language = language_for(str(name))
        if not language.suffixes:
            problems.append(f"{path}.{name}: unknown language{_suggestion(str(name), _language_names())}")
        elif isinstance(own, Mapping):
            yield language.id, own, f"{path}.{name}"
        elif own is not None:
            problems.append(f"{path}.{name}: expected a table of settings, not {_described(own)}")


def _usable(
    before: Settings, given: Mapping[Any, object], *, where: str, from_project: bool, in_language: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Read the keys that can be used, and say what is wrong with each other one."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in given.items():
        try:
            definition = definitions().get(key)
            if definition is None:
                raise ValueError(f"unknown setting{_suggestion(str(key), definitions())}")
            if in_language and not definition.by_language:
                raise ValueError("this cannot differ by language; set it outside of the language's table")
            if from_project and definition.project == "never":
                raise ValueError(f"a project may not set this; set it in your editor or in {user_config_path()}")
            if value is not None:
                values[key] = _value(definition, value, getattr(before, key) if from_project else None)
        except ValueError as error:
            problems.append(f"{where}{key}: {error}")
    return values, problems


def _value(definition: Definition, given: object, before: Any) -> Any:
    """Read a value. `before` is what held until now, where a project wants to change it. Raises ValueError."""
    try:
        value: Any = definition.kind.read(given)
    except ValueError as error:
        raise ValueError(f"{error}, not {_described(given)}") from None
    if before is not None and definition.project == "lower" and value > before:
        may = "switch this off, not on" if isinstance(value, bool) else f"only lower this, from {before:,}"
        raise ValueError(f"a project may {may}; set it in your editor or in {user_config_path()}")
    return value


def _with(before: Reading, after: Reading) -> Reading:
    return Reading(after.settings, (*before.problems, *after.problems))


def _with_file(before: Reading, path: Path, *, from_project: bool = False) -> Reading:
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
    return _with(before, apply(before.settings, given, where=str(path), from_project=from_project))


def _section(editor: object) -> object:
    """Unwrap `{"infill-lsp": {...}}`: some editors send their settings whole, others only our section."""
    if isinstance(editor, Mapping) and SECTION in editor:
        return editor[SECTION]
    return editor


def _described(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(key: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # Imported late: only a mistake needs it.

    close = get_close_matches(key.replace("-", "_").lower(), list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _language_names() -> list[str]:
    from infill_lsp.languages import languages  # All their tables: only a mistake needs them.

    return [name for language in languages() for name in (language.id, *language.names)]
