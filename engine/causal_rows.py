"""THE loop of left-to-right writing: several rows behind one prompt, a token a step.

One row is greedy. The others are a stochastic beam search: sequences drawn from the model without replacement, so that
no two of them are the same and unlikely ones are rare. It knows logits and ids: no model, no text and no request.

Source: stochastic beams and where to find them, arXiv 1903.06059. Differs: rows that have ended stay in the draw, and
only the likeliest tokens of a step are drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.constraints import Constraints

# Rows are drawn from the model's distribution at this temperature, and from so many tokens a step.
_TEMPERATURE = 0.6
_DRAWN_FROM = 64

Advance = Callable[[Sequence[int], Sequence[int]], Tensor]
"""Write one token in each row: which row each goes on from [B], and its id [B] -> logits of what follows [B, V]."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a row may hold, and when it is over."""

    limits: Constraints
    closing_ids: frozenset[int]  # a row ends where one of them would stand
    follow_ids: tuple[int, ...]  # what is expected where the fill has ended; none: nobody asks
    max_tokens: int
    tail_ids: tuple[int, ...] = ()  # a row that ends with them says what follows the hole, and is over


@dataclass(frozen=True, slots=True)
class CausalRow:
    """What was written so far. Log-probabilities are the model's own, in nats."""

    ids: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()  # of each id
    follows: tuple[float, ...] = ()  # before each id, and of a closed row after the last: that the fill has ended there
    closing_id: int | None = None  # what stood where the row ended; None: it is not closed
    closing_log_prob: float = 0.0
    is_over: bool = False  # nothing more is written


@dataclass(frozen=True, slots=True)
class _Beam:
    row: CausalRow
    parent: int  # the row of the latest logits that it goes on from
    log_prob: float = 0.0  # of the row so far, at the temperature of the draw
    rank: float = 0.0  # the same, perturbed: what is compared
    is_greedy: bool = False


def write(
    first: Tensor, advance: Advance, rules: Rules, num_drawn: int, generator: torch.Generator
) -> Iterator[list[CausalRow]]:
    """Write one greedy row and `num_drawn` others, yielding all of them after each token, the greedy one first.

    `first` [1, V] are the logits of the first token. A closed iterator writes no more.
    """
    logits = first
    beams = [_Beam(CausalRow(), 0, is_greedy=True), *([_Beam(CausalRow(), 0)] if num_drawn else [])]
    for step in range(rules.max_tokens):
        if step:
            alive = [beam for beam in beams if not beam.row.is_over]
            logits = advance([beam.parent for beam in alive], [beam.row.ids[-1] for beam in alive])
            places = iter(range(len(alive)))
            beams = [beam if beam.row.is_over else replace(beam, parent=next(places)) for beam in beams]
        beams = _next(beams, logits, rules, num_drawn, generator, is_first=step == 0)
        yield [beam.row for beam in beams]
        if all(beam.row.is_over for beam in beams):
            return


def _next(
    beams: Sequence[_Beam], logits: Tensor, rules: Rules, num_drawn: int, generator: torch.Generator, *, is_first: bool
) -> list[_Beam]:
    """Return the beams of the next step: logits [B, V] of the rows that are not over."""
    log_probs = logits.log_softmax(dim=-1)
    impossible = rules.limits.anywhere | rules.limits.at_first if is_first else rules.limits.anywhere
    possible = logits.masked_fill(impossible, -torch.inf)
    greedy = [beam for beam in beams if beam.is_greedy]
    drawn = [beam for beam in beams if not beam.is_greedy]
    chosen: list[tuple[_Beam, int]] = []
    if not greedy[0].row.is_over:
        chosen.append((greedy[0], int(possible[greedy[0].parent].argmax())))
    kept = [beam for beam in drawn if beam.row.is_over]
    alive = [beam for beam in drawn if not beam.row.is_over]
    if alive:
        grown = _draw(alive, possible[[beam.parent for beam in alive]], num_drawn, generator)
        best = sorted([*((beam, None) for beam in kept), *grown], key=lambda pair: -pair[0].rank)[:num_drawn]
        kept = [beam for beam, token_id in best if token_id is None]
        chosen += [(beam, token_id) for beam, token_id in best if token_id is not None]
    if not chosen:
        return [*greedy, *kept]
    parents = [beam.parent for beam, _ in chosen]
    taken = log_probs[parents, [token_id for _, token_id in chosen]].tolist()
    follows = log_probs[:, list(rules.follow_ids)].logsumexp(dim=-1)[parents].tolist() if rules.follow_ids else None
    written = [
        replace(beam, row=_written(beam.row, token_id, taken[at], follows[at] if follows else None, rules))
        for at, (beam, token_id) in enumerate(chosen)
    ]
    first = [beam for beam in written if beam.is_greedy] or greedy
    return [*first, *(beam for beam in written if not beam.is_greedy), *kept]


def _written(row: CausalRow, token_id: int, log_prob: float, follow: float | None, rules: Rules) -> CausalRow:
    follows = row.follows if follow is None else (*row.follows, follow)
    if token_id in rules.closing_ids:
        return replace(row, follows=follows, closing_id=token_id, closing_log_prob=log_prob, is_over=True)
    ids = (*row.ids, token_id)
    says_suffix = bool(rules.tail_ids) and ids[-len(rules.tail_ids) :] == rules.tail_ids
    is_over = says_suffix or len(ids) == rules.max_tokens
    return CausalRow(ids, (*row.log_probs, log_prob), follows, is_over=is_over)


def _draw(beams: Sequence[_Beam], possible: Tensor, count: int, generator: torch.Generator) -> list[tuple[_Beam, int]]:
    """Draw the `count` best ways to go on: logits [B, V], impossible ones at -inf -> beams and their next ids."""
    device = possible.device
    likely = (possible.float() / _TEMPERATURE).log_softmax(dim=-1).topk(min(_DRAWN_FROM, possible.shape[-1]))
    before = torch.tensor([beam.log_prob for beam in beams], device=device)
    ranks = torch.tensor([beam.rank for beam in beams], device=device)
    totals = before[:, None] + likely.values
    ranks = perturbed(totals, ranks, generator)
    best = ranks.flatten().topk(min(count, ranks.numel()))
    found = []
    for rank, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        if rank > float("-inf"):
            index, column = divmod(place, ranks.shape[1])
            beam = replace(beams[index], log_prob=float(totals[index, column]), rank=rank)
            found.append((beam, int(likely.indices[index, column])))
    return found


def perturbed(totals: Tensor, ranks: Tensor, generator: torch.Generator) -> Tensor:
    """Return perturbed log-probabilities of ways to go on, the best of each row being the row's own rank.

    Shapes: totals [B, K] log-probabilities, ranks [B] -> [B, K]: Gumbel noise under the condition on their maximum.
    """
    uniform = torch.rand(totals.shape, generator=generator, device=totals.device).clamp_(1e-20, 1 - 1e-7)
    noisy = totals - torch.log(-torch.log(uniform))
    below = noisy - noisy.max(dim=-1, keepdim=True).values
    shifted = ranks[:, None] - noisy + torch.log1p(-below.exp())
    return ranks[:, None] - shifted.clamp(min=0) - torch.log1p(torch.exp(-shifted.abs()))
