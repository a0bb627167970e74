"""From finished rows to candidates: their text, and their order by the causal encoder's likelihood.

It knows ids, texts and scores; which rows there are and how they came about is not its concern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from engine.api import Candidate
from engine.confidence import Evidence
from engine.seam import Seams, Seamstress

# How much of the suffix the score looks at: enough to hear a seam that does not fit.
SCORED_SUFFIX_TOKENS = 8
# How many tokens of the suffix count in a score, and the power of the length that the sum is divided by.
_ONE_LINE, _SEVERAL_LINES = (3, 0.65), (SCORED_SUFFIX_TOKENS, 0.9)

LogProbs = Callable[[Sequence[int]], Tensor]
Judge = Callable[[Evidence], float | None]
"""Says how likely a candidate is exactly right; None: it cannot tell."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A finished row: the ids of every hole, and what passes made of each token (nats) where passes decided them."""

    holes: Sequence[list[int]]
    log_probs: tuple[float, ...] | None = None
    entropy: tuple[float, ...] | None = None
    causal: tuple[float, ...] | None = None  # of each token and of the suffix head, where the row was read already


def candidates(
    fills: Iterable[Fill],
    seams: Seams,
    seamstress: Seamstress,
    logprobs: LogProbs,
    judge: Judge = lambda _: None,
    is_sound: Callable[[tuple[str, ...]], bool] = lambda _: True,
    *,
    multiline: bool = False,
    num_wanted: int = 1,
) -> tuple[Candidate, ...]:
    """Return the distinct fills, best first by the causal encoder's likelihood; what is not sound comes last.

    `is_sound` is asked about the texts of a fill's holes, best first, until there are `num_wanted` sound ones.
    `logprobs` gives the log-probability of each token after the prefix and those before it, [N] float32. The `judge`
    is asked about one candidate after the other in their order, but not about several holes.
    """
    found: dict[tuple[str, ...], tuple[Candidate, Evidence | None]] = {}
    typed = (seams.typed, *(seam.typed for seam in seams.further))
    for fill in fills:
        holes = fill.holes
        texts = [seamstress.text(ids) for ids in holes]
        if not all(text.startswith(begun) for text, begun in zip(texts, typed, strict=True)):
            continue
        added = [text[len(begun) :] for text, begun in zip(texts, typed, strict=True)]
        if not added[-1].endswith(seams.rest):
            continue
        added[-1] = added[-1].removesuffix(seams.rest)
        if not any(text.strip() for text in added):
            continue
        joined = list(holes[0])
        for ids, seam in zip(holes[1:], seams.further, strict=True):
            joined += [*seam.between_ids, *ids]
        log_probs = list(fill.causal or logprobs([*joined, *seams.suffix_ids[:SCORED_SUFFIX_TOKENS]]).tolist())
        score = score_of(log_probs[: len(joined)], log_probs[len(joined) :], multiline=multiline)
        follows = [seamstress.text(seam.between_ids[:1]) for seam in seams.further]
        # White space at a hole's end is for what follows on its line; at the end of the line it is for nobody.
        kept = [
            text if not next_text[:1].isspace() else text.rstrip()
            for text, next_text in zip(added[:-1], follows, strict=True)
        ]
        key = (*kept, added[-1] if seams.rest else added[-1].rstrip())
        if key not in found or found[key][0].score < score:
            candidate = Candidate(key[0], score, sum(map(len, holes)), further_texts=key[1:])
            found[key] = candidate, _evidence(fill, log_probs)
    by_score = sorted(found, key=lambda key: -found[key][0].score)
    sound: list[tuple[str, ...]] = []
    for key in by_score:
        if len(sound) < num_wanted and is_sound(key):
            sound.append(key)
    ordered = [found[key] for key in (*sound, *(key for key in by_score if key not in sound))]
    return tuple(
        replace(candidate, confidence=judge(replace(evidence, margin=_margin(ordered, place))))
        if evidence
        else candidate
        for place, (candidate, evidence) in enumerate(ordered)
    )


def score_of(fill: Sequence[float], suffix: Sequence[float], *, multiline: bool = False) -> float:
    """Return the score of a fill, given the causal encoder's log-probabilities of it and of the suffix head after it.

    Their sum favours short fills and their mean long ones; what lies between did best on held-out holes, closer to the
    mean for several lines.
    """
    num_suffix, power = _SEVERAL_LINES if multiline else _ONE_LINE
    scored = [*fill, *suffix[:num_suffix]]
    return float(sum(scored) / max(1, len(scored)) ** power)


def _evidence(fill: Fill, log_probs: list[float]) -> Evidence | None:
    """Return what there is to judge by; `log_probs` are the causal encoder's of the fill and of the suffix head."""
    if len(fill.holes) > 1:
        return None
    count = len(fill.holes[0])
    return Evidence(
        causal=tuple(log_probs[:count]),
        suffix=tuple(log_probs[count:]),
        denoised=fill.log_probs,
        entropy=fill.entropy,
        margin=None,
    )


def _margin(ordered: Sequence[tuple[Candidate, Evidence | None]], place: int) -> float | None:
    """Return a score less the best other one, of candidates in order; None where there is no other."""
    if len(ordered) < 2:
        return None
    return ordered[place][0].score - ordered[0 if place else 1][0].score
