"""From what an output head says to tokens, entropies and log-probabilities, without a question to the device.

The same mathematics as `engine.sampling.predict`, laid out for vocabularies of hundreds of thousands of words: some
rows at a time in float32, in place, and the probabilities are left where the head's logits were. It knows vocabularies
only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# So many logits are looked at at once: in float32 they take 32 MiB, and the work on them about three times that.
_MAX_LOGITS = 1 << 23
# Stands for minus infinity, of which 0 times it would not be 0; far below any soft-capped logit.
_IMPOSSIBLE = -1e6

Race = Callable[[Tensor], Tensor]
"""Fill a tensor [N, V] with draws from the exponential distribution, one for each token: the first home is chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class RowReading:
    """What the model says about R slots; see `engine.sampling.Predictions`."""

    argmax_ids: Tensor  # [R] int64
    sampled_ids: Tensor  # [R] int64, the argmax without a race
    entropy: Tensor  # [R] float32, nats, of the distribution that was sampled from
    argmax_log_probs: Tensor  # [R] float32, nats, at temperature 1
    sampled_log_probs: Tensor  # [R] float32, nats, at temperature 1


def read_rows(
    logits: Tensor,
    capped: Callable[[Tensor], Tensor],
    impossible: Tensor,
    temperature: Tensor,
    race: Race | None,
) -> RowReading:
    """Read off each row its likeliest token, a sample, and how sure the model is.

    Shapes: logits [R, V], overwritten with the probabilities after temperature; impossible [R, V] bool, tokens without
    any probability, never all of a row; temperature one number above 0. `capped` gives rows of logits as float32, new.
    """
    at_once = max(1, _MAX_LOGITS // logits.shape[1])
    parts = []
    for first in range(0, logits.shape[0], at_once):
        rows = slice(first, first + at_once)
        probs, part = _read(capped(logits[rows]), impossible[rows], temperature, race)
        logits[rows] = probs
        parts.append(part)
    return RowReading(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _read(
    x: Tensor, impossible: Tensor, temperature: Tensor, race: Race | None
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    """Read rows of float32 logits, which are overwritten: probabilities [N, V], and a reading's values [N] each."""
    x.masked_fill_(impossible, _IMPOSSIBLE)
    highest, argmax_ids = x.max(dim=-1)
    x.sub_(highest[:, None])  # The likeliest is 0 from here on, at any temperature.
    raw_normalizer = x.logsumexp(dim=-1)
    x.div_(temperature)
    probs = x.exp()
    total = probs.sum(dim=-1)
    probs.div_(total[:, None])
    sampled_ids, sampled_raw = argmax_ids, torch.zeros_like(highest)
    if race is not None:
        # An exponential race is won by each token with its own probability.
        arrived = race(torch.empty_like(probs))
        sampled_ids = torch.div(probs, arrived, out=arrived).argmax(dim=-1)
        sampled_raw = x.gather(-1, sampled_ids[:, None]).squeeze(-1) * temperature
    entropy = total.log() - x.mul_(probs).sum(dim=-1)
    return probs, (argmax_ids, sampled_ids, entropy, -raw_normalizer, sampled_raw - raw_normalizer)
