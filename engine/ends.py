"""Where a row that was written on and on comes to its end: the places where the suffix follows best.

A row of a fixed number of tokens says nothing of its length. Each of its beginnings is a possible fill; the causal
encoder says how likely it is and how likely the suffix is after it. One reading of the row ranks all places by the
suffix's first token; the best of them are then scored in full by the caller (`engine.candidates`).
It knows ids and log-probabilities: no text, no model and no canvas.

Source: deleting from a hole that is too long is the cheaper half of DreamOn, arXiv 2602.01326. Differs: nothing is
trained for it, and the end is looked for once, when the row is written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate

from torch import Tensor


def possible_ends(ids: Sequence[int], break_ids: Collection[int], whole_lines: bool) -> list[int]:
    """Return how many of the ids a fill may take: any number, or such that only whole lines are taken.

    A row that holds no line break may still be one line: all of it is always possible.
    """
    if not ids:
        return []
    inside = [place for place in range(1, len(ids)) if not whole_lines or ids[place] in break_ids]
    return [*inside, len(ids)]


def likeliest_ends(log_probs: Tensor, ids: Tensor, next_id: int | None, ends: Sequence[int], count: int) -> list[int]:
    """Return the `count` ends at which the row so far and the suffix's first token are likeliest, best first.

    Shapes: log_probs [W + 1, V] float32, at i what the causal encoder expects after i tokens of the row; ids [W].
    Without a suffix, what is left is the likelihood of the row.
    """
    taken = log_probs[:-1].gather(-1, ids[:, None]).squeeze(-1).tolist()
    return best_ends(taken, None if next_id is None else log_probs[:, next_id].tolist(), ends, count)


def best_ends(
    taken: Sequence[float], follows: Sequence[float] | None, ends: Sequence[int], count: int, power: float = 0.5
) -> list[int]:
    """Return the `count` likeliest ends, best first, from log-probabilities: of each token, and of the end after i.

    Without the latter, what is left is the likelihood of the row. The sum is divided by this power of its length: 0
    favours early ends, 1 is the mean.
    """
    so_far = list(accumulate(taken))

    def score(end: int) -> float:
        return float((so_far[end - 1] + (follows[end] if follows else 0.0)) / (end + 1) ** power)

    return sorted(ends, key=lambda end: -score(end))[:count]
