"""Between a critic of text and the loop: finished rows become texts, and what is suspect in them becomes positions.

A critic knows a language and no tokens; the loop knows positions and no text. Here is what one fill has of both: which
rows were judged how, and which token is forbidden where. It knows no language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from engine.api import Critic, FillRequest
from engine.canvas import Canvas
from engine.denoise import Forward
from engine.layout import Row, holes_ids
from engine.seam import Seams

Texts = tuple[str, ...]


class _Blame(NamedTuple):
    """Where on the canvas a hole begins, the token to blame stands, and the hole ends."""

    start: int
    place: int
    end: int


class Reviewer:
    """Reviews the rows of one fill for the loop (`engine.denoise.Review`) and lays what it rejected over the pass."""

    def __init__(
        self,
        critic: Critic,
        request: FillRequest,
        rows: Sequence[Row],
        seams: Seams,
        text_of: Callable[[Sequence[int]], str],
        slack_token_id: int | None,
    ) -> None:
        """Begin with nothing rejected. `text_of` gives the text of hole ids."""
        self._critic, self._request, self._rows, self._text_of = critic, request, rows, text_of
        self._typed = (seams.typed, *(seam.typed for seam in seams.further))
        self._slack_token_id = slack_token_id
        self._rounds = [0] * len(rows)
        self._verdicts: dict[Texts, tuple[int, int] | None] = {}
        self._rejected: set[tuple[int, int, int]] = set()  # row, position, id

    def __call__(self, ids: Tensor, asked: Tensor, settled: Tensor) -> Tensor:
        """Return what is to be written anew: from the token to blame to the end of its hole.

        That token cannot come back there, and a row that loses its first one gets none that another row begins with.
        It is too early to blame a token while it or one left of it in its hole is not settled. A row that was sent back
        as often as the request allows passes, whatever it says.
        Shapes: ids [B, L] int64, asked [B] bool, settled [B, L] bool -> [B, L] bool.
        """
        suspect = torch.zeros_like(ids, dtype=torch.bool)
        for index in asked.nonzero().flatten().tolist():
            row = self._rows[index]
            found = None
            if self._rounds[index] < self._request.max_syntax_rounds:
                found = self._blame(holes_ids(ids[index], row, self._slack_token_id), row)
            if found is None or not bool(settled[index, found.start : found.place + 1].all()):
                continue
            self._rounds[index] += 1
            suspect[index, found.place : found.end] = True
            is_first = found.place == len(row.lead_ids)
            blamed = set(ids[:, found.place].tolist()) if is_first else {int(ids[index, found.place])}
            self._rejected.update((index, found.place, token_id) for token_id in blamed)
        return suspect

    def is_sound(self, texts: Texts) -> bool:
        """Tell whether the critic finds nothing in a fill: what each hole gains, without what was typed of it."""
        return self._verdict(texts) is None

    def over(self, forward: Forward) -> Forward:
        """Return the forward pass with what was rejected at -inf where it was rejected."""

        def run(canvas_ids: Tensor, open_mask: Tensor, self_conditioning: Tensor | None) -> Tensor:
            logits = forward(canvas_ids, open_mask, self_conditioning)
            if not self._rejected:
                return logits
            rows, places, token_ids = torch.tensor(sorted(self._rejected), device=logits.device).unbind(dim=1)
            is_open = open_mask[rows, places]
            order = (open_mask.flatten().cumsum(0) - 1).view_as(open_mask)
            logits = logits.clone()
            logits[order[rows, places][is_open], token_ids[is_open]] = -torch.inf
            return logits

        return run

    def _blame(self, fills: Sequence[list[int]], row: Row) -> _Blame | None:
        texts = [self._text_of(ids) for ids in fills]
        if not all(text.startswith(typed) for text, typed in zip(texts, self._typed, strict=True)):
            return None
        added = [text[len(typed) :] for text, typed in zip(texts, self._typed, strict=True)]
        found = self._verdict((*added[:-1], added[-1].rstrip()))
        if found is None:
            return None
        hole, offset = found
        ids, (start, end) = fills[hole], list(row.spans)[hole]
        offset += len(self._typed[hole])
        lengths = [len(self._text_of(ids[:count])) for count in range(1, len(ids) + 1)]
        # The token that holds the place; at the end of the text it is the slack after it, where there is room for any.
        place = next((index for index, length in enumerate(lengths) if length > offset), len(ids))
        if start + place == end or (place == len(ids) and self._slack_token_id is None) or row.length == place:
            place -= 1
        return _Blame(start, start + place, end if row.length is None else start + row.length)

    def _verdict(self, texts: Texts) -> tuple[int, int] | None:
        """Return the first hole that the critic finds something in, and the offset of what is to blame in it."""
        if texts not in self._verdicts:
            self._verdicts[texts] = next(self._found(texts), None)
        return self._verdicts[texts]

    def _found(self, texts: Texts) -> Iterator[tuple[int, int]]:
        for hole, request in enumerate(_alone(self._request, texts)):
            spans = self._critic(request, texts[hole])
            if spans:
                yield hole, spans[0][0]


def begun_places(rows: Sequence[Row], canvas: Canvas) -> Tensor:
    """Return where rows hold a token that they were told to begin with: [B, L] bool."""
    begun = torch.zeros_like(canvas.known)
    for index, row in enumerate(rows):
        begun[index, len(row.lead_ids)] = row.first_id is not None
    return begun


def _alone(request: FillRequest, texts: Texts) -> Iterator[FillRequest]:
    """Yield a request for each hole by itself, the other holes filled."""
    further = request.further_holes
    before, multiline = request.prefix, (request.multiline, *(hole.multiline for hole in further))
    for index in range(len(texts)):
        after = "".join(hole.between + text for hole, text in zip(further[index:], texts[index + 1 :], strict=True))
        suffix = after + request.suffix
        yield replace(request, prefix=before, suffix=suffix, multiline=multiline[index], further_holes=())
        if index < len(further):
            before += texts[index] + further[index].between
