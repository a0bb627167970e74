"""What the rows of one request may hold, and what ends them: from request and prompt to `engine.causal_rows.Rules`.

It knows requests, seams and what a vocabulary's tokens are: no model and no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.api import FillRequest, RequestError
from engine.causal_prompt import Prompt
from engine.causal_rows import Rules
from engine.constraints import constraints
from engine.seam import Seams

# So much of the suffix, written once more, tells that a row is past the hole; less of it may stand anywhere.
_LEAST_TAIL, _MOST_TAIL = 6, 10


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What there is to know of the tokens of a checkpoint."""

    texts: Sequence[str]  # of every id
    breaks: frozenset[int]  # their text holds a line break
    unwritable: frozenset[int]  # marks, ends of texts, and what has no text


def rules_for(
    request: FillRequest, seams: Seams, prompt: Prompt, vocabulary: Vocabulary, max_tokens: int, device: torch.device
) -> Rules:
    """Return the rules of a request that has room for `max_tokens`.

    Raises: RequestError for a known length that there is no room for.
    """
    length, breaks = request.exact_hole_tokens, vocabulary.breaks
    wanted = request.max_hole_tokens if length is None else length
    if max_tokens < 1 or (length is not None and length > max_tokens):
        raise RequestError(f"a hole of {wanted} tokens does not fit behind {len(prompt.ids)} tokens of code")
    limits = (len(vocabulary.texts), device)
    if length is not None:
        never = vocabulary.unwritable if request.multiline else vocabulary.unwritable | breaks
        allowed = constraints(*limits, never=never, first_ids=seams.first_ids, never_first=breaks)
        return Rules(allowed, frozenset(), (), length)
    ends_line = not request.multiline
    closing_ids = prompt.end_ids | breaks if ends_line else prompt.end_ids
    # Who sees no suffix cannot tell that there is nothing to add.
    never_first = closing_ids | breaks if not prompt.shows_suffix else frozenset() if ends_line else breaks
    # A line may also end with a token that holds more than its end; that is not to be expected everywhere.
    ends = prompt.end_ids | {index for index in breaks if ends_line and not vocabulary.texts[index].strip()}
    follow_ids = ends if prompt.shows_suffix or not seams.suffix_ids else {seams.suffix_ids[0]}
    tail_ids = () if prompt.shows_suffix else tuple(seams.suffix_ids[:_MOST_TAIL])
    return Rules(
        limits=constraints(
            *limits,
            never=vocabulary.unwritable - closing_ids,
            first_ids=seams.first_ids,
            never_first=never_first,
        ),
        closing_ids=closing_ids,
        follow_ids=tuple(sorted(follow_ids)),
        max_tokens=min(wanted, max_tokens),
        tail_ids=tail_ids if len(tail_ids) >= _LEAST_TAIL else (),
    )
