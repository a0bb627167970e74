"""Tell whether a file was met before: the same but for comments and spacing, or nearly the same.

Nearly: the sets of five tokens in a row have a Jaccard similarity of at least 0.8. Candidates come from MinHash bands
(Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900), and each is then counted out exactly. It knows no packages:
what is offered first stays, so held-out files go first.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH

from engine.training.data.cleaning import fingerprint, without_comments
from engine.training.data.languages import Language

NEARLY_THE_SAME = 0.8
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SHINGLE = 5
# At a similarity of 0.8, 25 bands of 5 rows miss one pair in 20,000; candidates that are too many are counted out.
_BANDS, _ROWS = 25, 5
_Hashes = npt.NDArray[np.uint32]


class Seen:
    """The files met so far, of one language each in its own set."""

    def __init__(self) -> None:
        self._fingerprints: set[tuple[str, str]] = set()
        self._bands: dict[str, MinHashLSH] = {}
        self._shingles: list[_Hashes] = []
        self._empty = MinHash(_BANDS * _ROWS, hashfunc=int)  # The shingles are hashes already.

    def add(self, text: str, language: Language) -> bool:
        """Remember a file; return False, remembering nothing, when it or nearly it was met before."""
        mark = (language.name, fingerprint(text, language))
        if mark in self._fingerprints:
            return False
        found = shingles(without_comments(text, language))
        if language.name not in self._bands:
            self._bands[language.name] = MinHashLSH(num_perm=_BANDS * _ROWS, params=(_BANDS, _ROWS))
        bands = self._bands[language.name]
        sketch = self._empty.copy()
        sketch.update_batch(found)
        if any(similarity(found, self._shingles[other]) >= NEARLY_THE_SAME for other in bands.query(sketch)):
            return False
        self._fingerprints.add(mark)
        bands.insert(len(self._shingles), sketch)
        self._shingles.append(found)
        return True


def shingles(text: str) -> _Hashes:
    """Return the hashes of every five tokens in a row, sorted, each once; of a shorter text its one hash."""
    tokens = _TOKEN.findall(text)
    known = {token: zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in set(tokens)}
    hashes = np.array([known[token] for token in tokens], np.uint64)
    length = max(len(hashes) - _SHINGLE + 1, min(len(hashes), 1))
    mixed = np.zeros(length, np.uint64)
    for offset in range(min(_SHINGLE, len(hashes))):
        # Odd multipliers of a splitmix generator; uint64 wraps around.
        mixed = (mixed ^ hashes[offset : offset + length]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


def similarity(one: _Hashes, other: _Hashes) -> float:
    """Return the Jaccard similarity of two sorted sets of hashes; 0 where both are empty."""
    num_shared = len(np.intersect1d(one, other, assume_unique=True))
    return num_shared / max(len(one) + len(other) - num_shared, 1)
