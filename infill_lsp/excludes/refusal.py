"""What is never handed to an engine, and why: one rule for the server and the command line.

Every answer is a reason in words for the user, or None. It takes plain values: it reads no file but to follow a link,
and knows no document, no protocol and no settings by name.
"""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from functools import lru_cache

from infill_lsp.text.line_index import LONG_LINE, LineIndex

MAX_BYTES = 2_000_000
"""Larger texts are not parsed, so no fill of one could be checked."""

_PROBE = 8_192
# Control characters that no source has, halves of characters, and what a decoder writes for a byte that it cannot read.
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff\ufffd]")
_MOST_NOT_TEXT = 0.1
_FEW = 100  # a text that was begun with an odd character or two is no binary file


def refusal_of_path(path: str, globs: tuple[str, ...]) -> str | None:
    """Say why a file of this name is left alone whatever it holds."""
    glob = exclusion(path, globs)
    return None if glob is None else f"this file is never sent to a model: its name matches {glob}"


def refusal_of_size(num_bytes: int, max_bytes: int) -> str | None:
    """Say why a text of so many UTF-8 bytes is left alone."""
    if num_bytes <= max_bytes:
        return None
    return f"the file is larger than the limit of {max_bytes:,} bytes (setting max_file_bytes)"


def refusal_of_text(text: str, index: LineIndex, max_bytes: int = MAX_BYTES) -> str | None:
    """Say why this text is left alone. Costs little, since it is asked at every keystroke, and before every parse."""
    if (reason := refusal_of_size(index.num_bytes, max_bytes)) is not None:
        return reason
    probe = text[:_PROBE]
    if "\0" in probe or len(_NOT_TEXT.findall(probe)) > max(_MOST_NOT_TEXT * len(probe), _FEW):
        return "this is not text: it holds characters that no source file has"
    if index.num_long_lines:
        return f"a line of the file is longer than {LONG_LINE:,} characters"
    return None


@lru_cache(maxsize=1024)  # Asked at every keystroke, of every open document.
def exclusion(path: str, globs: tuple[str, ...]) -> str | None:
    """Return the glob that keeps this path from being read, or None.

    A glob without a slash is compared with every name in the path, so a folder's name covers what lies in it;
    one with a slash is compared with the end of the path. Case does not count, and both slashes separate names.
    """
    names = [name for name in path.lower().replace("\\", "/").split("/") if name]
    whole = "/" + "/".join(names)
    for glob in globs:
        pattern = glob.lower().strip("/")
        if "/" in pattern:
            if fnmatchcase(whole, f"*/{pattern}") or fnmatchcase(whole, f"*/{pattern}/*"):
                return glob
        elif any(fnmatchcase(name, pattern) for name in names):
            return glob
    return None


def both_names(path: str) -> str:
    """Return a path for `exclusion` that holds a file's own name and the one behind a link: a link to a secret is one.

    It is for comparing and cannot be opened.
    """
    return path if "\0" in path else f"{path}/{os.path.realpath(path)}"
