"""Which licences are permissive, which file of a Debian package has which, and what a file says of itself.

Permissive: derived works may be passed on with attribution alone. Pure functions of text. Debian's machine-readable
copyright files are specified at https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/; the one library
that reads them is under the GPL, so the few lines are our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

# `Go` and `Zsh` are names that Debian gives to a BSD and an MIT text.
_PERMISSIVE = re.compile(
    r"\b(MIT|Expat|X11|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|0BSD|HPND|zlib|CC0|public[- ]domain"
    r"|curl|BSL-1\.0|Boost|PostgreSQL|Go|Zsh)\b",
    re.I,
)
_RESTRICTIVE = re.compile(r"(\b|[AL])(GPL|Mozilla|MPL|EPL|EUPL|CDDL|SSPL|BUSL|proprietary|BSD-4|non-?commercial)", re.I)
_SEVERAL = re.compile(r"[(),;]|\band\b", re.I)
_COPYLEFT_HEADER = re.compile(
    r"GNU (Lesser |Library |Affero )?General Public Licen[sc]e|Mozilla Public License|SPDX-License-Identifier:"
    r"\s*\(?(A|L)?GPL|Eclipse Public License|Common Development and Distribution",
    re.I,
)


def is_permissive(expression: str) -> bool:
    """Whether a licence expression, as SPDX, Debian or a classifier writes it, leaves a permissive choice.

    Of plain alternatives (`GPL-2+ or MIT`) one must be permissive; of anything more every part.
    """
    if _SEVERAL.search(expression):
        parts = re.split(r"[(),;]|\band\b|\bor\b", expression, flags=re.I)
        return all(_is_permissive_name(part) for part in parts if part.strip())
    return any(_is_permissive_name(part) for part in re.split(r"\bor\b|\|", expression, flags=re.I))


def require_permissive(name: str, version: str, expression: str) -> None:
    """Raise RuntimeError unless the package's licence is permissive."""
    if not is_permissive(expression):
        raise RuntimeError(f"{name} {version} is licensed as {expression!r}; take it out of packages.json")


def has_copyleft_header(text: str) -> bool:
    """Whether the head of a file names a copyleft licence, whatever its package says."""
    return bool(_COPYLEFT_HEADER.search(text[:4000]))


def debian_licences(copyright_text: str) -> Callable[[str], str]:
    """Return the function from a file's path to its licence that a machine-readable Debian copyright file describes.

    A path matches where it or one of its tails does, since binary packages place files below folders of their own; of
    several matches the last counts. The path `*` asks for the package's own licence. `""` is returned where nothing
    matches, and always for a copyright file that is not machine-readable.
    """
    rules: list[tuple[re.Pattern[str], str]] = []
    for paragraph in re.split(r"\n[ \t]*\n", copyright_text.replace("\r\n", "\n")):
        fields = _fields(paragraph)
        if "files" in fields and "license" in fields:
            licence = fields["license"].split("\n")[0].strip()
            rules += [(_glob(pattern), licence) for pattern in re.split(r"[\s,]+", fields["files"]) if pattern]

    def licence_of(path: str) -> str:
        parts = path.split("/")
        tails = ["/".join(parts[index:]) for index in range(len(parts))]
        found = ""
        for pattern, licence in rules:
            if any(pattern.match(tail) for tail in tails):
                found = licence
        return found

    return licence_of


def _is_permissive_name(name: str) -> bool:
    return bool(_PERMISSIVE.search(name)) and not _RESTRICTIVE.search(name)


def _fields(paragraph: str) -> dict[str, str]:
    """Return the fields of one paragraph of the `Name: value` form, continuation lines joined by line breaks."""
    found = re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", paragraph, re.M)
    return {name.lower(): value.strip() for name, value in found}


def _glob(pattern: str) -> re.Pattern[str]:
    """Return a Debian pattern as an expression: `*` and `?` match slashes as well."""
    return re.compile(translate(pattern.removeprefix("./").replace("[", "[[]")))
