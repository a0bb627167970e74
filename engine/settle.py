"""Settle drafts from the left: one denoising pass, then causal readings until nothing changes.

A reading costs a small part of a denoising pass. It confirms a draft up to the first token where the product of both
(`engine.guidance`) wants another one; that token is put right and the draft is read again. Texts that come from
elsewhere are scored by the first reading, on the side.
It knows ids, log-probabilities and a callable that reads: no model, no tokenizer, no canvas.

Source: adaptive parallel decoding, arXiv 2506.00413. Differs: the denoising pass is not repeated between readings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.guidance import Guidance, product_of
from engine.repeats import Repeats

Read = Callable[[Tensor, Tensor], Tensor]
"""Rows [B, W] and where they are asked about [B, W] bool -> causal logits [N, V], at i given the ids before i."""

_LOG_HALF = math.log(0.5)
# Corrections are rarely further apart than this; what is read beyond one is read again.
_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Scored:
    """A text, and the causal encoder's log-probability (nats) of each of its tokens and then of the suffix head's."""

    ids: list[int]
    log_probs: list[float]


class Settling:
    """A text that is being settled: what it begins with, and what one denoising pass makes of each place after that."""

    def __init__(
        self, given: Sequence[int], denoised: Tensor, slack_token_id: int, repeats: Repeats | None = None
    ) -> None:
        """Draft the likeliest text. Shapes: denoised [P, V] float32, log-probabilities of the P places.

        `repeats` is the text that what is written may have its like in.
        """
        self._denoised, self._num_given, self._slack_token_id = denoised, len(given), slack_token_id
        self._repeats = repeats or Repeats(())
        self.ids = [*given, *until_end(denoised, slack_token_id)]
        self.num_settled = len(given)
        self.is_settled = False
        self.log_probs: list[float] = []  # of the tokens that are settled and were read

    def to_read(self, head: Sequence[int]) -> list[int]:
        """Return what the next reading reads: a little beyond what is settled, and the suffix head where that is all.

        One more token stands at the end in any case, since a reading tells of each of its places what it should hold.
        It is asked about the places right of `log_probs`.
        """
        end = self.num_settled + _WINDOW
        return self.ids[: end + 1] if end < len(self.ids) else [*self.ids, *(head or [0])]

    def take(self, causal: Tensor, head: Sequence[int], guidance: Guidance) -> Scored | None:
        """Go on from a reading of `to_read`: causal [N, V] float32, log-probabilities; return what is settled by it."""
        start, num_places, first = self.num_settled, self._num_given + len(self._denoised), len(self.log_probs)
        drafted = self.ids[start : start + _WINDOW]
        stop = min(start + len(drafted) + 1, num_places)  # Whether it ends after its last token is a question too.
        denoised = self._denoised[start - self._num_given : stop - self._num_given]
        wanted = until_end(product_of(denoised, causal[start - first : stop - first], guidance), self._slack_token_id)
        is_whole, ends = start + len(drafted) == len(self.ids), len(wanted) < stop - start or stop == num_places
        same = next((at for at, pair in enumerate(zip(wanted, drafted, strict=False)) if pair[0] != pair[1]), None)
        if same is None and len(wanted) == len(drafted) and is_whole:
            self.is_settled, self.num_settled = True, len(self.ids)
            return Scored(self.ids, self.log_probs + log_probs_of(causal, [*self.ids[first:], *head]))
        if same is None and ends and len(wanted) <= len(drafted):
            self.ids, self.num_settled, self.is_settled = self.ids[:start] + wanted, start + len(wanted), True
        else:
            self.num_settled = start + (len(drafted) if same is None else same) + 1
            self.ids = self.ids[:start] + wanted
            if not ends:
                self.ids += until_end(self._denoised[len(self.ids) - self._num_given :], self._slack_token_id)
            # What stands right of a correction was read without it: what followed there before is a better guess.
            guess = (
                [] if same is None else self._repeats.after(self.ids[: self.num_settled], num_places - self.num_settled)
            )
            self.ids[self.num_settled : self.num_settled + len(guess)] = guess
        self.log_probs += log_probs_of(causal, self.ids[first : self.num_settled])
        return None


def settle(
    drafts: Sequence[Settling],
    others: Sequence[Sequence[int]],
    head: Sequence[int],
    read: Read,
    guidance: Guidance,
    may_go_on: Callable[[int], bool],
) -> Generator[None, None, list[Scored]]:
    """Read the drafts until they are settled, yielding after each reading; return them and the others, scored.

    `may_go_on` is asked before each reading but the first, with the number of readings so far; what is not settled when
    it says no is left as it is. `head` is what of the suffix is scored along.
    """
    scored: list[Scored] = []
    unscored = [*drafts]
    num_readings = 0
    while num_readings == 0 or (any(not draft.is_settled for draft in drafts) and may_go_on(num_readings)):
        live = [draft for draft in drafts if not draft.is_settled]
        more = [] if num_readings else others
        # Drafts come first: what is read of them is not read again.
        rows = [(draft.to_read(head), len(draft.log_probs)) for draft in live]
        causal = _read([*rows, *(([*ids, *head], 0) for ids in more)], read)
        for ids, log_probs in zip(more, causal[len(live) :], strict=True):
            scored.append(Scored([*ids], log_probs_of(log_probs, [*ids, *head])))
        for draft, log_probs in zip(live, causal, strict=False):
            if (found := draft.take(log_probs, head, guidance)) is not None:
                scored.append(found)
                unscored.remove(draft)
        num_readings += 1
        yield
    unread = [draft for draft in unscored if draft.ids]
    causal = _read([([*draft.ids, *head], len(draft.log_probs)) for draft in unread], read)
    for draft, log_probs in zip(unread, causal, strict=True):
        left = [*draft.ids[len(draft.log_probs) :], *head]
        scored.append(Scored(draft.ids, draft.log_probs + log_probs_of(log_probs, left)))
    return scored


def log_probs_of(causal: Tensor, ids: Sequence[int]) -> list[float]:
    """Return the log-probability of each token: causal [N, V] float32."""
    found: list[float] = causal[torch.arange(len(ids)), torch.tensor(ids, dtype=torch.int64)].tolist()
    return found


def until_end(log_probs: Tensor, slack_token_id: int) -> list[int]:
    """Return the likeliest token of each place, up to where the text has more likely ended than not: [P, V] float32."""
    tokens = log_probs.clone()
    tokens[:, slack_token_id] = -torch.inf
    ends = (log_probs[:, slack_token_id] > _LOG_HALF).tolist()
    picked: list[int] = tokens.argmax(dim=-1).tolist()
    return picked[: ends.index(True)] if True in ends else picked


def _read(rows: Sequence[tuple[Sequence[int], int]], read: Read) -> Sequence[Tensor]:
    """Read rows of different lengths, each asked about from a place on: log-probabilities [N, V] float32 of each."""
    counts = [len(row) - first for row, first in rows]
    if not any(counts):
        return [torch.zeros(0, 0)] * len(rows)
    width = max(len(row) for row, _ in rows)
    shown = torch.tensor([[*row, *[0] * (width - len(row))] for row, _ in rows])
    asked = torch.tensor([[first <= place < len(row) for place in range(width)] for row, first in rows])
    return torch.split(read(shown, asked).log_softmax(dim=-1), counts)
