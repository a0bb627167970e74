"""From logits to tokens, entropies and log-probabilities, one row a position.

Knows vocabularies only: it does not know where on the canvas a row stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the model says about N open positions. All tensors have the first dimension N."""

    argmax_ids: Tensor  # [N] int64
    sampled_ids: Tensor  # [N] int64, equal to argmax_ids when greedy
    entropy: Tensor  # [N] float32, nats, of the distribution that was sampled from
    argmax_log_probs: Tensor  # [N] float32, nats, at temperature 1
    sampled_log_probs: Tensor  # [N] float32, nats, at temperature 1
    logits: Tensor  # [N, V] float32, after temperature and with forbidden ids at -inf


def predict(
    raw_logits: Tensor, temperature: float, forbidden: Tensor | None, greedy: bool, generator: torch.Generator
) -> Predictions:
    """Read off each row its likeliest token, a sample, and how sure the model is.

    Shapes: raw_logits [N, V] float32, forbidden [V] bool (ids that get no probability at all) or None.
    Randomness: one multinomial draw over all rows from the generator; none when greedy.
    """
    if forbidden is not None:
        raw_logits = raw_logits.masked_fill(forbidden, -torch.inf)
    logits = raw_logits / temperature
    log_normalizer = logits.logsumexp(dim=-1, keepdim=True)
    probs = torch.softmax(logits, dim=-1)
    # A forbidden id has no probability, and 0 * -inf would be nan.
    log_probs = (logits - log_normalizer).clamp_(min=torch.finfo(logits.dtype).min)
    entropy = -log_probs.mul_(probs).sum(dim=-1)
    argmax_ids = logits.argmax(dim=-1)
    sampled_ids = argmax_ids
    if not greedy and len(probs):
        sampled_ids = torch.multinomial(probs, num_samples=1, generator=generator).squeeze(-1)
    raw_normalizer = raw_logits.logsumexp(dim=-1)
    return Predictions(
        argmax_ids=argmax_ids,
        sampled_ids=sampled_ids,
        entropy=entropy,
        argmax_log_probs=_gather(raw_logits, argmax_ids) - raw_normalizer,
        sampled_log_probs=_gather(raw_logits, sampled_ids) - raw_normalizer,
        logits=logits,
    )


def _gather(rows: Tensor, ids: Tensor) -> Tensor:
    return rows.gather(-1, ids[:, None]).squeeze(-1)
