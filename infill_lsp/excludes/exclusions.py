"""Which documents are left alone for where they lie: the globs of `exclude`, and what git or `.infillignore` ignores.

A document is judged by the path in its URI and, where that is a file, by the path behind its links as well. What links
point to is looked up when a document is opened. It knows no document's text.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infill_lsp.excludes.ignore_files import IgnoreFiles
from infill_lsp.excludes.refusal import refusal_of_path
from infill_lsp.settings.setting_values import Settings


class Exclusions:
    """The paths of open documents, and the ignore files that speak of them."""

    def __init__(self, ignore_files: IgnoreFiles | None = None) -> None:
        self._ignore_files = ignore_files or IgnoreFiles()
        self._paths: dict[str, tuple[str, ...]] = {}

    def opened(self, uri: str) -> None:
        """Find out what a document's URI names."""
        self._paths[uri] = paths_of(uri)

    def forget(self, uri: str) -> None:
        """Forget a document that was closed."""
        self._paths.pop(uri, None)

    def paths(self, uri: str) -> tuple[str, ...]:
        """Return the path that a URI names, and then the one behind its links where that is another one."""
        return self._paths.get(uri) or paths_of(uri)

    def refusal(self, uri: str, settings: Settings, folder: Path | None) -> str | None:
        """Say why a document is left alone wherever it may lie. `folder` is the one the editor has open."""
        return refusal_of_file(self.paths(uri), settings, folder, self._ignore_files)


def refusal_of_file(
    paths: tuple[str, ...], settings: Settings, folder: Path | None, ignore_files: IgnoreFiles
) -> str | None:
    """Say why a file of these names is left alone whatever it holds: one rule for the server and the command line."""
    for path in paths:
        if (reason := refusal_of_path(path, settings.exclude)) is not None:
            return reason
    for path in paths:
        verdict = ignore_files.verdict(path, folder)
        if verdict.own is not None:
            return f"this file is never sent to a model: it is ignored by {verdict.own}"
        if verdict.git is not None and not settings.fill_ignored_files:
            return f"git ignores this file ({verdict.git}; setting fill_ignored_files)"
    return None


def both_paths(path: str) -> tuple[str, ...]:
    """Return a path and the one behind its links: a link to a secret is a secret."""
    if "\0" in path:
        return (path,)
    return tuple(dict.fromkeys((path, os.path.realpath(path))))


def paths_of(uri: str) -> tuple[str, ...]:
    """Return the paths that a URI stands for."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    return (path,) if parts.scheme != "file" or sys.platform == "win32" else both_paths(path)
