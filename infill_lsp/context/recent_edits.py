"""Where documents were edited last: told by comparing texts, so that nobody has to report an edit.

It knows no protocol and no hole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

from infill_lsp.actions.difference import difference

_MAX_DOCUMENTS = 32
_MAX_PLACES = 6
_SAME_PLACE = 400  # code points


class RecentEdits:
    """The last places that were edited, of each document that was looked at."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._places: dict[str, tuple[int, ...]] = {}

    @property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """Offsets by URI, newest first."""
        return MappingProxyType(self._places)

    def look(self, uri: str, text: str) -> None:
        """Note what changed in a document since it was looked at last."""
        before = self._texts.get(uri)
        self._texts[uri] = text
        self._texts.move_to_end(uri)
        if before is not None and before is not text and (found := difference(before, text)).is_any:
            shifted = (place + found.shift if place >= found.old_end else place for place in self._places.get(uri, ()))
            others = [place for place in shifted if abs(place - found.start) > _SAME_PLACE]
            self._places[uri] = (found.start, *others)[:_MAX_PLACES]
        while len(self._texts) > _MAX_DOCUMENTS:
            self.forget(next(iter(self._texts)))

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._texts.pop(uri, None)
        self._places.pop(uri, None)
