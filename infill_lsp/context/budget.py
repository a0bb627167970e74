"""How much text an engine may be shown: code points and, where the engine sees only so many, tokens.

The server has no tokenizer, so tokens are estimated: pieces of at most four letters, single digits and signs, and line
breaks. With the bundled tokenizer the estimate is within a fifth of the truth for nearly all files, and a few per cent
too high in the middle (`benchmarks.context_recall` measures it). It knows no document and no language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CHARS_A_TOKEN = 3
_TOKEN = re.compile(r"[^\W\d_]{1,4}|[\d_]|[^\w\s]|\n")


def estimated_tokens(text: str) -> int:
    """Estimate how many tokens a text is. Of texts that meet at a line break the sum is that of the whole."""
    return len(_TOKEN.findall(text))


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent. A text's cost is its length, or more where it takes more of the tokens than of the length."""

    chars: int
    tokens: int | None = None  # None: as many as there are

    @property
    def extent(self) -> int:
        """About how many code points of code can be shown."""
        return self.chars if self.tokens is None else min(self.chars, self.tokens * _CHARS_A_TOKEN)

    def cost(self, text: str) -> int:
        """Say what a text takes of `chars`. No text, or sum of texts, that costs at most `chars` is over a limit."""
        if self.tokens is None:
            return len(text)
        if self.tokens <= 0:
            return len(text) and self.chars + 1
        return max(len(text), -(-estimated_tokens(text) * self.chars // self.tokens))

    def is_over(self, text: str, room: int) -> bool:
        """Tell whether a text costs more than `room`; nothing is estimated of one that is longer than that."""
        return len(text) > room or self.cost(text) > room
