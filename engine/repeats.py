"""What may come next because it came before: code repeats itself, and a guess from the text costs no pass.

A guess is only ever a draft: the causal reading that follows decides. It knows ids alone.

Source: prompt lookup, as in transformers' `PromptLookupCandidateGenerator`. Differs: the longest match counts, of equal
ones the last, and the draft of a denoising pass is what stands where nothing matches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

# So many tokens must have stood before, in the same order; more than the most are not compared.
_LEAST_MATCH, _MOST_MATCH = 2, 6


class Repeats:
    """A text in which what is being written may have its like: ids [T], the last ones nearest."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = list(ids)
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for place, token_id in enumerate(self._ids):
            self._places[token_id].append(place)

    def after(self, written: Sequence[int], most: int) -> list[int]:
        """Return up to `most` ids that followed where the text last ended like what is `written` behind it."""
        together = [*self._ids, *written]
        end = len(together) - 1
        if end < 1:
            return []
        places = [place for place in range(len(self._ids), end) if together[place] == together[end]]
        best, best_length = -1, _LEAST_MATCH - 1
        for place in (*reversed(places), *reversed(self._places.get(together[end], ()))):
            length = 1
            while length < min(_MOST_MATCH, place + 1) and together[place - length] == together[end - length]:
                length += 1
            if place < end and length > best_length:
                best, best_length = place, length
        return together[best + 1 : min(best + 1 + most, end + 1)] if best >= 0 else []
