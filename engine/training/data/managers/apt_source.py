"""Debian's source packages, as upstream released them, with the copyright file that Debian keeps beside them.

Few systems are set up to fetch sources, and this asks for no rights: apt gets a configuration and lists of its own,
derived from the archives that the system already trusts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from engine.training.data.licences import debian_licences
from engine.training.data.managers.command import run
from engine.training.data.package import Package, digest, members

_TAR = re.compile(r"\.tar\.(gz|xz|bz2)$")


def fetch(names: Sequence[str], archives: Path) -> list[Package]:
    """Download the named packages that `archives` lacks, and return them all in the order of their names.

    Raises: RuntimeError when this is no Debian system, or apt cannot download one.
    """
    missing = [name for name in sorted(set(names)) if not list(archives.glob(f"{name}_*.dsc"))]
    if missing:
        failure = f"apt could not download the source of {', '.join(missing)}; check the network and try again"
        options = _private_configuration(archives.resolve() / "configuration")
        run(["apt-get", "update", "-qq", *options], failure)
        run(["apt-get", "source", "-qq", "--download-only", "--only-source", *options, *missing], failure, archives)
    return [read(sorted(archives.glob(f"{name}_*.dsc"))[-1]) for name in sorted(set(names))]


def read(description: Path) -> Package:
    """Return the package that a `.dsc` file describes, its archives beside it; apt has verified their digests.

    Raises: RuntimeError when the package has no upstream archive or no copyright file in a form that is read.
    """
    text = description.read_text("utf-8", "replace")
    name, version = (re.findall(rf"^{field}: (\S+)", text, re.M)[0] for field in ("Source", "Version"))
    listed = [
        description.with_name(found) for found in sorted(set(re.findall(r"^ [0-9a-f]{64} \d+ (\S+)$", text, re.M)))
    ]
    tars = [path for path in listed if _TAR.search(path.name)]
    packaging = [path for path in tars if ".debian.tar." in path.name] or tars
    upstream = [path for path in tars if ".orig.tar." in path.name] or tars
    if not tars or not all(path.exists() for path in tars):
        raise RuntimeError(f"{description.name} lacks its archives; delete it and try again")
    stated = [
        raw
        for _, raw in members(packaging[0], lambda path: re.fullmatch(r"([^/]+/)?debian/copyright", path) is not None)
    ]
    licence_of = debian_licences(stated[0].decode("utf-8", "replace") if stated else "")
    contents = partial(members, upstream[0], strip=True)
    return Package(name, version, licence_of("*"), digest(description), contents, licence_of)


def _private_configuration(folder: Path) -> list[str]:
    """Return apt's options for lists below `folder` with the source side of every Debian archive that is configured."""
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    form = "--format=$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)"
    failure = "source packages need a Debian system whose lists are there; run `apt-get update`"
    targets = run(["apt-get", "indextargets", form, "Created-By: Packages", "Origin: Debian"], failure).decode()
    lines = []
    for address, release, component, *key in map(str.split, filter(None, targets.split("\n"))):
        signed = f"[signed-by={key[0]}] " if key and key[0].startswith("/") else ""
        lines.append(f"deb-src {signed}{address} {release} {component}\n")
    if not lines:
        raise RuntimeError(failure)
    sources = folder / "sources.list"
    sources.write_text("".join(sorted(set(lines))))
    places = {"etc::sourcelist": sources, "etc::sourceparts": "-", "state::lists": folder / "lists"}
    options = [f"-oDir::{name}={place}" for name, place in places.items()]
    return [*options, f"-oDir::cache={folder / 'cache'}"]
