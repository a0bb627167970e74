"""The plain data of the collection: one cleaned file, one line of the manifest, and their files on disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

HELD_OUT_FILE = "held_out.jsonl.gz"
"""Where the step `data` leaves the held-out files, so that an evaluation need not collect them again."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One cleaned file: where it came from and its text with `\\n` line ends."""

    package: str
    path: str
    text: str
    held_out: bool
    language: str = "python"


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """What the manifest says of one package: enough to fetch the same version again and to honour its licence.

    `sha256` is the archive's digest; of a Debian source package that of the `.dsc`, which holds the archives' digests.
    """

    name: str
    version: str
    licence: str
    language: str
    manager: str
    files: int
    characters: int
    sha256: str
    held_out: bool


def write_manifest(records: Iterable[PackageRecord], path: Path) -> None:
    """Write the records as JSON, one package a line."""
    rows = ",\n".join("  " + json.dumps(asdict(record)) for record in records)
    path.write_text(f"[\n{rows}\n]\n")


def write_sources(sources: Iterable[SourceFile], path: Path) -> None:
    """Write cleaned files as compressed JSON lines, so that a later step need not collect them again."""
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=3) as lines:
        for source in sources:
            lines.write(json.dumps(asdict(source)) + "\n")


def read_sources(path: Path) -> list[SourceFile]:
    """Read what `write_sources` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [SourceFile(**json.loads(line)) for line in lines]
