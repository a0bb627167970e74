"""Where text that a model writes on and on has ended, by what it says: a closing fence, the suffix again, a line's end.

It knows texts: no tokens and no model. Where nothing says so, likelihoods do (`engine.ends`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A beginning of the suffix that says less than this may stand in any code.
_LEAST_CHARS = 8


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends a text: tokens that are none of it, the line that closes a fence, the suffix said again, a line end."""

    end_ids: frozenset[int] = frozenset()
    fence: str = ""  # empty: nothing is fenced
    suffix: str = ""  # empty: the text does not go on with it
    is_one_line: bool = False

    @property
    def says_so(self) -> bool:
        """Tell whether who writes was told to say where it ends."""
        return bool(self.fence)

    def found_in(self, text: str) -> int | None:
        """Return the offset at which a text has ended, or None while it goes on."""
        places = []
        if self.fence and (closed := re.search(rf"(?:\A|\n)[ \t]*{re.escape(self.fence)}", text)):
            places.append(closed.start())
        head = head_of(self.suffix)
        if head and (again := text.find(head)) >= 0:
            places.append(again)
        if self.is_one_line and (line := re.search(r"(?<=\S)[ \t]*\n", text)):
            places.append(line.start())
        return min(places, default=None)


def head_of(suffix: str) -> str:
    """Return the first lines of a suffix, as many as tell its place in a file; empty where it is too short for that."""
    end = num_chars = 0
    for line in re.findall(r"[^\n]*(?:\n|\Z)", suffix):
        end += len(line)
        num_chars += len("".join(line.split()))
        if num_chars >= _LEAST_CHARS:
            return suffix[:end].rstrip("\n")
    return ""
