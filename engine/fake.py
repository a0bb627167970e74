"""A scripted engine, for tests and for work on editors: it answers what it was told, in drafts, without a model.

Everything is deterministic: the same request gives the same drafts. Nothing sleeps; a gate holds a fill between two
denoising steps until the test opens it. It knows no tensors, no documents and no protocol of any editor.
`python -m engine.host --model fake:TEXT` serves it over the real socket.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import threading
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass

from .api import (
    Candidate,
    Capabilities,
    Draft,
    DraftToken,
    EngineInfo,
    FillRequest,
    FillResult,
    RequestError,
)

INFO = EngineInfo(
    model="fake",
    device="none",
    dtype="none",
    num_parameters=0,
    capabilities=Capabilities(
        noise="mask",
        known_positions=True,
        slack=True,
        max_canvas_tokens=4096,
        max_prefix_tokens=65536,
        several_holes=True,
        rewriting=True,
    ),
)

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")


@dataclass(frozen=True, slots=True)
class Script:
    """What a fill shows and answers.

    `texts` are the candidates, best first, the same for every hole of the request, and `confidences` how sure the
    engine is of the first of them; the drafts show the first. An empty tuple answers no candidate, for `reason`.

    In the texts `{name}` stands for the last word left of the hole, `{holes}` for how many holes the request has,
    `{noise}` and `{instruction}` for what it says. A rewriting with `replace` answers the original with these pairs,
    old and new, applied outside of what is locked; without noise it gives back the original, whatever the script says.
    More than `most_holes` do not fit. `fail_at` is the step, counted from 1, that raises `error` instead of running.
    """

    texts: tuple[str, ...]
    num_drafts: int = 4
    reason: str | None = None
    fail_at: int | None = None
    error: Exception | None = None
    confidences: tuple[float, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    most_holes: int | None = None

    def __post_init__(self) -> None:
        if not self.texts and self.reason is None:
            raise ValueError("a script without texts needs a reason")
        if (self.fail_at is None) != (self.error is None):
            raise ValueError("fail_at and error belong together")


Scripted = Script | str | Callable[[FillRequest], Script]


class Gate:
    """Hold a ScriptedEngine before one step: `reached` tells that a fill waits there, `opened` lets it go on.

    The step after the last one is the moment before the result.
    """

    def __init__(self, before: int) -> None:
        self.before = before
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, step: int) -> None:
        """Wait, if this is the step to wait before."""
        if step == self.before:
            self.reached.set()
            await self.opened.wait()


class ThreadGate:
    """The same for a ScriptedFiller, which a thread drives."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, step: int) -> None:
        """Wait, if this is the step to wait before."""
        if step == self.before:
            self.reached.set()
            self.opened.wait()


class ScriptedFiller:
    """A Filler that follows a script.

    `requests` lists every request that was begun, `steps_run` counts the steps of all fills, `num_closed` the fills
    that were closed before their end.
    """

    def __init__(self, script: Scripted, *, gate: Callable[[int], None] | None = None) -> None:
        self._script = script
        self._gate = gate
        self.requests: list[FillRequest] = []
        self.steps_run = 0
        self.num_closed = 0

    @property
    def info(self) -> EngineInfo:
        """Who answers."""
        return INFO

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        """Yield the script's drafts and return its result."""
        self.requests.append(request)
        script = _script_for(self._script, request)
        texts = _texts(script, request)
        betweens = ["", *(hole.between for hole in request.further_holes)]
        text = "".join(part for pair in zip(betweens, texts[0], strict=False) for part in pair) if texts else ""
        try:
            for step in range(1, script.num_drafts + 2):
                if self._gate is not None:
                    self._gate(step)
                if step > script.num_drafts:
                    break
                if script.fail_at == step and script.error is not None:
                    raise script.error
                self.steps_run += 1
                yield Draft(step, draft_tokens(text, step, script.num_drafts, request.seed), float(step))
        except GeneratorExit:
            self.num_closed += 1
            raise
        return _result(script, request)


class ScriptedEngine:
    """An Engine that follows a script on the event loop, with the same records as ScriptedFiller.

    `num_cancelled` counts the fills whose task was cancelled; `closed` tells that `aclose` was called.
    """

    def __init__(self, script: Scripted, *, gate: Callable[[int], Awaitable[None]] | None = None) -> None:
        self._filler = ScriptedFiller(script)
        self._gate = gate
        self.num_cancelled = 0
        self.closed = False

    @property
    def requests(self) -> list[FillRequest]:
        """Every request that was begun, oldest first."""
        return self._filler.requests

    @property
    def steps_run(self) -> int:
        """The denoising steps of all fills."""
        return self._filler.steps_run

    async def info(self) -> EngineInfo:
        """Who answers."""
        return self._filler.info

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        """Report the script's drafts and return its result, giving way to other tasks before every step."""
        fill = self._filler.fill(request)
        step = 0
        try:
            while True:
                step += 1
                await asyncio.sleep(0)
                if self._gate is not None:
                    await self._gate(step)
                draft = next(fill)
                if on_draft is not None:
                    on_draft(draft)
        except StopIteration as end:
            result: FillResult = end.value
            return result
        except asyncio.CancelledError:
            self.num_cancelled += 1
            raise
        finally:
            fill.close()

    async def aclose(self) -> None:
        """Note that the caller let go."""
        self.closed = True


def draft_tokens(text: str, step: int, num_steps: int, seed: int) -> tuple[DraftToken, ...]:
    """Show `text` after `step` of `num_steps` steps: tokens are accepted in an order of the seed, the rest is noise."""
    tokens: list[str] = _TOKEN.findall(text)
    order = list(range(len(tokens)))
    random.Random(seed).shuffle(order)
    accepted = set(order[: len(tokens) * step // num_steps])
    return tuple(
        DraftToken(token, "accepted") if index in accepted else DraftToken("_" * len(token), "noise")
        for index, token in enumerate(tokens)
    )


def _script_for(script: Scripted, request: FillRequest) -> Script:
    if request.original is not None and request.noise == 0:
        return Script((request.original,), num_drafts=0)
    if isinstance(script, str):
        return Script((script,))
    found = script if isinstance(script, Script) else script(request)
    num_holes = 1 + len(request.further_holes)
    if found.most_holes is not None and num_holes > found.most_holes:
        raise RequestError(f"{num_holes} holes do not fit a canvas")
    return found


def _texts(script: Script, request: FillRequest) -> list[tuple[str, ...]]:
    """Return the candidates, each a text for every hole of the request."""
    if request.original is not None and script.replace:
        return [(_replaced(script.replace, request),)]
    befores = (request.prefix, *(hole.between for hole in request.further_holes))
    return [tuple(_told(text, request, before) for before in befores) for text in script.texts]


def _told(text: str, request: FillRequest, before: str) -> str:
    if "{" not in text:  # What is measured beside a script should not wait for it to read a whole file.
        return text
    words = re.findall(r"\w+", before)
    told = {"name": words[-1] if words else "", "holes": 1 + len(request.further_holes), "noise": request.noise}
    for key, value in {**told, "instruction": request.instruction}.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def _replaced(pairs: tuple[tuple[str, str], ...], request: FillRequest) -> str:
    original = request.original or ""
    edges = [0, *(edge for span in sorted(request.locked) for edge in span), len(original)]
    parts = [original[start:end] for start, end in itertools.pairwise(edges)]
    for old, new in pairs:
        parts[::2] = [part.replace(old, _told(new, request, request.prefix)) for part in parts[::2]]
    return "".join(parts)


def _result(script: Script, request: FillRequest) -> FillResult:
    texts = _texts(script, request)[: request.num_candidates]
    candidates = tuple(
        Candidate(
            first,
            -0.125 * (index + 1),
            len(_TOKEN.findall(first)),
            further_texts=tuple(others),
            confidence=script.confidences[index] if index < len(script.confidences) else None,
        )
        for index, (first, *others) in enumerate(texts)
    )
    total_ms = float(script.num_drafts)
    return FillResult(candidates, script.num_drafts, 0.0, total_ms, INFO.model, None if candidates else script.reason)
