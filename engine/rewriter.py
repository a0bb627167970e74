"""Rewriting of existing code: its doubtful tokens become holes of one canvas, and the loop fills them.

What is longer than a canvas is rewritten piece by piece, each behind what was written before it. It knows the parts of
a loaded checkpoint and decides nothing about tokens: the plan is `engine.rewrite`'s, the passes are those of a fill.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from engine import rewrite
from engine.api import Candidate, Draft, DraftToken, FillRequest, FillResult
from engine.candidates import SCORED_SUFFIX_TOKENS, LogProbs, score_of
from engine.constraints import Constraints, constraints
from engine.denoise import Step
from engine.forms import Forms
from engine.layout import Row, holes_ids, joined_ids
from engine.likelihood import likelihood
from engine.models.adapter import Adapter
from engine.passes import Passes
from engine.profile import Profile
from engine.rewrite import Unit
from engine.seam import Seams, Seamstress

_MAX_ROWS = 8
# When half of the rows are done, the others have so many passes left.
_PATIENCE_PASSES = 1
_LEAST_SUFFIX_TOKENS = 8
# Of a canvas' room for code, what the code takes as it stands; where slack is known, the rest lets it grow.
_SHARE_WITH_SLACK = 2 / 3

Steps = Callable[[FillRequest, Passes, list[Row]], Generator[Step, None, None]]
Tokens = Callable[[Step, Row], tuple[DraftToken, ...]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What rewriting needs of a loaded checkpoint: its parts, and how a fill steps and shows its steps."""

    name: str
    adapter: Adapter[Any]
    profile: Profile
    seamstress: Seamstress
    forms: Forms
    pad_id: int
    never_ids: tuple[int, ...]
    steps: Steps
    draft_tokens: Tokens


def rewriting(parts: Parts, request: FillRequest) -> Generator[Draft, None, FillResult]:
    """Rewrite the original of a request, yielding a draft of all of it after every step. Raises RequestError."""
    rewrite.check(request)
    job = _Job(parts, request)
    yield from job.run()
    return FillResult(
        candidates=job.candidates,
        passes=job.num_passes,
        prefill_ms=job.prefill_ms,
        total_ms=job.elapsed_ms,
        model=parts.name,
    )


class _Job:
    """One rewriting: what is written so far, and what it cost."""

    def __init__(self, parts: Parts, request: FillRequest) -> None:
        self._parts, self._request, self._original = parts, request, request.original or ""
        self._started = time.perf_counter()
        self.num_passes, self.prefill_ms = 0, 0.0
        # A locked beginning is no half of a token.
        is_held = any(start == 0 < end for start, end in request.locked)
        self._typed, self._first_ids = ("", ()) if is_held else parts.seamstress.heal(request.prefix)
        self._kept_prefix = request.prefix[: len(request.prefix) - len(self._typed)]
        typed = len(self._typed)
        locked = [(start + typed, end + typed) for start, end in request.locked]
        units = rewrite.units_of(self._typed + self._original, locked, parts.seamstress.tokens, typed)
        room = parts.profile.canvas_tokens - min(_LEAST_SUFFIX_TOKENS, parts.profile.canvas_tokens // 8)
        self._room = room
        share = _SHARE_WITH_SLACK if parts.profile.knows_slack else 1.0
        self._pieces = rewrite.pieces_of(units, max(1, int(room * share)))
        self._written: list[tuple[Candidate, ...]] = []  # of each piece so far, best first
        self._num_rewritten = 0

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the start."""
        return (time.perf_counter() - self._started) * 1000

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of the code, rewritten; one answer where it took several pieces, each of which goes on from the best."""
        best = [found[0] for found in self._written]
        found = [best]
        if self._num_rewritten == 1:
            place = max(range(len(best)), key=lambda index: len(self._written[index]))
            found = [[*best[:place], other, *best[place + 1 :]] for other in self._written[place]]
        return tuple(
            Candidate(
                "".join(piece.text for piece in pieces)[len(self._typed) :],
                sum(piece.score for piece in pieces),
                sum(piece.num_tokens for piece in pieces),
            )
            for pieces in found[: self._request.num_candidates]
        )

    def run(self) -> Generator[Draft, None, None]:
        """Rewrite piece after piece; what is left at the deadline stays as it is."""
        noise, num_seen, num_gone = self._request.noise if self._original else 0.0, 0, 0
        for piece in self._pieces:
            num_seen += sum(map(rewrite.is_free, piece))
            count = math.ceil(noise * num_seen) - num_gone
            num_gone += max(0, count)
            found: tuple[Candidate, ...] = ()
            if count > 0 and not self._is_late():
                found = yield from self._rewritten(piece, count)
                self._num_rewritten += bool(found)
            self._written.append(found or (Candidate(rewrite.text_of(piece), 0.0, rewrite.num_tokens(piece)),))

    def _rewritten(self, piece: list[Unit], count: int) -> Generator[Draft, None, tuple[Candidate, ...]]:
        """Rewrite one piece; return the candidates for it, none where nothing usable came out."""
        parts = self._parts
        before = "".join(found[0].text for found in self._written)
        after = "".join(rewrite.text_of(later) for later in self._pieces[len(self._written) + 1 :])
        budget = parts.profile.canvas_tokens - rewrite.num_tokens(piece)
        seams = parts.forms.cut_piece(self._request, self._kept_prefix, before, after, budget)
        started = time.perf_counter()
        prefix = parts.adapter.prefill(seams.prefix_ids)
        self.prefill_ms += (time.perf_counter() - started) * 1000
        mask_token_id, suffix_ids = parts.profile.mask_token_id, seams.suffix_ids
        doubts = likelihood(parts.adapter, prefix, suffix_ids, mask_token_id)
        choices = [gone for gone in self._choices(piece, count, doubts) if gone]
        if not choices:
            return ()
        rows = [rewrite.row_of(piece, gone, self._room, parts.profile.knows_slack) for gone in choices]
        passes = Passes(parts.adapter, parts.profile, seams, prefix, self._limits(piece), parts.pad_id)
        step, patience = None, _PATIENCE_PASSES
        shown_before = _shown(before[len(self._typed) :])
        for step in parts.steps(self._request, passes, rows):
            self.num_passes += 1
            tokens = (*shown_before, *parts.draft_tokens(step, rows[0]), *_shown(after))
            yield Draft(self.num_passes, tokens, self.elapsed_ms)
            patience -= 2 * int(step.finished.sum()) >= len(rows)
            if self._is_late() or patience < 0:
                break
        assert step is not None
        logprobs = likelihood(parts.adapter, prefix, suffix_ids[SCORED_SUFFIX_TOKENS:], mask_token_id)
        return self._candidates(piece, list(zip(choices, rows, strict=True)), step, seams, logprobs)

    def _choices(self, piece: list[Unit], count: int, logprobs: LogProbs) -> list[frozenset[int]]:
        """Return which units are let go of in each row of the batch: `count` of them, or all that can be."""
        doubts = [0.0] * len(piece)
        if count < sum(map(rewrite.is_free, piece)):
            rest = iter((-logprobs(rewrite.ids_of(piece))).tolist())
            doubts = [max((next(rest) for _ in unit.ids), default=0.0) for unit in piece]
        found = [rewrite.let_go(piece, doubts, count)]
        for row in range(1, min(self._request.num_candidates, _MAX_ROWS)):
            generator = torch.Generator().manual_seed(self._request.seed * _MAX_ROWS + row)
            found.append(rewrite.let_go(piece, doubts, count, generator))
        return list(dict.fromkeys(found))

    def _limits(self, piece: list[Unit]) -> Constraints:
        parts, is_first = self._parts, not self._written
        may_break = self._request.multiline or "\n" in rewrite.text_of(piece)
        return constraints(
            parts.adapter.vocab_size,
            parts.adapter.device,
            never=parts.never_ids if may_break else (*parts.never_ids, *parts.seamstress.line_break_ids),
            first_ids=self._first_ids if is_first else (),
        )

    def _candidates(
        self,
        piece: list[Unit],
        rows: Sequence[tuple[frozenset[int], Row]],
        step: Step,
        seams: Seams,
        logprobs: LogProbs,
    ) -> tuple[Candidate, ...]:
        parts, found = self._parts, dict[str, Candidate]()
        is_done = step.finished.tolist()
        for index, (gone, row) in enumerate(rows):
            if any(is_done) and not is_done[index]:
                continue
            fills = holes_ids(step.argmax_ids[index], row, parts.profile.slack_token_id)
            texts = [parts.seamstress.text(ids) for ids in fills]
            if "\r\n" in self._original:
                texts = [text.replace("\n", "\r\n") for text in texts]
            text = rewrite.written(piece, gone, texts)
            is_begun = bool(self._written) or text.startswith(self._typed)
            is_gone = not text.strip() and bool(rewrite.text_of(piece).strip())
            if not is_begun or is_gone:
                continue
            ids = joined_ids(fills, row)
            log_probs = logprobs([*ids, *seams.suffix_ids[:SCORED_SUFFIX_TOKENS]]).tolist()
            score = score_of(log_probs[: len(ids)], log_probs[len(ids) :], multiline=True)
            if text not in found or found[text].score < score:
                found[text] = Candidate(text, score, len(ids))
        return tuple(sorted(found.values(), key=lambda candidate: -candidate.score))

    def _is_late(self) -> bool:
        return self._request.deadline_ms is not None and self.elapsed_ms > self._request.deadline_ms


def _shown(text: str) -> tuple[DraftToken, ...]:
    return (DraftToken(text, "accepted"),) if text else ()
