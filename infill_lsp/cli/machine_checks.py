"""The checks of `doctor` that look at this installation: Python, packages, grammars, the command itself.

Packages are looked up in the metadata and not imported: looking at torch must not cost seconds.
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from infill_lsp.cli.finding import Finding
from infill_lsp.languages import language_for, languages
from infill_lsp.trees.grammars import grammar_of, unusable_parser

_DISTRIBUTION = "infill-lsp"
_REPAIR_ADVICE = "install infill-lsp again: pip install --force-reinstall . in a clone of infill-lsp"
_ALL_EXTRA_ADVICE = "for their grammars: pip install '.[all]' in a clone of infill-lsp"

LOCAL_EXTRA_ADVICE = "install the engine's packages: pip install '.[local]' in a clone of infill-lsp"
"""What to do where a package of the engine is missing."""


def check_python() -> Finding:
    """The interpreter; pip has refused one that is too old."""
    return Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def check_packages() -> Finding:
    """Every package of the base install is there."""
    return _check_requirements("packages", None, _REPAIR_ADVICE)


def check_local_extra() -> Finding:
    """Every package that a local engine needs is there."""
    return _check_requirements("local extra", "local", LOCAL_EXTRA_ADVICE)


def check_grammars() -> Finding:
    """Which languages have a grammar. The base install brings some; the others work by brackets and indents without."""
    if (problem := unusable_parser()) is not None:
        return Finding("grammars", "error", problem, _REPAIR_ADVICE)
    found = {language.id: grammar_of(language.id) for language in languages()}
    facts = {name: grammar.source or f"none: {grammar.problem}" for name, grammar in found.items()}
    parsed = [name for name, grammar in found.items() if grammar.parser_language is not None]
    others = [name for name in found if name not in parsed]
    promised = {name.lower() for name in _requirements(None)}
    broken = [name for name in others if (language_for(name).grammar or "").replace("_", "-") in promised]
    if broken or not parsed:
        problems = "; ".join(f"{name} ({found[name].problem})" for name in broken or others)
        return Finding("grammars", "error", f"no working grammar for {problems}", _REPAIR_ADVICE, facts=facts)
    text = f"{len(parsed)} languages: {', '.join(parsed)}"
    if others:
        text += f"; by brackets and indents alone: {', '.join(others)}"
    return Finding("grammars", "ok", text, None if not others else _ALL_EXTRA_ADVICE, facts=facts)


def check_command() -> Finding:
    """The command is where editors look for it."""
    found = shutil.which("infill-lsp")
    if found is None:
        text = "infill-lsp is not on the PATH, so editors cannot start it by its name"
        return Finding("command", "warning", text, f"put {Path(sys.executable).parent} on the PATH, or name it in full")
    return Finding("command", "ok", found, facts={"path": found})


def _check_requirements(check: str, extra: str | None, advice: str) -> Finding:
    versions = {name: _version(name) for name in _requirements(extra)}
    if not versions:
        return Finding(check, "warning", "not installed as a package, so its requirements are unknown", advice)
    missing = sorted(name for name, version in versions.items() if version is None)
    if missing:
        return Finding(check, "error", f"{', '.join(missing)} missing", advice, facts=versions)
    return Finding(check, "ok", ", ".join(f"{name} {version}" for name, version in versions.items()), facts=versions)


def _requirements(extra: str | None) -> Iterator[str]:
    """Name the packages that the base install, or one extra, asks for."""
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        wanted = re.search(r"""extra\s*==\s*["']([^"']+)["']""", requirement)
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is not None and (wanted[1] if wanted else None) == extra:
            yield name[0]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
