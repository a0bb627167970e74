"""Many holes of one file, filled one group after another: each group sees what was filled before it.

The fills are judged where they stand, with the others in place; a hole that cannot be filled stays as it is, with a
reason. It knows engines by their boundary and no editor; the server and the command line share it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from engine.api import Capabilities, Draft, Engine, FillResult, RequestError
from infill_lsp.context.context import further_holes, request_for
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.fill import fill
from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole
from infill_lsp.holes.hole_groups import groups_of, halves_of
from infill_lsp.holes.neutral import neutral_fills
from infill_lsp.judging.gate import misfit
from infill_lsp.judging.parse_check import broken_parse
from infill_lsp.text.document import Document, Snapshot

if TYPE_CHECKING:
    from infill_lsp.settings.settings import Settings

_PARSE_S = 1.0

OnDraft = Callable[[Hole, Hole, Draft], None]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class AllFilled:
    """The fill of each hole, and for the others why they have none; both in the order of the text."""

    fills: tuple[tuple[Hole, str], ...]
    unfilled: tuple[tuple[Hole, str], ...]
    passes: int
    elapsed_ms: float  # from the call to the last fill
    model: str


async def fill_all(
    snapshot: Snapshot,
    holes: Sequence[Hole],
    engine: Engine,
    settings: Settings,
    capabilities: Capabilities | None,
    *,
    surroundings: Surroundings | None = None,
    on_draft: OnDraft | None = None,
    on_progress: OnProgress | None = None,
) -> AllFilled:
    """Fill holes that do not overlap, from left to right. Raises EngineError, but for a hole that cannot be asked for.

    `on_draft` is told which holes a draft is of, the first and the last; `on_progress` how many holes are done.
    """
    start = time.perf_counter()
    job = _Job(snapshot, holes, engine, settings, surroundings)
    waiting = deque(groups_of(snapshot, holes, capabilities))
    while waiting:
        group = waiting.popleft()
        if on_progress is not None:
            on_progress(job.num_done, len(holes))
        drawn = None if on_draft is None else _bound(on_draft, group)
        if len(group) == 1:
            await job.fill_one(group[0], drawn)
        elif not await job.fill_together(group, drawn):
            waiting.extendleft(reversed(halves_of(group)))
    fills = tuple((hole, job.texts[hole]) for hole in holes if hole in job.texts)
    unfilled = tuple((hole, job.reasons[hole]) for hole in holes if hole not in job.texts)
    return AllFilled(fills, unfilled, job.passes, (time.perf_counter() - start) * 1000, job.model)


class _Job:
    """The file as it is with the fills so far, and what they are.

    Beside it stands the file in which what is not filled yet is harmless: a body that is still missing would hide from
    a compiler what another fill breaks.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        holes: Sequence[Hole],
        engine: Engine,
        settings: Settings,
        surroundings: Surroundings | None,
    ) -> None:
        self._engine, self._settings, self._surroundings = engine, settings, surroundings
        self._document = Document(snapshot.uri, snapshot.version, snapshot.text, snapshot.language)
        self._harmless = Document(snapshot.uri, snapshot.version, snapshot.text, snapshot.language)
        self._stand_ins = {hole: neutral_fills(snapshot, hole)[0] for hole in holes}
        for hole in reversed(holes):
            self._harmless.edit(hole.start, hole.end, self._stand_ins[hole])
        self.texts: dict[Hole, str] = {}
        self.reasons: dict[Hole, str] = {}
        self.passes, self.model = 0, settings.model

    @property
    def num_done(self) -> int:
        """How many holes are filled or given up."""
        return len(self.texts.keys() | self.reasons.keys())

    async def fill_one(self, hole: Hole, on_draft: Callable[[Draft], None] | None) -> None:
        """Fill a hole by itself."""
        now, placed = self._document.snapshot(_PARSE_S), self._placed(hole)
        try:
            outcome = await fill(
                now,
                placed,
                self._engine,
                self._settings,
                num_candidates=self._settings.num_candidates,
                surroundings=self._surroundings,
                on_draft=on_draft,
            )
        except RequestError as error:
            self.reasons[hole] = str(error)
            return None
        self.passes, self.model = self.passes + outcome.passes, outcome.model
        for suggestion in outcome.suggestions:
            if (reason := await self._broken(hole, suggestion.text)) is None:
                return self._put(hole, suggestion.text)
            self.reasons[hole] = reason
        if hole not in self.reasons:
            self.reasons[hole] = outcome.reason or "the model found nothing good enough"
        return None

    async def fill_together(self, group: tuple[Hole, ...], on_draft: Callable[[Draft], None] | None) -> bool:
        """Fill holes on one canvas, and by itself what came to nothing. False: they do not fit."""
        try:
            result = await self._asked(group, on_draft)
        except RequestError:
            return False
        self.passes, self.model = self.passes + result.passes, result.model
        texts = [(candidate.text, *candidate.further_texts) for candidate in result.candidates]
        failed = []
        for number, hole in enumerate(group):
            for text in dict.fromkeys(each[number] for each in texts if number < len(each)):
                if await self._fits(hole, text):
                    break
            else:
                failed.append(hole)
        for hole in failed:
            await self.fill_one(hole, None)
        return True

    async def _asked(self, group: tuple[Hole, ...], on_draft: Callable[[Draft], None] | None) -> FillResult:
        now, placed = self._document.snapshot(_PARSE_S), [self._placed(hole) for hole in group]
        tokens = (await self._engine.info()).capabilities.max_prefix_tokens if self._surroundings else None
        asking = partial(
            request_for,
            now,
            num_candidates=self._settings.num_candidates,
            max_prefix_chars=self._settings.max_prefix_chars,
            max_suffix_chars=self._settings.max_suffix_chars,
            deadline_ms=self._settings.deadline_ms,
        )
        first = asking(placed[0], surroundings=self._surroundings, max_prefix_tokens=tokens)
        last = asking(placed[-1])
        further = further_holes(now, placed)
        request = replace(first, suffix=last.suffix, ends_file=last.ends_file, further_holes=further)
        return await self._engine.fill(request, on_draft)

    async def _fits(self, hole: Hole, text: str) -> bool:
        now, placed = self._document.snapshot(_PARSE_S), self._placed(hole)
        shaped = shape(now, placed, text)
        if misfit(now, placed, shaped) or await self._broken(hole, shaped):
            return False
        self._put(hole, shaped)
        return True

    async def _broken(self, hole: Hole, text: str) -> str | None:
        """Tell whether a fill breaks the file in which everything else is harmless."""
        return await broken_parse(self._harmless.snapshot(_PARSE_S), self._stood_in(hole), text)

    def _put(self, hole: Hole, text: str) -> None:
        for document, place in ((self._document, self._placed(hole)), (self._harmless, self._stood_in(hole))):
            document.edit(place.start, place.end, text)
        self.texts[hole] = text
        self.reasons.pop(hole, None)

    def _placed(self, hole: Hole) -> Hole:
        """Tell where a hole of the original is now."""
        return _moved(hole, self.texts)

    def _stood_in(self, hole: Hole) -> Hole:
        """Tell where the harmless text in a hole's place is, while the hole is not filled."""
        moved = _moved(hole, {**self._stand_ins, **self.texts})
        return replace(moved, end=moved.start + len(self._stand_ins[hole]))


def _moved(hole: Hole, texts: Mapping[Hole, str]) -> Hole:
    """Tell where a hole is once these texts stand in those left of it."""
    before = [(other, text) for other, text in texts.items() if other.start < hole.start]
    moved = sum(len(text) - (other.end - other.start) for other, text in before)
    return replace(hole, start=hole.start + moved, end=hole.end + moved)


def _bound(on_draft: OnDraft, group: tuple[Hole, ...]) -> Callable[[Draft], None]:
    return lambda draft: on_draft(group[0], group[-1], draft)
