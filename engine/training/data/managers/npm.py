"""JavaScript and TypeScript packages as `npm pack` downloads them; scripts are not run and dependencies not fetched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.training.data.managers.command import run
from engine.training.data.package import Package, digest, members


def fetch(names: Sequence[str], archives: Path) -> list[Package]:
    """Download the named packages that `archives` lacks, and return them all in the order of their names.

    Raises: RuntimeError when npm cannot download one.
    """
    missing = sorted(set(names) - {package.name for package in map(read, archives.glob("*.tgz"))})
    if missing:
        command = ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", str(archives), *missing]
        run(command, f"npm could not download {', '.join(missing)}; check the network and try again")
    found = {package.name: package for package in map(read, sorted(archives.glob("*.tgz")))}
    return [found[name] for name in sorted(set(names))]


def read(archive: Path) -> Package:
    """Return the archive as a package; its licence is the expression in its `package.json`."""
    raw = dict(members(archive, lambda path: path == "package.json", strip=True))["package.json"]
    described = json.loads(raw)
    stated = described.get("license", "")
    licence = stated.get("type", "") if isinstance(stated, dict) else str(stated)
    contents = partial(members, archive, strip=True)
    return Package(described["name"], described["version"], licence, digest(archive), contents, lambda path: licence)
