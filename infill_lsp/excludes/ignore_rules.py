"""The lines of an ignore file as rules, and which of several files has the last word on a path. Pure.

The syntax and its meaning are git's. `pathspec` reads a line; what counts is a match of the whole path, since git looks
at every folder above a file by itself. It opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MAX_LINES = 20_000
_STAR = "[^/]*"
_OPEN_END = re.compile(r"(?:^!?|/)\*\*/?\Z")
_LINE_BREAK = re.compile(r"\r?\n")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: the paths it names, relative to its file's folder, and whether it ignores them or takes that back."""

    names: re.Pattern[str]
    ignores: bool
    line: int  # counted from 1


@dataclass(frozen=True, slots=True)
class RuleFile:
    """An ignore file's rules, the folder that they are relative to, ending in a slash, and how to call the file."""

    folder: str
    rules: tuple[Rule, ...]
    title: str


def rules_in(text: str) -> tuple[Rule, ...]:
    """Read an ignore file. A line that git would not understand is no rule."""
    # Imported late: few sessions have no ignore file, but the server's start waits for none.
    from pathspec.patterns.gitignore.base import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    rules = []
    for number, line in enumerate(_LINE_BREAK.split(text.removeprefix("\ufeff"))[:_MAX_LINES], 1):
        if _OPEN_END.search(line):  # The same, said so that the folder itself does not match.
            line += "*/" if line.endswith("/") else "/*"
        try:
            pattern = GitIgnoreSpecPattern(line)
            if pattern.include is not None and pattern.regex is not None:
                names = re.compile(_without_retries(_anchored(pattern.regex.pattern)))
                rules.append(Rule(names, pattern.include, number))
        except (GitIgnorePatternError, re.error, RecursionError):
            continue
    return tuple(rules)


def ignored_by(path: str, files: Sequence[RuleFile]) -> str | None:
    """Say which line ignores a path, or a folder above it; None when none does. Later files outrank earlier ones."""
    if not files:
        return None
    top = min(len(each.folder) for each in files)
    for step in _steps(path, top):
        for each in reversed(files):
            is_below = len(step) > len(each.folder) and step.startswith(each.folder)
            if is_below and (rule := _last_match(step[len(each.folder) :], each.rules)) is not None:
                if rule.ignores:
                    return f"{each.title}, line {rule.line}"
                break
    return None


def _steps(path: str, top: int) -> Iterator[str]:
    """Yield the folders below the first `top` characters on the way to a path, each with its slash, and the path."""
    end = path.find("/", top) + 1
    while end:
        yield path[:end]
        end = path.find("/", end) + 1
    yield path


def _last_match(path: str, rules: Sequence[Rule]) -> Rule | None:
    for rule in reversed(rules):
        match = rule.names.match(path)
        if match is not None and match.end() == len(path):
            return rule
    return None


def _anchored(regex: str) -> str:
    """Make a pattern that `pathspec` would search for match from the start of a path."""
    return regex if regex.startswith("^") else "^.*" if regex == "." else f"^.*{regex}"


def _without_retries(regex: str) -> str:
    """Let each star but the last take the first place where what follows fits: many stars must not cost ages.

    `fnmatch` does the same: a later place can only leave less for the next star.
    """
    first, *others = regex.split(_STAR)
    if len(others) < 2:
        return regex
    held = "".join(f"(?>{_STAR}?{fixed})" for fixed in others[:-1])
    return f"{first}{held}{_STAR}{others[-1]}"
