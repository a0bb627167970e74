"""`infill-lsp models`: the checkpoints of this machine, what they take, and how they would be run; and removing one.

Listed are the bundled one, those that `tune` made, those that `download` fetched or began to, wherever they were put,
and the quantised weights that the engine keeps on disk for large ones.
"""

from __future__ import annotations

import contextlib
import json
import os
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

    model: str  # as the setting `model` takes it; of a download that is not whole, as `download` does
    kind: str
    id: str | None  # of one that comes from a hub
    folder: str
    num_bytes: int
    num_bytes_wanted: int | None  # of a download that is not whole
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
        named = "" if each.id in (None, each.model) else f"{each.id}, "
        whole = f" of {size(each.num_bytes_wanted)}" if each.num_bytes_wanted else ""
        parts = [f"{each.model}: {named}{each.kind}, {size(each.num_bytes)}{whole}"]
        parts += [f"and {size(each.quantised_bytes)} quantised"] if each.quantised_bytes else []
        parts += [f"licence {each.license}"] if each.license else []
        print(", ".join(parts))
        for line in (each.goes_on, each.fits):
            if line:
                print(f"    {line}")
    return 0


def remove_model(name: str) -> int:
    """Delete a downloaded checkpoint, whole or not, and what was quantised of it. Raises Mistake.

    It is named by its id or by its folder. Of a folder that the user chose goes what was downloaded, and the folder
    itself where nothing else is in it.
    """
    folder = _removable(name)
    if downloads.is_under_way(folder):
        raise Mistake(f"{folder} is being downloaded; end that first (Ctrl-C there)")
    shown, is_chosen = downloads.id_in(folder) or name, folder in downloads.all_chosen()
    num_bytes = _bytes_in(downloads.files_in(folder) if is_chosen else folder.glob("*"))
    try:
        for store in [store for store, source in _stores() if source == folder.resolve()]:
            checkpoints.remove(store)
        with alone(folder):
            if is_chosen:
                _empty(folder)
            else:
                checkpoints.remove(folder)
    except OSError as error:
        raise Mistake(f"{folder} cannot be removed: {error.strerror or error}") from None
    others = f"; other files stay in {folder}" if folder.exists() else ""
    print(f"removed {shown}, {size(num_bytes)}, from {folder}{others}")
    return 0


def _removable(name: str) -> Path:
    """Return the folder of the download of this id, or the folder itself. Raises Mistake, saying what would work."""
    id = downloads.id_of(name)
    if id is not None and (place := downloads.place_of(id)).is_dir():
        return place
    if checkpoints.folder_of(name) is not None:
        raise Mistake(f"{name} was tuned; to remove it: infill-lsp tune --remove {name}")
    there = {folder: held for folder in sorted(downloads.all_chosen()) if (held := downloads.id_in(folder)) is not None}
    if (path := Path(os.path.abspath(os.path.expanduser(name)))) in there:
        return path
    same = [folder for folder, held in there.items() if id is not None and downloads.is_same(held, id)]
    if len(same) > 1:
        raise Mistake(f"{id} is in {', '.join(map(str, same))}; name the folder")
    if not same:
        raise Mistake(f"{name} was not downloaded; infill-lsp models names what is here")
    return same[0]


def _empty(folder: Path) -> None:
    """Delete a download from a folder that may hold other files. Raises: OSError."""
    for file in downloads.files_in(folder):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else's files
        folder.rmdir()
    downloads.forget_elsewhere(folder)


def _found() -> list[Listed]:
    bundled, chosen = bundled_folder(), downloads.all_chosen()
    rows: list[tuple[str, str, Path, str | None, str | None]] = []  # model, kind, folder, id, licence
    rows += [("bundled", "comes with infill-lsp", bundled, None, None)] if bundled.is_dir() else []
    rows += [(tuned.name, "tuned", tuned.folder, None, None) for tuned in checkpoints.all_tuned()]
    for each in downloads.all_downloaded():
        model = str(each.folder) if each.folder in chosen else each.id
        rows.append((model, "downloaded", each.folder, each.id, each.license))
    goes_on: dict[Path, str] = {}
    unfinished = {folder: id for id, folder in downloads.all_unfinished()}
    for folder, id in unfinished.items():
        is_under_way = downloads.is_under_way(folder)
        rows.append((id, "being downloaded" if is_under_way else "broken off", folder, id, None))
        if not is_under_way:
            goes_on[folder] = downloads.going_on(id, folder)
    stores = _stores()
    lines = fits_all([folder for _, _, folder, _, _ in rows])
    return [
        Listed(
            model,
            kind,
            id,
            str(folder),
            _bytes_in(folder.glob("*")),
            downloads.num_bytes_wanted(folder) if folder in unfinished else None,
            sum(_bytes_in(store.glob("*")) for store, source in stores if source == folder.resolve()),
            license,
            line,
            goes_on.get(folder),
        )
        for (model, kind, folder, id, license), line in zip(rows, lines, strict=True)
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
