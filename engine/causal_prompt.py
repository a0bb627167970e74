"""What a causal model reads before it writes a fill: prefix and suffix by a convention, or the prefix alone.

It knows ids and seams: no model and no loop. A prompt of another kind, such as a chat's, is another `Prompter`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.api import FillRequest
from engine.models.fim import Layout, prompt_ids
from engine.seam import Seams, Seamstress


@dataclass(frozen=True, slots=True)
class Prompt:
    """Ids to be read, at least one; the fill's first token comes next."""

    ids: list[int]
    num_stable: int  # so many of them, from the left, stay as they are while the prefix grows at its end
    # The suffix is among them, so that the model itself says where the fill ends; else that is where the suffix
    # follows best.
    shows_suffix: bool
    end_ids: frozenset[int]  # tokens that stand where the fill, or the text, has ended


Prompter = Callable[[FillRequest, Seams], Prompt]
"""Makes the prompt of a request whose prefix and suffix are ids already."""


@dataclass(frozen=True, slots=True)
class TextPrompter:
    """Prompts of code alone, as base models know it."""

    layout: Layout | None  # the convention of the checkpoint; None: it has none, and nothing shows it the suffix
    begin_ids: tuple[int, ...]  # what every text begins with
    end_ids: frozenset[int]

    def __call__(self, request: FillRequest, seams: Seams) -> Prompt:
        """Return the prompt of a request."""
        if self.layout is None:
            # An empty prompt predicts nothing: texts also follow one another.
            begin = [*self.begin_ids, *seams.prefix_ids] or sorted(self.end_ids)[:1] or [0]
            return Prompt(begin, len(begin), shows_suffix=False, end_ids=self.end_ids)
        ids, num_stable = prompt_ids(self.layout, seams.prefix_ids, seams.suffix_ids)
        begin = [*self.begin_ids, *ids]
        end_ids = self.end_ids | set(self.layout.mark_ids)
        return Prompt(begin, len(self.begin_ids) + num_stable, shows_suffix=True, end_ids=end_ids)


def seams_of(request: FillRequest, seamstress: Seamstress, max_prefix_tokens: int, max_suffix_tokens: int) -> Seams:
    """Return a request's surroundings as ids of text alone; without text before the hole there are no prefix ids."""
    seams = seamstress.cut(request, max_prefix_tokens, max_suffix_tokens)
    return replace(seams, prefix_ids=[]) if len(request.prefix) == len(seams.typed) else seams
