"""Which files git ignores, and which `.infillignore` names: the rules that hold for a path, read as they change.

`.gitignore` counts at every level of the repository, `.git/info/exclude` and the user's `git/ignore` besides; a file
that is tracked all the same is still named. `.infillignore` has the same syntax and cannot take back what git ignores.
Files are read again when their time or size changes, and looked at every other second at most: a keystroke looks
nothing up. It knows no settings and no protocol, and runs no git.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infill_lsp.excludes.ignore_rules import Rule, RuleFile, ignored_by, rules_in

GIT_FILE = ".gitignore"
OWN_FILE = ".infillignore"

_LOOK_AGAIN_S = 2.0
_MAX_BYTES = 1_000_000
_MAX_KNOWN = 512

_Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a path is ignored, by each of the two kinds of rules; None where it is not."""

    own: str | None
    git: str | None


class IgnoreFiles:
    """The ignore files of this machine, as far as they were needed. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._verdicts: dict[tuple[str, str | None], tuple[float, Verdict]] = {}
        self._read: dict[str, tuple[_Signature, tuple[Rule, ...]]] = {}

    def verdict(self, path: str, folder: Path | None) -> Verdict:
        """Judge an absolute path. `folder` is the folder that the editor has open: it counts where there is no git."""
        key = (path, None if folder is None else str(folder))
        now = self._clock()
        if (known := self._verdicts.get(key)) is not None and now - known[0] < _LOOK_AGAIN_S:
            return known[1]
        if len(self._verdicts) >= _MAX_KNOWN:
            self._verdicts.clear()
            self._read.clear()
        verdict = self._judge(path, folder)
        self._verdicts[key] = (now, verdict)
        return verdict

    def _judge(self, path: str, folder: Path | None) -> Verdict:
        if "\0" in path or not path.startswith("/"):
            return Verdict(None, None)
        path = os.path.normpath(path)
        parents = [_slashed(parent) for parent in reversed(Path(path).parents)]
        opened = _slashed(folder) if folder is not None and path.startswith(_slashed(folder)) else parents[-1]
        repository = next((parent for parent in reversed(parents) if os.path.lexists(f"{parent}.git")), None)
        git_top, own_top = repository or opened, min(repository or opened, opened, key=len)
        git_files = [] if repository is None else self._beside_the_tree(repository)
        git_files += self._in_tree(GIT_FILE, [parent for parent in parents if len(parent) >= len(git_top)])
        own_files = self._in_tree(OWN_FILE, [parent for parent in parents if len(parent) >= len(own_top)])
        return Verdict(ignored_by(path, own_files), ignored_by(path, git_files))

    def _in_tree(self, name: str, folders: list[str]) -> list[RuleFile]:
        files = ((folder, self._rules(folder + name)) for folder in folders)
        return [RuleFile(folder, rules, folder[len(folders[0]) :] + name) for folder, rules in files if rules]

    def _beside_the_tree(self, repository: str) -> list[RuleFile]:
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        exclude = f"{_git_folder(repository)}/info/exclude"
        files = (("the user's git/ignore", f"{config}/git/ignore"), (".git/info/exclude", exclude))
        found = ((title, self._rules(path)) for title, path in files)
        return [RuleFile(repository, rules, title) for title, rules in found if rules]

    def _rules(self, path: str) -> tuple[Rule, ...]:
        """Read an ignore file, unless it is as it was. One that cannot be read has no rules."""
        try:
            found = os.stat(path)
            if not stat.S_ISREG(found.st_mode):  # Opening a pipe would wait for its other end.
                return ()
            signature = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._read.get(path)
            if known is None or known[0] != signature:
                with open(path, "rb") as file:
                    text = file.read(_MAX_BYTES).decode("utf-8", "surrogateescape")
                known = self._read[path] = (signature, rules_in(text))
        except OSError:
            self._read.pop(path, None)
            return ()
        return known[1]


def _slashed(folder: Path | str) -> str:
    return str(folder).rstrip("/") + "/"


def _git_folder(repository: str) -> str:
    """Find the folder that holds `info/exclude`: a linked work tree shares that of its repository."""
    folder = f"{repository}.git"
    try:
        if os.path.isfile(folder):
            folder = os.path.join(repository, _first_line(folder).removeprefix("gitdir:").strip())
        if os.path.isfile(f"{folder}/commondir"):
            folder = os.path.join(folder, _first_line(f"{folder}/commondir").strip())
    except (OSError, ValueError):
        return f"{repository}.git"
    return folder


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.readline(4096)
