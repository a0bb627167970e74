"""Clean a user's own files and divide them: most to learn from, some held out to judge by.

It is told texts and their names; it reads no file and knows no tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

# The one place where tuning meets the corpus.
from engine.training.data.cleaning import fingerprint, keep, normalise
from engine.training.data.languages import LANGUAGES, Language
from engine.training.data.source import SourceFile

_PACKAGE = "tuned"
_HELD_OUT_SHARE, _MOST_OF_ALL = 0.1, 0.25
MIN_LEARNT_CHARS, MIN_HELD_OUT_CHARS = 20_000, 6_000


class TuneError(ValueError):
    """Nothing can be tuned as asked; the text is one line that says why and what would work."""


@dataclass(frozen=True, slots=True)
class Divided:
    """The files to learn from and those to judge by; no text is in both."""

    learnt: list[SourceFile]
    held_out: list[SourceFile]


def divide(files: Iterable[tuple[str, str]]) -> Divided:
    """Clean the files, given as name and text, and hold about a tenth out, chosen by a hash of the name.

    A file stays on its side when others come or go, unless there is hardly enough to hold out.
    Raises: TuneError when too little is left to learn from or to judge by.
    """
    cleaned = _cleaned(files)
    total = sum(len(text) for _, text in cleaned)
    held_out: list[tuple[str, str]] = []
    learnt: list[tuple[str, str]] = []
    num_held_out = 0
    for path, text in cleaned:
        wanted = _share(path) < _HELD_OUT_SHARE or num_held_out < MIN_HELD_OUT_CHARS
        # A file that is most of the repository teaches more than it could judge.
        if wanted and num_held_out + len(text) <= max(_MOST_OF_ALL * total, MIN_HELD_OUT_CHARS):
            held_out.append((path, text))
            num_held_out += len(text)
        else:
            learnt.append((path, text))
    if num_held_out < MIN_HELD_OUT_CHARS or total - num_held_out < MIN_LEARNT_CHARS:
        raise TuneError(
            f"too little code: {len(cleaned):,} files with {total:,} characters are fit to learn from, and at least "
            f"{MIN_LEARNT_CHARS + MIN_HELD_OUT_CHARS:,} in several files are needed; give a larger repository"
        )
    return Divided(
        [SourceFile(_PACKAGE, path, text, False, _language_of(path).name) for path, text in learnt],
        [SourceFile(_PACKAGE, path, text, True, _language_of(path).name) for path, text in held_out],
    )


def _cleaned(files: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is worth learning from, each text once, in the order of the names' hashes."""
    seen: set[str] = set()
    cleaned = []
    for path, raw in sorted(files, key=lambda file: (_share(file[0]), file[0])):
        language = _language_of(path)
        text = normalise(raw, language)
        # Only the text is judged: a user's own tests are code that the user writes.
        label = f"file{PurePosixPath(path).suffix}"
        if not keep(label, text, language) or (mark := fingerprint(text, language)) in seen:
            continue
        seen.add(mark)
        cleaned.append((path, text))
    return cleaned


def _language_of(path: str) -> Language:
    return next((known for known in LANGUAGES.values() if path.endswith(known.suffixes)), LANGUAGES["python"])


def _share(name: str) -> float:
    """Return a number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha1(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4]) / 2**32
