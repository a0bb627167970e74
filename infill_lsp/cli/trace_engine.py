"""A fill through the common pipeline whose engine is asked for a trace, and all that it answered.

It knows engines and the pipeline; it draws nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.api import Draft, Engine, EngineInfo, FillRequest, FillResult, RequestError
from infill_lsp.fill import Outcome, fill
from infill_lsp.holes.hole import Hole
from infill_lsp.settings.settings import Settings
from infill_lsp.text.document import Snapshot


@dataclass(frozen=True, slots=True)
class Traced:
    """A fill and its passes. Without a hole there is no draft and no result."""

    outcome: Outcome
    drafts: tuple[Draft, ...] = ()
    result: FillResult | None = None

    @property
    def shown(self) -> str | None:
        """The engine's text of the suggestion that is shown, as it was before it was shaped to fit; None if none is."""
        if self.result is None or not self.outcome.suggestions:
            return None
        score = self.outcome.suggestions[0].score
        return next((candidate.text for candidate in self.result.candidates if candidate.score == score), None)


async def traced_fill(
    snapshot: Snapshot, hole: Hole, engine: Engine, settings: Settings, on_change: Callable[[Sequence[Draft]], None]
) -> Traced:
    """Fill a hole; `on_change` gets all drafts so far whenever there is one more.

    Raises EngineError; of an engine that traces nothing as soon as it shows that, which ends its fill.
    """
    tracing = _TracingEngine(engine, on_change, settings.model)
    outcome = await fill(snapshot, hole, tracing, settings)
    return Traced(outcome, tuple(tracing.drafts), tracing.result)


class _TracingEngine:
    """An engine that asks another one for traces, and keeps what it answered."""

    def __init__(self, engine: Engine, on_change: Callable[[Sequence[Draft]], None], model: str) -> None:
        self._engine, self._on_change, self._model = engine, on_change, model
        self.drafts: list[Draft] = []
        self.result: FillResult | None = None

    async def info(self) -> EngineInfo:
        return await self._engine.info()

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        def keep(draft: Draft) -> None:
            if draft.trace is None:
                advice = "choose another with --model"
                raise RequestError(f"{self._model} gives no trace of how it fills this hole; {advice}")
            if draft.step == 1:  # The engine may have been started again; what it showed before is void then.
                self.drafts.clear()
            self.drafts.append(draft)
            self._on_change(self.drafts)
            if on_draft is not None:
                on_draft(draft)

        self.result = await self._engine.fill(dataclasses.replace(request, trace=True), keep)
        return self.result

    async def aclose(self) -> None:
        await self._engine.aclose()
