"""What a fill's passes looked like, position by position: for people who want to see the denoising, not for the loop.

It reads steps and canvases and changes neither. It knows ids and the text of each; no model, no request.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.api import PassKind, PassTrace, RowTrace
from engine.canvas import Canvas
from engine.denoise import Step


class Tracer:
    """Turns the passes of one fill into `PassTrace`s. A pass's time runs from the trace, or the begin, before it."""

    def __init__(
        self,
        token_texts: Sequence[str],
        slack_token_id: int | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin the time of the first pass. `token_texts` has the text of every id."""
        self._token_texts, self._slack_token_id, self._clock = token_texts, slack_token_id, clock
        self._since = clock()
        self._canvas: Canvas | None = None
        self._keep_accepted = False
        # [B, L] bool, after the pass before: what is accepted, and what no pass predicts any more.
        self._accepted = self._closed = torch.empty(0)

    def begin(self, canvas: Canvas, *, keep_accepted: bool) -> None:
        """Expect denoising steps of this canvas, the first from now on, with nothing accepted yet.

        `keep_accepted` is as in `DenoiseConfig`.
        """
        self._since = self._clock()
        self._canvas, self._keep_accepted = canvas, keep_accepted
        # On the host, as a step's tensors may be while the canvas is not.
        self._accepted, self._closed = torch.zeros_like(canvas.known, device="cpu"), canvas.known.cpu()

    def probed(self, logits: Tensor, canvas: Canvas) -> PassTrace:
        """Trace a look that decides nothing: logits [N, V] of the canvas's free positions, the draft its argmax."""
        probabilities = logits.softmax(-1)
        shape = canvas.known
        ids = canvas.known_ids.masked_scatter(canvas.free, logits.argmax(-1))
        entropy = torch.zeros_like(shape, dtype=torch.float32).masked_scatter(
            canvas.free, torch.special.entr(probabilities).sum(-1)
        )
        nothing = torch.zeros_like(shape)
        ids = self._past_end(ids, canvas)
        return self._pass("probe", canvas, ids, entropy, canvas.free, nothing, nothing, nothing)

    def denoised(self, step: Step, suspect: Tensor | None = None) -> PassTrace:
        """Trace a denoising step of the canvas that was begun; suspect [B, L] bool, none where nothing judges."""
        assert self._canvas is not None, "a step belongs to a canvas"
        accepted, finished = step.accepted.cpu(), step.finished.cpu()
        predicted, gained, lost = ~self._closed, accepted & ~self._accepted, self._accepted & ~accepted
        doubted = torch.zeros_like(gained) if suspect is None else suspect
        self._accepted = accepted
        self._closed = self._canvas.known.cpu() | finished[:, None] | (accepted & self._keep_accepted)
        ids, entropy = step.argmax_ids, step.entropy.cpu()
        return self._pass("denoise", self._canvas, ids, entropy, predicted, gained, lost, doubted)

    def _pass(
        self, kind: PassKind, canvas: Canvas, ids: Tensor, entropy: Tensor, predicted: Tensor, *changes: Tensor
    ) -> PassTrace:
        """Make the trace; `changes` are the positions accepted, re-noised and suspect. All [B, L]."""
        ms = (self._clock() - self._since) * 1000
        is_slack = torch.zeros_like(canvas.known) if self._slack_token_id is None else ids == self._slack_token_id
        masks = [mask.tolist() for mask in (canvas.known, is_slack, *changes)]
        rows = []
        nats = entropy.masked_fill(~predicted, torch.inf)
        for row, (row_ids, values) in enumerate(zip(ids.tolist(), nats.tolist(), strict=True)):
            # What follows the last free position is suffix and padding: the same in every pass.
            length = len(row_ids) - masks[0][row][::-1].index(False)
            known, slack, accepted, renoised, suspect = (_places(mask[row][:length]) for mask in masks)
            texts = tuple(self._token_texts[index] for index in row_ids[:length])
            entropies = tuple(value if math.isfinite(value) else None for value in values[:length])
            rows.append(RowTrace(texts, entropies, known, slack, accepted, renoised, suspect))
        self._since = self._clock()  # The trace's own time is no pass's.
        return PassTrace(kind, ms, tuple(rows))

    def _past_end(self, ids: Tensor, canvas: Canvas) -> Tensor:
        """Write slack behind the first slack of each run of free positions: a fill ends there, whatever follows."""
        slack_token_id = self._slack_token_id
        if slack_token_id is None:
            return ids
        rows = ids.tolist()
        for row, known in zip(rows, canvas.known.tolist(), strict=True):
            has_ended = False
            for place, is_known in enumerate(known):
                has_ended = not is_known and (has_ended or row[place] == slack_token_id)
                if has_ended:
                    row[place] = slack_token_id
        return torch.tensor(rows, dtype=ids.dtype, device=ids.device)


def behind(trace: PassTrace, texts: Sequence[str]) -> PassTrace:
    """Return the trace of a canvas that follows others, with the texts of what these came to as known positions."""
    count = len(texts)

    def moved(places: Sequence[int]) -> tuple[int, ...]:
        return tuple(count + place for place in places)

    rows = tuple(
        RowTrace(
            (*texts, *row.tokens),
            (*(None for _ in texts), *row.entropy),
            (*range(count), *moved(row.known)),
            moved(row.slack),
            moved(row.accepted),
            moved(row.renoised),
            moved(row.suspect),
        )
        for row in trace.rows
    )
    return PassTrace(trace.kind, trace.ms, rows)


def _places(mask: Sequence[bool]) -> tuple[int, ...]:
    return tuple(place for place, is_true in enumerate(mask) if is_true)
