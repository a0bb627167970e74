"""The pipeline from a hole to suggestions, shared by the server and the command line.

It awaits the engine and nothing else. "Nothing good" is a value with a reason; an `EngineError` passes through.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.api import Candidate, Draft, Engine
from infill_lsp.context.context import request_for
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.fitting.draft_part import within_hole
from infill_lsp.fitting.suggestion import Suggestion, shape
from infill_lsp.ghost.quiet import doubt
from infill_lsp.holes.hole import Hole
from infill_lsp.judging.gate import misfit
from infill_lsp.judging.parse_check import broken_parse
from infill_lsp.text.document import Snapshot

if TYPE_CHECKING:
    from infill_lsp.settings.settings import Settings

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fill came to. `reason` says why there is no suggestion, and is None if there is one."""

    suggestions: tuple[Suggestion, ...]  # best first
    reason: str | None
    hole: Hole | None
    passes: int
    elapsed_ms: float  # from the call to the last suggestion
    model: str


async def fill(
    snapshot: Snapshot,
    hole: Hole,
    engine: Engine,
    settings: Settings,
    *,
    num_candidates: int = 1,
    max_tried: int | None = None,
    min_confidence: float = 0.0,
    warm_start: bool = False,
    surroundings: Surroundings | None = None,
    on_draft: Callable[[Draft], None] | None = None,
) -> Outcome:
    """Fill a hole: ask the engine, make its candidates fit, keep those that may be shown. Raises EngineError.

    The engine is asked for as many candidates as the settings say, but no more than `max_tried`, even when fewer are
    wanted: a fill that may not be shown then leaves others, and rows of one batch cost less than a second fill.
    `on_draft` is told what each denoising step left of the hole, without the lines that do not belong into it.
    What the engine is less sure of than `min_confidence` is not shown. With a warm start it may go on from what it
    found a keystroke ago, which is quicker and a little worse. With `surroundings` the engine is shown more than the
    text before the hole, within what it says that it sees.
    """
    tried = settings.num_candidates if max_tried is None else min(settings.num_candidates, max_tried)
    start = time.perf_counter()
    max_prefix_tokens = None if surroundings is None else (await engine.info()).capabilities.max_prefix_tokens
    request = request_for(
        snapshot,
        hole,
        num_candidates=max(num_candidates, tried),
        max_prefix_chars=settings.max_prefix_chars,
        max_suffix_chars=settings.max_suffix_chars,
        deadline_ms=settings.deadline_ms,
        warm_start=warm_start,
        surroundings=surroundings,
        max_prefix_tokens=max_prefix_tokens,
    )
    draw = None if on_draft is None else lambda draft: on_draft(within_hole(snapshot, hole, draft))
    result = await engine.fill(request, draw)
    suggestions, reason = await _shown(snapshot, hole, result.candidates, num_candidates, min_confidence, settings)
    if not suggestions and reason is None:
        reason = result.reason or "the engine found nothing"
    elapsed_ms = (time.perf_counter() - start) * 1000
    return Outcome(suggestions, reason, hole, result.passes, elapsed_ms, result.model)


async def _shown(
    snapshot: Snapshot,
    hole: Hole,
    candidates: tuple[Candidate, ...],
    num_wanted: int,
    min_confidence: float,
    settings: Settings,
) -> tuple[tuple[Suggestion, ...], str | None]:
    """Shape and judge the candidates in the engine's order until enough may be shown, each text once."""
    seen: set[tuple[str, ...]] = set()
    shown: list[Suggestion] = []
    first_reason: str | None = None
    for candidate in candidates:
        if len(shown) == num_wanted:
            break
        text = shape(snapshot, hole, candidate.text)
        key = tuple(_TOKEN.findall(text))
        if key in seen:
            continue
        seen.add(key)
        reason = doubt(candidate.confidence, min_confidence, settings.min_confidence, snapshot.language)
        if reason is None:
            reason = misfit(snapshot, hole, text)
        if reason is None:
            reason = await broken_parse(snapshot, hole, text)
        if reason is None:
            shown.append(Suggestion(hole.start, hole.end, text, candidate.score, candidate.confidence))
        else:
            first_reason = first_reason or reason
    return tuple(shown), None if shown else first_reason
