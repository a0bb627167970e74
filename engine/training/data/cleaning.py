"""What of a package is worth learning from, decided from a file's path and text alone: pure functions."""

from __future__ import annotations

import hashlib
import re

from engine.training.data.languages import LANGUAGES, Language

_GENERATED = re.compile(
    r"auto-?generated|generated (?:by|from|using|automatically)|automatically generated|code generated|do not edit"
    r"|@generated",
    re.I,
)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{36}|\bxox[abprs]-[0-9A-Za-z-]{20}"
    r"|\bAIza[0-9A-Za-z_-]{35}\b|\bsk_live_[0-9A-Za-z]{20}|\bglpat-[0-9A-Za-z_-]{20}"
)
# Plain words, searched for before any expression: over a hundred million characters that is several times as fast.
_SECRET_SIGNS = ("-----BEGIN", "AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "AIza", "sk_live_", "glpat-")
_BENCHMARKS = ("humaneval", "hascloseelements", "mbpp", "santacoder", "livecodebench", "bigcodebench", "swebench")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_MIN_CHARS, _MAX_CHARS = 300, 150_000
_MIN_CODE_CHARS = 120  # Without comments and white space: less is a licence text or an empty module.
_MAX_LINE, _MAX_MEAN_LINE = 300, 90
_MIN_SPACE_SHARE = 0.06  # Hand-written code is a fifth white space; minified code and byte tables are not.
_MIN_LETTER_SHARE = 0.3  # Tables of numbers fall below it.


def normalise(text: str, language: Language = LANGUAGES["python"]) -> str:
    """Return the text with `\\n` line ends and no trailing white space, tabs kept where the language indents with them.

    Python's tabs become spaces up to the next multiple of four columns.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if language.tabs_are_spaces:
        text = text.expandtabs(4)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def keep(path: str, text: str, language: Language = LANGUAGES["python"]) -> bool:
    """Whether a file is worth learning from: hand-written, of sensible size, free of secrets and of benchmark text."""
    if language.skips(path) or not _MIN_CHARS <= len(text) <= _MAX_CHARS:
        return False
    if _GENERATED.search(text[:1500]) or has_secret(text) or quotes_benchmark(text):
        return False
    return looks_written(text) and len(bare(text, language)) >= _MIN_CODE_CHARS


def has_secret(text: str) -> bool:
    """Whether the text holds a private key or an access token of a common form."""
    return any(sign in text for sign in _SECRET_SIGNS) and bool(_SECRET.search(text))


def quotes_benchmark(text: str) -> bool:
    """Whether the text names a public benchmark of code, in any spelling, or its first task."""
    flat = text.lower().replace("_", "").replace("-", "")
    return any(word in flat for word in _BENCHMARKS)


def looks_written(text: str) -> bool:
    """Whether line lengths and the shares of white space and of letters are those of code that a person wrote."""
    lines = [line for line in text.split("\n") if line]
    if not lines or max(map(len, lines)) > _MAX_LINE or len(text) / len(lines) > _MAX_MEAN_LINE:
        return False
    num_spaces = sum(text.count(space) for space in " \t\n")
    num_letters = len(_NO_LETTERS.sub("", text))
    return num_spaces >= _MIN_SPACE_SHARE * len(text) and num_letters >= _MIN_LETTER_SHARE * (len(text) - num_spaces)


def without_comments(text: str, language: Language = LANGUAGES["python"]) -> str:
    """Return the text with comments cut out; a comment sign in a string counts as one, which no use of it minds."""
    return language.comments.sub("", text)


def bare(text: str, language: Language = LANGUAGES["python"]) -> str:
    """Return the text without comments and white space."""
    return re.sub(r"\s+", "", without_comments(text, language))


def fingerprint(text: str, language: Language = LANGUAGES["python"]) -> str:
    """Return a hash that ignores comments, blank lines and white space, so that copies of a file collide."""
    raw = bare(text, language).encode("utf-8", "surrogatepass")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()
