"""Collect permissively licensed source of every language by package name, cleaned, and split by whole packages.

`packages.json` names the packages by language and manager. Held-out packages come first, so that what is nearly a
held-out file is never learnt. It knows no tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from engine.training.data.cleaning import keep, normalise
from engine.training.data.duplicates import Seen
from engine.training.data.languages import LANGUAGES, Language
from engine.training.data.licences import has_copyleft_header, is_permissive, require_permissive
from engine.training.data.managers import apt, apt_source, npm, pip
from engine.training.data.package import Package
from engine.training.data.source import PackageRecord, SourceFile

_MANAGERS = {"pip": pip.fetch, "npm": npm.fetch, "apt": apt.fetch, "apt-source": apt_source.fetch}
_MAX_PACKAGE_CHARS = 5_000_000  # So that no one package sets the tone.


@dataclass(frozen=True, slots=True)
class Choice:
    """A package that is wanted, for which language, by which manager, and whether it is for evaluation alone."""

    package: Package
    language: Language
    manager: str
    held_out: bool


def collect(work: Path, languages: Sequence[str] | None = None) -> tuple[list[SourceFile], list[PackageRecord]]:
    """Fetch what `work` lacks, and return the cleaned files and the manifest's records; `None` means every language.

    Raises: RuntimeError when a language is not in the list, when a package cannot be fetched, or when its licence is
    not permissive.
    """
    wanted = json.loads(files(__package__).joinpath("packages.json").read_text())
    if unknown := set(languages or ()) - set(wanted):
        raise RuntimeError(f"no packages for {', '.join(sorted(unknown))}; choose from {', '.join(wanted)}")
    choices: list[Choice] = []
    for name in languages or wanted:
        for manager, names in wanted[name].items():
            choices += _fetch(LANGUAGES[name], manager, names["train"], names["held_out"], work)
        if name == "python":
            choices.append(Choice(pip.standard_library(), LANGUAGES[name], "interpreter", False))
    return assemble(choices)


def assemble(choices: Sequence[Choice]) -> tuple[list[SourceFile], list[PackageRecord]]:
    """Return the cleaned files and the records of packages that are there already, both in the order of `choices`.

    Raises: RuntimeError when a package's own licence is not permissive.
    """
    for choice in choices:
        require_permissive(choice.package.name, choice.package.version, choice.package.licence)
    seen = Seen()
    kept: dict[int, list[SourceFile]] = {}
    for index in sorted(range(len(choices)), key=lambda index: not choices[index].held_out):
        kept[index] = list(_clean(choices[index], seen))
    records = [_record(choice, kept[index]) for index, choice in enumerate(choices)]
    return [source for index in range(len(choices)) for source in kept[index]], records


def _fetch(language: Language, manager: str, train: list[str], held_out: list[str], work: Path) -> list[Choice]:
    archives = work / "archives" / manager
    archives.mkdir(parents=True, exist_ok=True)
    apart = {pip.canonical(name) if manager == "pip" else name for name in held_out}
    packages = _MANAGERS[manager]([*train, *held_out], archives)
    return [Choice(package, language, manager, package.name in apart) for package in packages]


def _clean(choice: Choice, seen: Seen) -> Iterator[SourceFile]:
    language, package = choice.language, choice.package
    # In the order of a hash, so that a package that is too large is cut to a fair sample.
    members = sorted(
        package.members(language.may_be_source),
        key=lambda member: hashlib.sha1(member[0].encode("utf-8", "surrogateescape"), usedforsecurity=False).digest(),
    )
    num_characters = 0
    for path, raw in members:
        try:
            text = normalise(raw.decode("utf-8"), language)
        except UnicodeDecodeError:
            continue
        if not language.is_source(path, raw) or not keep(path, text, language):
            continue
        if has_copyleft_header(text) or not is_permissive(package.licence_of(path)) or not seen.add(text, language):
            continue
        num_characters += len(text)
        if num_characters > _MAX_PACKAGE_CHARS:
            return
        yield SourceFile(package.name, path, text, choice.held_out, language.name)


def _record(choice: Choice, kept: list[SourceFile]) -> PackageRecord:
    package = choice.package
    return PackageRecord(
        name=package.name,
        version=package.version,
        licence=package.licence,
        language=choice.language.name,
        manager=choice.manager,
        files=len(kept),
        characters=sum(len(source.text) for source in kept),
        sha256=package.sha256,
        held_out=choice.held_out,
    )
