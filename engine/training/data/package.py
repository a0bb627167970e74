"""A fetched package as the collection sees it, whichever manager brought it: names, members, a licence for each."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# Yields the path and the bytes of each regular file whose path is wanted.
Members = Callable[[Callable[[str], bool]], Iterator[tuple[str, bytes]]]


@dataclass(frozen=True, slots=True)
class Package:
    """One package: `licence` is its own, `licence_of` that of the file with a path as `members` gives it."""

    name: str
    version: str
    licence: str
    sha256: str
    members: Members
    licence_of: Callable[[str], str]


def digest(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def members(archive: Path, wanted: Callable[[str], bool], strip: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted files of a zip or tar archive; `strip` leaves out the one folder that all files stand in."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as bundle:
            for name in bundle.namelist():
                if wanted(name):
                    yield name, bundle.read(name)
        return
    top = _top(archive) if strip else ""
    with archive.open("rb") as stream:
        for name, raw in tar_members(stream, lambda name: name.startswith(top) and wanted(name.removeprefix(top))):
            yield name.removeprefix(top), raw


def tar_members(stream: IO[bytes], wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted regular files of a tar stream in one pass, `./` taken off their paths."""
    with tarfile.open(fileobj=stream, mode="r|*") as bundle:
        for member in bundle:
            name = member.name.removeprefix("./")
            if member.isfile() and wanted(name) and (content := bundle.extractfile(member)):
                yield name, content.read()


def _top(archive: Path) -> str:
    with tarfile.open(archive) as bundle:
        folders = {member.name.removeprefix("./").partition("/")[0] for member in bundle if member.isfile()}
    return folders.pop() + "/" if len(folders) == 1 else ""
