"""From finished rows to candidates: their text, and their order by the causal encoder's likelihood.

It knows ids, texts and scores; which rows there are and how they came about is not its concern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from engine.api import Candidate
from engine.seam import Seams, Seamstress

# How much of the suffix the score looks at: enough to hear a seam that does not fit.
_SCORED_SUFFIX_TOKENS = 8

LogProbs = Callable[[Sequence[int]], Tensor]


def candidates(
    fills: Iterable[list[int]], seams: Seams, seamstress: Seamstress, logprobs: LogProbs
) -> tuple[Candidate, ...]:
    """Return the distinct fills, best first by the causal encoder's likelihood of fill and suffix.

    The sum of log-probabilities favours short fills and their mean long ones; what lies between did best.
    `logprobs` gives the log-probability of each token after the prefix and those before it, [N] float32.
    """
    found: dict[str, Candidate] = {}
    for ids in fills:
        text = seamstress.text(ids)
        if not text.startswith(seams.typed) or not text[len(seams.typed) :].strip():
            continue
        scored = [*ids, *seams.suffix_ids[:_SCORED_SUFFIX_TOKENS]]
        score = float(logprobs(scored).sum()) / len(scored) ** 0.5
        text = text[len(seams.typed) :].rstrip()
        if text not in found or found[text].score < score:
            found[text] = Candidate(text, score, len(ids))
    return tuple(sorted(found.values(), key=lambda candidate: -candidate.score))
