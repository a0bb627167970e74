"""The boundary of the engine: plain data and protocols, standard library only.

Text goes in, text comes out. It knows no tensors, no documents and no protocol of any editor; importing it is cheap.
Everything here is a frozen value, safe to hand between threads and, through `engine.wire`, between processes.

    EngineError              the engine could not answer
    ├── EngineUnavailable    no engine can be reached or started; the message says what the user can do
    ├── CheckpointError      the checkpoint is missing, broken or of an unknown kind
    └── RequestError         the request itself cannot be served (too long, contradictory)
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, Protocol

NoiseKind = Literal["mask", "uniform"]
TokenState = Literal["noise", "accepted"]
PassKind = Literal["probe", "denoise"]


class EngineError(Exception):
    """The engine could not answer; the text is one line that a user can act on."""


class EngineUnavailable(EngineError):
    """No engine host can be reached or started on this machine."""


class CheckpointError(EngineError):
    """The checkpoint cannot be loaded: no such folder, missing or broken weights, an unknown architecture."""


class RequestError(EngineError):
    """This request cannot be served by this engine, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a checkpoint and its adapter can do; the server offers nothing else."""

    # What stands at a position that is not known yet: a mask token, a random token, or none: there is no canvas.
    noise: Literal[NoiseKind, "none"]
    known_positions: bool  # the suffix can be held fixed on the canvas
    slack: bool  # the checkpoint marks unused hole positions itself, so a hole's length need not be known
    max_canvas_tokens: int  # hole and suffix head together
    max_prefix_tokens: int
    several_holes: bool = False  # holes with fixed code between them are filled together, on one canvas
    rewriting: bool = False  # existing code can be the start of a fill
    instructions: bool = False  # rewriting takes the user's words for what is to change


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who answers: shown by `doctor`, in status messages and beside every result."""

    model: str
    device: str
    dtype: str
    num_parameters: int
    capabilities: Capabilities
    plan: str = ""  # how it was fitted into the device's memory, and why so; empty: there was nothing to choose


@dataclass(frozen=True, slots=True)
class FurtherHole:
    """Another hole of the same request: the fixed text between it and the hole before, and what it may hold."""

    between: str
    multiline: bool = False
    max_hole_tokens: int = 32


@dataclass(frozen=True, slots=True)
class FillRequest:
    """One hole: the text before it, the text after it, and what a good answer may look like.

    `further_holes` are filled together with it. With `original` the hole is not empty: that text is rewritten. A share
    `noise` of its tokens is let go of, those that the model doubts most, and written anew; the rest stays as it is.
    """

    prefix: str
    suffix: str
    starts_file: bool = True  # nothing stands before the prefix
    ends_file: bool = True  # nothing stands after the suffix
    multiline: bool = False  # the fill may hold line breaks
    max_hole_tokens: int = 32
    exact_hole_tokens: int | None = None  # the fill's length, where it is known: what a measurement compares with
    num_candidates: int = 1
    max_denoising_steps: int | None = None  # None: as many as the engine finds enough
    deadline_ms: int | None = None  # from the moment the engine starts on it; then the best draft is returned
    seed: int = 0
    language: str = ""  # of the text, by its language id: what a critic goes by; without one no critic is asked
    max_syntax_rounds: int = 3  # how often at most what a critic finds is written anew; 0: no critic is asked
    warm_start: bool = False  # go on from an earlier fill of this hole, a few keystrokes ago, where there is one
    trace: bool = False  # every draft carries what its pass did, position by position
    further_holes: tuple[FurtherHole, ...] = ()  # from left to right
    original: str | None = None
    noise: float = 1.0  # 0: nothing changes; 1: all that is not locked is written anew
    locked: tuple[tuple[int, int], ...] = ()  # where `original` stays as it is: offsets of code points, start and end
    instruction: str | None = None  # what the user wants of the rewriting, where the engine takes instructions


@dataclass(frozen=True, slots=True)
class DraftToken:
    """One hole position of a draft: its text, and whether this step accepted it. Slack positions have no text."""

    text: str
    state: TokenState


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One row of a pass, by canvas position: from the hole's first to the last one that is free.

    All but `tokens` and `entropy` list positions, counted from 0. Accepted so far is what passes accepted and no later
    one re-noised.
    """

    tokens: tuple[str, ...]  # the draft; slack has no text
    entropy: tuple[float | None, ...]  # nats, of what the pass decided by; None where it predicted nothing
    known: tuple[int, ...]  # given, never predicted
    slack: tuple[int, ...]  # they stand for nothing
    accepted: tuple[int, ...]  # by this pass
    renoised: tuple[int, ...]  # accepted before this pass, noise after it
    suspect: tuple[int, ...]  # a critic doubts them


@dataclass(frozen=True, slots=True)
class PassTrace:
    """What one pass did to each row of its batch. A probe looks at a hole of noise and decides nothing."""

    kind: PassKind
    ms: float
    rows: tuple[RowTrace, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The hole as one denoising step left it. `step` counts from 1."""

    step: int
    tokens: tuple[DraftToken, ...]
    elapsed_ms: float
    trace: PassTrace | None = None  # where the request asks for it and the engine can tell

    @property
    def text(self) -> str:
        """The draft as text, slack left out."""
        return "".join(token.text for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One filled hole. `score` orders the candidates of one fill (nats, at most 0; higher is better).

    Those that a critic doubts come last, whatever their scores.
    The score is the log-probability of the fill and of what follows it, over a power of the number of tokens.
    """

    text: str
    score: float
    num_tokens: int
    further_texts: tuple[str, ...] = ()  # of the further holes
    confidence: float | None = None  # the probability, in [0, 1], that it is exactly right; None: nobody has measured


@dataclass(frozen=True, slots=True)
class FillResult:
    """The candidates, best first, and what they cost. `reason` says why there is none, and is None otherwise."""

    candidates: tuple[Candidate, ...]
    passes: int  # denoising steps run for the whole request
    prefill_ms: float
    total_ms: float
    model: str
    reason: str | None = None


class Critic(Protocol):
    """Tells which part of a fill cannot stand where it is, by the rules of the request's language."""

    def __call__(self, request: FillRequest, fill: str) -> tuple[tuple[int, int], ...]:
        """Return the suspect spans of the fill in code points, half-open, first the one to blame; none: it is sound.

        An empty span at the fill's end says that the fill cannot end there.
        """


class Filler(Protocol):
    """A loaded checkpoint, driven from one thread: a generator of drafts that returns the result.

    The caller cancels by closing the generator; that frees what the fill held and takes effect before the next step.
    """

    @property
    def info(self) -> EngineInfo:
        """Who answers."""

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        """Denoise the hole, yielding a draft after every step. Raises RequestError, CheckpointError."""


class Engine(Protocol):
    """What the language server talks to. Cancelling the awaiting task cancels the fill within one denoising step."""

    async def info(self) -> EngineInfo:
        """Who answers. Starts the host when there is none. Raises EngineError."""

    async def fill(self, request: FillRequest, on_draft: Callable[[Draft], None] | None = None) -> FillResult:
        """Fill one hole, reporting a draft after every denoising step. Raises EngineError."""

    async def aclose(self) -> None:
        """Let go of connections. Never raises."""


def finish(fill: Generator[Draft, None, FillResult]) -> FillResult:
    """Pull a fill to its end, looking at no draft, and return the result. Raises what the fill raises."""
    while True:
        try:
            next(fill)
        except StopIteration as stop:
            result: FillResult = stop.value
            return result
