"""`infill-lsp download`: bring a checkpoint from a model hub onto this machine, so that no network is needed later.

Only weights in safetensors files, JSON, tokenizers and licence texts are fetched, no code. A download that was broken
off goes on with the next run. The checkpoint is found by its id once its record is written, which comes last.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from engine.api import EngineError
from infill_lsp import downloads
from infill_lsp.cli import hub
from infill_lsp.cli.fitting_job import fits
from infill_lsp.cli.mistake import Mistake

_WEIGHTS = "*.safetensors"
# `merges.txt` and `vocab.json` are all the tokenizer that some have.
_SMALL = ("*.json", "merges.txt", "*.model", "LICENSE*", "LICENCE*", "NOTICE*")
_INDEX = "model.safetensors.index.json"
_DECLINED, _INTERRUPTED = 1, 130
_LONG_PAUSE_S = 10.0
# Beside the files themselves: records, and what the file system takes for itself.
_ROOM_BYTES = 64 << 20


def _pause(seconds: float) -> None:
    """Let time pass, and say so where somebody would wonder."""
    if seconds >= _LONG_PAUSE_S:
        print(f"infill-lsp: the hub is busy; on in {seconds:.0f} seconds", file=sys.stderr)
    time.sleep(seconds)


def download(model: str | None, *, agreed: bool, to: Path | None, wait: Callable[[float], None] = _pause) -> int:
    """Download a checkpoint and say how to use it; 1 when the licence is declined. Raises Mistake, EngineError.

    `wait` lets so many seconds pass where the hub is busy.
    """
    id = downloads.id_of(model or downloads.DEFAULT)
    if id is None:
        raise Mistake(f"{model!r} is no model's id; one looks like {downloads.DEFAULT}")
    chosen = None if to is None else to.expanduser().absolute()
    if _is_here(id, chosen):
        return 0
    repository = hub.look_up(id, wait)
    # The hub knows renamed models by their old ids too, and takes any case for the same.
    if repository.id != id and _is_here(repository.id, chosen):
        return 0
    wanted = _wanted(repository)
    print(f"{repository.id}, {size(sum(file.size for file in wanted))}")
    print(f"licence: {repository.license}" + (f", {repository.license_link}" if repository.license_link else ""))
    if not (agreed or _agrees()):
        print("nothing was downloaded", file=sys.stderr)
        return _DECLINED
    folder = downloads.place_of(repository.id) if chosen is None else chosen
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if chosen is not None:
            _check_ours(folder, repository.id)
            downloads.note_elsewhere(folder)
        with alone(folder):
            _fetch_all(repository, wanted, folder, wait)
    except KeyboardInterrupt:
        print("infill-lsp: broken off; the same command goes on from there", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "; make room, and the same command goes on from there" if is_full else ""
        raise EngineError(f"{folder} cannot be written: {error.strerror or error}{advice}") from None
    print(f"{repository.id} is in {folder}")
    named = model if model is not None and id == repository.id else repository.id
    print(f'To use it, set this in your editor or in config.toml: model = "{named if chosen is None else folder}"')
    return 0


def _is_here(id: str, chosen: Path | None) -> bool:
    """Tell whether the model is there, whole, in the folder that was chosen or else in its place; and say so."""
    there = downloads.found(id) if chosen is None else downloads.read(chosen)
    if there is None or not downloads.is_same(there.id, id):
        return False
    if chosen is not None:
        downloads.note_elsewhere(chosen)  # as an earlier version may not have done
    print(f"{there.id} is here already, {size(there.num_bytes)} in {there.folder}")
    return True


def _check_ours(folder: Path, id: str) -> None:
    """Refuse a folder of the user's, in which files of the same names would be lost. Raises Mistake, OSError."""
    names = {path.name for path in folder.iterdir()} - {downloads.LOCK_FILE}
    other = downloads.id_in(folder)
    if (names and not names & {downloads.STATE_FILE, downloads.RECORD_FILE}) or not downloads.is_same(other or id, id):
        raise Mistake(f"{folder} holds {other or 'other files'}; name an empty or a new folder with --to")


def _wanted(repository: hub.Repository) -> list[hub.RemoteFile]:
    """Choose the files, small ones first. Raises Mistake."""
    # Names with a folder in them are other formats of the same weights.
    files = [file for file in repository.files if "/" not in file.name and not file.name.startswith(".")]
    weights = [file for file in files if fnmatchcase(file.name, _WEIGHTS)]
    if not weights or not any(file.name == "config.json" for file in files):
        raise Mistake(f"{repository.id} has no weights in safetensors files with a config.json; nothing else is read")
    small = [file for file in files if any(fnmatchcase(file.name, pattern) for pattern in _SMALL)]
    return [*small, *weights]


def _fetch_all(
    repository: hub.Repository, wanted: list[hub.RemoteFile], folder: Path, wait: Callable[[float], None]
) -> None:
    """Bring what is missing, then write the record. Raises Mistake, EngineError, OSError."""
    _drop_others(folder, repository, wanted)
    small = [file for file in wanted if not fnmatchcase(file.name, _WEIGHTS)]
    with _progress(sum(file.size for file in small)) as on_bytes:
        for file in small:
            _bring(repository, file, folder, on_bytes, wait)
    weights = _indexed([file for file in wanted if fnmatchcase(file.name, _WEIGHTS)], folder)
    _write(folder / downloads.STATE_FILE, _state(repository, [*small, *weights]))
    if line := fits(folder):
        print(f"on this machine: {line}")
    _check_room(weights, folder)
    with _progress(sum(file.size for file in weights)) as on_bytes:
        for file in weights:
            _bring(repository, file, folder, on_bytes, wait)
    record = {
        "id": repository.id,
        "commit": repository.commit,
        "license": repository.license,
        "date": time.strftime("%Y-%m-%d"),
        "files": {file.name: file.size for file in (*small, *weights)},
    }
    _write(folder / downloads.RECORD_FILE, record)
    (folder / downloads.STATE_FILE).unlink(missing_ok=True)


def _bring(
    repository: hub.Repository,
    file: hub.RemoteFile,
    folder: Path,
    on_bytes: Callable[[int], None],
    wait: Callable[[float], None],
) -> None:
    target = folder / file.name
    if target.is_file() and target.stat().st_size == file.size:
        on_bytes(file.size)
    else:
        hub.fetch(repository, file, target, on_bytes, wait)


def _drop_others(folder: Path, repository: hub.Repository, wanted: list[hub.RemoteFile]) -> None:
    """Throw away what an earlier download left of files that are others now, and note which ones these are."""
    state = _state(repository, wanted)
    try:
        before = json.loads((folder / downloads.STATE_FILE).read_bytes())
    except (OSError, ValueError):
        before = {}
    (folder / downloads.RECORD_FILE).unlink(missing_ok=True)
    for name, marks in state.items():
        if name != "id" and (not isinstance(before, dict) or before.get(name) != marks):
            for path in (folder / name, folder / f".{name}.part"):
                path.unlink(missing_ok=True)
    _write(folder / downloads.STATE_FILE, state)


def _state(repository: hub.Repository, wanted: list[hub.RemoteFile]) -> dict[str, object]:
    """Return what `downloads.STATE_FILE` holds: the id, and of each file its size and what tells it from others."""
    return {"id": repository.id} | {file.name: [file.size, file.sha256 or repository.commit] for file in wanted}


def _indexed(weights: list[hub.RemoteFile], folder: Path) -> list[hub.RemoteFile]:
    """Leave out weights that the index does not name: the same ones in another layout. Raises Mistake."""
    try:
        named = set(json.loads((folder / _INDEX).read_bytes())["weight_map"].values())
    except FileNotFoundError:
        return weights
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Mistake(f"{_INDEX} of this model cannot be read; choose another one") from None
    if missing := sorted(named - {file.name for file in weights}):
        raise Mistake(f"the model lacks {missing[0]}, which its index names; choose another one")
    return [file for file in weights if file.name in named]


def _check_room(weights: list[hub.RemoteFile], folder: Path) -> None:
    """Raise EngineError where the disk has no room for what is missing."""
    have = [path.stat().st_size for file in weights for path in _halves(folder, file.name) if path.is_file()]
    missing = sum(file.size for file in weights) - sum(have)
    free = shutil.disk_usage(folder).free
    if missing + _ROOM_BYTES > free:
        advice = "make room, or choose another disk with --to FOLDER"
        raise EngineError(f"{size(missing)} are missing and {folder} has room for {size(free)}: {advice}")


def _halves(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / name, folder / f".{name}.part"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second download out of the folder. Raises Mistake."""
    with (folder / downloads.LOCK_FILE).open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Mistake(f"another download into {folder} is under way") from None
        yield


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is on a terminal; elsewhere a line now and then would only fill logs."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda num_bytes: progress.update(task, advance=num_bytes)


def _agrees() -> bool:
    """Ask for the licence. Raises Mistake where nobody can answer."""
    if not sys.stdin.isatty():
        raise Mistake("who downloads agrees to the licence; without a terminal to ask on, say so with --yes")
    print("Do you agree to it? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write(path: Path, value: object) -> None:
    """Write a JSON file that is there whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def size(num_bytes: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
