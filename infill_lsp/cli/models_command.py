"""`infill-lsp models`: the checkpoints of this machine, what they take, and how they would be run; and removing one.

Listed are the bundled one, those that `tune` made, those that `download` fetched or began to, wherever they were put,
and the quantised weights that the engine keeps on disk for large ones.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from infill_lsp import checkpoints, downloads
from infill_lsp.cli.checkpoint_check import bundled_folder
from infill_lsp.cli.download_command import alone, size
from infill_lsp.cli.fitting_job import fits_all
from infill_lsp.cli.mistake import Mistake

_STORES = "quantised/*/store.json"  # where `engine.models.quantize.store` writes its records


@dataclass(frozen=True, slots=True)
class Listed:
    """One checkpoint. `quantised_bytes` is what the engine keeps of it besides."""

    model: str  # as the setting `model` takes it; of a broken download, as `download` does
    kind: str
    folder: str
    num_bytes: int
    quantised_bytes: int
    license: str | None
    fits: str | None
    goes_on: str | None  # the command that brings the rest of a download that was broken off


def list_models(*, as_json: bool) -> int:
    """Print one line for each, or one JSON object."""
    found = _found()
    if as_json:
        print(json.dumps({"models": [asdict(each) for each in found]}))
        return 0
    for each in found:
        parts = [f"{each.model}: {each.kind}, {size(each.num_bytes)}"]
        parts += [f"and {size(each.quantised_bytes)} quantised"] if each.quantised_bytes else []
        parts += [f"licence {each.license}"] if each.license else []
        print(", ".join(parts))
        for line in (each.goes_on, each.fits):
            if line:
                print(f"    {line}")
    return 0


def remove_model(name: str) -> int:
    """Delete a downloaded checkpoint, whole or not, and what was quantised of it. Raises Mistake."""
    id = downloads.id_of(name)
    folder = None if id is None else downloads.place_of(id)
    if folder is None or not folder.is_dir():
        if checkpoints.folder_of(name) is not None:
            raise Mistake(f"{name} was tuned; to remove it: infill-lsp tune --remove {name}")
        if any(Path(name).expanduser().absolute() == each for each in downloads.all_chosen()):
            raise Mistake(f"{name} is a folder that you chose; to remove the model, delete that folder")
        raise Mistake(f"{name} was not downloaded; infill-lsp models names what is here")
    stores = [store for store, source in _stores() if source == folder.resolve()]
    num_bytes = _bytes_in(folder.glob("*"))
    try:
        with alone(folder):
            for each in (*stores, folder):
                checkpoints.remove(each)
    except OSError as error:
        raise Mistake(f"{folder} cannot be removed: {error.strerror or error}") from None
    print(f"removed {id}, {size(num_bytes)}")
    return 0


def _found() -> list[Listed]:
    bundled = bundled_folder()
    rows: list[tuple[str, str, Path, str | None]] = []
    rows += [("bundled", "comes with infill-lsp", bundled, None)] if bundled.is_dir() else []
    rows += [(tuned.name, "tuned", tuned.folder, None) for tuned in checkpoints.all_tuned()]
    chosen = downloads.all_chosen()
    for each in downloads.all_downloaded():
        rows.append((str(each.folder) if each.folder in chosen else each.id, "downloaded", each.folder, each.license))
    goes_on: dict[Path, str] = {}
    for id, folder in downloads.all_broken_off():
        rows.append((id, "broken off", folder, None))
        place = f" --to {shlex.quote(str(folder))}" if folder in chosen else ""
        goes_on[folder] = f"infill-lsp download {id}{place}"
    stores = _stores()
    lines = fits_all([folder for _, _, folder, _ in rows])
    return [
        Listed(
            model,
            kind,
            str(folder),
            _bytes_in(folder.glob("*")),
            sum(_bytes_in(store.glob("*")) for store, source in stores if source == folder.resolve()),
            license,
            line,
            goes_on.get(folder),
        )
        for (model, kind, folder, license), line in zip(rows, lines, strict=True)
    ]


def _stores() -> list[tuple[Path, Path]]:
    """Return the engine's folders of quantised weights, each with the folder that it was made from."""
    import platformdirs  # Imported late, for the sake of a quick start.

    found = []
    for record in sorted(platformdirs.user_cache_path("infill-lsp", appauthor=False).glob(_STORES)):
        try:
            found.append((record.parent, Path(json.loads(record.read_bytes())["source"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _bytes_in(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
