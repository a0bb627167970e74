"""Debian's binary packages that hold source as it is: `golang-*-dev`, `librust-*-dev`, and shell scripts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from engine.training.data.licences import debian_licences
from engine.training.data.managers.command import run
from engine.training.data.package import Package, digest, tar_members


def fetch(names: Sequence[str], archives: Path) -> list[Package]:
    """Download the named packages that `archives` lacks, and return them all in the order of their names.

    Raises: RuntimeError when this is no Debian system, or apt cannot download one.
    """
    missing = [name for name in sorted(set(names)) if not list(archives.glob(f"{name}_*.deb"))]
    if missing:
        failure = f"apt could not download {', '.join(missing)}; run `apt-get update` on a Debian system and try again"
        run(["apt-get", "download", "-qq", *missing], failure, archives)
    return [read(sorted(archives.glob(f"{name}_*.deb"))[-1]) for name in sorted(set(names))]


def read(archive: Path) -> Package:
    """Return the archive as a package; licences are those of its machine-readable copyright file, else empty."""
    failure = f"{archive.name} cannot be read; delete it and try again"
    fields = run(["dpkg-deb", "--show", "--showformat=${Package}\n${Version}", str(archive)], failure).decode()
    name, version = fields.split("\n")
    stated = f"usr/share/doc/{name}/copyright"
    found = dict(_members(archive, lambda path: path == stated))
    licence_of = debian_licences(found.get(stated, b"").decode("utf-8", "replace"))
    contents = partial(_sources, archive)
    return Package(name, version, licence_of("*"), digest(archive), contents, licence_of)


def _sources(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    return _members(archive, lambda path: not path.startswith("usr/share/doc/") and wanted(path))


def _members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    unpacked = run(
        ["dpkg-deb", "--fsys-tarfile", str(archive)], f"{archive.name} cannot be read; delete it and try again"
    )
    yield from tar_members(io.BytesIO(unpacked), wanted)
