"""Which files of a repository are learnt from, and their texts; the rest is counted, by the reason.

A file that the setting `exclude` names is never opened, nor is what lies outside of the repository. Where git knows the
repository, files that it ignores are left out as well. It writes nothing.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infill_lsp.cli.choices import settings_for
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import read_source
from infill_lsp.excludes.ignore_files import IgnoreFiles
from infill_lsp.excludes.refusal import both_names, refusal_of_path
from infill_lsp.languages import language_of_path
from infill_lsp.settings.settings import PROJECT_FILE, Settings

_MAX_TOTAL_BYTES = 40_000_000
_GIT_SECONDS = 60.0
_OTHERS_CODE = frozenset({"node_modules", "site-packages", "vendor", "_vendor", "vendored", "third_party"})
# What a repository holds that no git tells apart: what was built, and what was installed.
_BUILT = frozenset({"__pycache__", "build", "dist", "target"})
_ENVIRONMENT_MARK = "pyvenv.cfg"


@dataclass(slots=True)
class Found:
    """Names and texts of the files to learn from, and how many were left out, by the reason."""

    files: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def find_files(root: Path, settings: Settings) -> Found:
    """Read the repository's source files, in the order of a hash of their names, up to a total of 40 MB.

    Raises: Mistake when there is no such folder, or the folder itself is excluded.
    """
    root = root.absolute()
    if not root.is_dir():
        raise Mistake(
            f"{root}: no such folder" if not root.exists() else f"{root} is no folder; tune takes a repository"
        )
    if reason := refusal_of_path(both_names(str(root)), settings.exclude):
        raise Mistake(f"{root}: {reason}")
    rules = _Rules(root, settings)
    found, total = Found(), 0
    names = [name for name in (_listed_by_git(root) or _walked(root)) if _is_code(name)]
    for name in sorted(set(names), key=_hash):
        if reason := rules.against(name):
            found.left_out[reason] += 1
        elif total > _MAX_TOTAL_BYTES:
            found.left_out["more than is read at once"] += 1
        else:
            try:
                text = read_source(root / name, settings.max_file_bytes)
            except Mistake:
                found.left_out["not a readable text of a size that is served"] += 1
                continue
            total += len(text)
            # A name that is no UTF-8 serves as a label all the same.
            found.files.append((name.encode("utf-8", "replace").decode(), text))
    return found


def _is_code(name: str) -> bool:
    """Tell source code from data and prose, which have no functions."""
    language = language_of_path(name)
    return language is not None and bool(language.function_kinds)


class _Rules:
    """What keeps a file from being opened; it looks at names and links alone."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root, self._real_root = root, os.path.realpath(root)
        self._globs = {root: settings.exclude}
        self._ignored = IgnoreFiles()

    def against(self, name: str) -> str | None:
        """Return why the file of this name, relative to the root, is left out, or None."""
        path = self._root / name
        if refusal_of_path(both_names(str(path)), self._globs_in(path.parent)):
            return "named by the setting exclude"
        if self._ignored.verdict(str(path), self._root).own is not None:
            return "named by .infillignore"
        if not os.path.realpath(path).startswith(self._real_root.rstrip(os.sep) + os.sep):
            return "a link to outside of the repository"
        if any(part in _OTHERS_CODE for part in Path(name).parts):
            return "code of others"
        return None

    def _globs_in(self, folder: Path) -> tuple[str, ...]:
        """Return the globs that hold in a folder: a project within the repository may add its own."""
        if folder not in self._globs:
            globs = self._globs_in(folder.parent)
            if (folder / PROJECT_FILE).is_file():
                globs = tuple(dict.fromkeys((*globs, *settings_for(folder, None).exclude)))
            self._globs[folder] = globs
        return self._globs[folder]


def _listed_by_git(root: Path) -> list[str] | None:
    """Return what git knows below the root and does not ignore; None where it cannot say or ignores everything."""
    # A repository's configuration may name a program for git to run: this one setting would have it run here.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root)]
    command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name] or None


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _BUILT and not (here / name / _ENVIRONMENT_MARK).exists()
        ]
        yield from (os.path.relpath(here / name, root) for name in names)


def _hash(name: str) -> bytes:
    return hashlib.sha1(os.fsencode(name), usedforsecurity=False).digest()
