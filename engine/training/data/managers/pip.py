"""Python packages as pip downloads them, and the standard library of the interpreter that runs this."""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from email.parser import HeaderParser
from functools import partial
from pathlib import Path

from engine.training.data.managers.command import run
from engine.training.data.package import Package, digest, members


def fetch(names: Sequence[str], archives: Path) -> list[Package]:
    """Download the named packages that `archives` lacks, and return them all in the order of their names.

    Raises: RuntimeError when pip cannot download one.
    """
    wanted = {canonical(name) for name in names}
    missing = sorted(wanted - {package.name for package in map(read, sorted(archives.iterdir()))})
    if missing:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(archives), *missing]
        run(command, f"pip could not download {', '.join(missing)}; check the network and try again")
    found = {package.name: package for package in map(read, sorted(archives.iterdir()))}
    return [found[name] for name in sorted(wanted)]


def read(archive: Path) -> Package:
    """Return the wheel or source archive as a package; its licence is what its metadata states."""
    metadata = ""
    for path, raw in members(archive, lambda path: path.endswith(("METADATA", "PKG-INFO"))):
        metadata = raw.decode("utf-8", "replace")
        if path.count("/") <= 1:
            break
    headers = HeaderParser().parsestr(metadata)
    classifiers = [c.split("::")[-1].strip() for c in headers.get_all("Classifier", []) if c.startswith("License ::")]
    licence = (
        headers.get("License-Expression") or "; ".join(classifiers) or (headers.get("License") or "").split("\n")[0]
    )
    name, version = canonical(headers.get("Name", archive.name)), headers.get("Version", "?")
    return Package(name, version, licence, digest(archive), partial(members, archive), lambda path: licence)


def standard_library() -> Package:
    """Return the running interpreter's standard library; there is no archive, so no digest."""
    licence = "PSF-2.0"
    return Package("python", sys.version.split()[0], licence, "", _standard_members, lambda path: licence)


def canonical(name: str) -> str:
    """Return the name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _standard_members(wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in root.rglob("*.py"):
        if wanted(name := path.relative_to(root).as_posix()):
            yield name, path.read_bytes()
