"""The local engine: tokenizer, adapter and denoising loop behind `engine.api.Filler`.

This is where text becomes a canvas and a canvas becomes text. It owns no thread and knows no transport; it is driven by
whoever pulls the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer

from engine.api import (
    Candidate,
    Capabilities,
    CheckpointError,
    Critic,
    Draft,
    EngineInfo,
    FillRequest,
    FillResult,
    RequestError,
)
from engine.candidates import Fill, Judge, LogProbs, candidates
from engine.constraints import Constraints, constraints
from engine.critic import Reviewer, begun_places
from engine.deadline import Deadline, latest_sound
from engine.denoise import Step, denoise
from engine.denoise_config import DenoiseConfig
from engine.drafts import Drafts, settled_fills
from engine.layout import Row
from engine.models import checkpoint
from engine.models.diffusion_gemma import DiffusionGemma
from engine.passes import Passes
from engine.profile import Profile, read
from engine.recent import RecentFills
from engine.rewriter import Parts, rewriting
from engine.rows import branches, rows_for, rows_of_several
from engine.seam import FurtherSeam, Seams, Seamstress
from engine.trace import Tracer
from engine.warm import find, warm
from engine.writing import as_written, can_write_on, ended

BUNDLED = Path(__file__).parent / "bundled"
# When half of the rows are done, the others have so many passes left: what takes much longer is rarely good.
_PATIENCE_PASSES = 1
# Steps of a fill that is not written on and on (engine/writing.py), where the request does not say.
_MAX_STEPS = 16
# How far ahead a pass looks whose reading is followed: it rarely holds for longer.
_REACH = 12


def load(model: str, *, device: str | None = None, critic: Critic | None = None) -> LocalFiller:
    """Load a checkpoint: `bundled`, or the path of a folder in the published layout with a `tokenizer.json`.

    Fills of requests that name a language are shown to the critic.
    Raises: CheckpointError saying what is wrong with it.
    """
    folder = folder_of(model)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # The published classes gain nothing from bfloat16 on a CPU; `engine.models.dense` chooses for itself.
    adapter = checkpoint.load(folder, device=chosen, dtype=torch.float32 if chosen.type == "cpu" else None)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # The library raises bare Exception for a missing and for a broken file alike.
        raise CheckpointError(f"{folder}: no usable tokenizer.json there; download the checkpoint again") from error
    return LocalFiller(model, adapter, tokenizer, read(adapter.declared, adapter.max_canvas_tokens), critic)


def folder_of(model: str) -> Path:
    """Return the folder of a checkpoint by its name or path; it need not be there."""
    return BUNDLED if model == "bundled" else Path(model).expanduser()


class LocalFiller:
    """A loaded checkpoint that fills holes, one at a time."""

    def __init__(
        self,
        name: str,
        adapter: DiffusionGemma,
        tokenizer: Tokenizer,
        profile: Profile,
        critic: Critic | None = None,
    ) -> None:
        self._name, self._adapter, self._profile, self._critic = name, adapter, profile, critic
        # A measurement listens in here.
        self.judge: Judge = profile.confidence.probability if profile.confidence else lambda _: None
        self.prefixes = adapter.prefixes  # its counts are a measurement too
        self._seamstress = Seamstress(tokenizer, adapter.vocab_size)
        self._recent = RecentFills()
        self._drafts = Drafts(self._seamstress.token_texts, profile.slack_token_id)
        self._pad_id = self._seamstress.id_of("<pad>") or 0
        named = (self._seamstress.id_of("<bos>", "<s>"), self._seamstress.id_of("<eos>", "</s>"), self._pad_id)
        textless = tuple(index for index, text in enumerate(self._seamstress.token_texts) if not text)
        never = {*adapter.unwritable_ids, *textless, *(index for index in named if index is not None)}
        self._forbidden_ids = tuple(sorted(never - {profile.slack_token_id}))
        parts = (name, adapter, profile, self._seamstress, self._pad_id, self._forbidden_ids)
        steps = partial(self._steps, reviewer=None)
        self._parts = Parts(*parts, steps=steps, draft_tokens=self._drafts.of)

    @property
    def info(self) -> EngineInfo:
        """Who answers."""
        return EngineInfo(
            model=self._name,
            device=str(self._adapter.device),
            dtype=str(self._adapter.dtype).removeprefix("torch."),
            num_parameters=self._adapter.num_parameters,
            capabilities=Capabilities(
                noise=self._profile.noise,
                known_positions=True,
                slack=self._profile.knows_slack,
                max_canvas_tokens=self._profile.canvas_tokens,
                max_prefix_tokens=self._profile.max_prefix_tokens,
                several_holes=True,
                rewriting=True,
            ),
        )

    def forget_prefixes(self) -> None:
        """Free what is remembered of earlier fills; the next one begins cold."""
        self._adapter.forget_prefixes()
        self._recent.clear()

    def num_hole_tokens(self, request: FillRequest, fill: str) -> int:
        """Return how many hole tokens a text takes in this request's hole, the typed half of a token among them."""
        return self._seamstress.num_hole_tokens(request, fill)

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        """Denoise the hole, yielding a draft after every step. Raises RequestError."""
        _check(request)
        if request.original is not None:
            return (yield from rewriting(self._parts, request))
        deadline = Deadline(request.deadline_ms)
        further = self._seamstress.further(request)
        betweens = [seam.between_ids for seam in further]
        rows = rows_of_several(request, self._profile, betweens) if further else rows_for(request, self._profile)
        suffix_budget = self._profile.canvas_tokens - rows[0].num_tokens
        seams = replace(self._seamstress.cut(request, self._profile.max_prefix_tokens, suffix_budget), further=further)
        prefix = self._adapter.prefill(seams.prefix_ids)
        prefill_ms = deadline.elapsed_ms
        limits, others = self._constraints(request, seams), zip(request.further_holes, further, strict=True)
        more = tuple(self._constraints(replace(request, multiline=hole.multiline), seam) for hole, seam in others)
        passes = Passes(self._adapter, self._profile, seams, prefix, limits, self._pad_id, more)
        logprobs = partial(self._adapter.autoregressive_logprob, prefix)
        last = find(self._recent, request, self._profile.knows_slack)
        if last is not None:
            fills, num_passes = yield from warm(last, rows[0].width, passes, self._seamstress, deadline)
            is_sound = _is_sound(self._reviewer(request, rows, seams))
            found = self._candidates(request, fills, seams, logprobs, is_sound)
            return self._result(request, found, num_passes, prefill_ms, deadline)
        num_passes, step, patience = 0, None, _PATIENCE_PASSES
        steps: list[Step] = []
        tracer = Tracer(self._seamstress.token_texts, self._profile.slack_token_id) if request.trace else None
        slack_token_id, is_late = self._profile.slack_token_id, deadline.leaves_no_pass()
        if slack_token_id is not None and rows[0].length != 1 and not is_late:  # A lone token is not worth a branch.
            logits, canvas = passes.probe(rows[0]), passes.lay_out(rows[:1])
            num_passes = 1
            trace = tracer.probed(logits, passes.lay_out(rows)) if tracer else None
            ids = canvas.known_ids.masked_scatter(canvas.free, logits.argmax(-1))[0]
            yield Draft(1, self._drafts.tokens(ids, rows[0]), deadline.elapsed_ms, trace)
            rows = branches(logits, rows[0], request.num_candidates, slack_token_id)
            deadline.leaves_no_pass()  # One step is run in any case.
        writes_on = can_write_on(request, self._profile)
        asked = as_written(request, rows[0].width) if writes_on else request
        if writes_on:
            rows = [replace(row, length=asked.exact_hole_tokens) for row in rows]
            passes = replace(passes, limits=self._constraints(asked, seams))
        if tracer:
            tracer.begin(passes.lay_out(rows), keep_accepted=self._profile.noise == "mask")
        reviewer = self._reviewer(request, rows, seams)
        for step in self._steps(asked, passes, rows, None if writes_on else reviewer):
            num_passes += 1
            trace = tracer.denoised(step, step.suspect) if tracer else None
            before = steps[-1] if steps else None
            draft = self._drafts.written(step, before, rows[0]) if writes_on else self._drafts.of(step, rows[0])
            yield Draft(num_passes, draft, deadline.elapsed_ms, trace)
            steps = [*steps, step] if reviewer and not writes_on else [step]
            if is_late := deadline.leaves_no_pass():
                break
            if 2 * int(step.finished.sum()) >= len(rows):
                patience -= 1
                if patience < 0:
                    break
        assert step is not None
        is_sound = _is_sound(reviewer)
        if writes_on:
            breaks = self._seamstress.line_break_set
            fills = ended(step, rows, passes, breaks, multiline=request.multiline)
        else:
            fills = settled_fills(step, rows, slack_token_id)
        if is_late and reviewer and not writes_on:
            drafts = (settled_fills(earlier, rows, slack_token_id) for earlier in reversed(steps))
            fills = latest_sound(drafts, seams, self._seamstress.text, is_sound) or fills
        found = self._candidates(request, fills, seams, logprobs, is_sound)
        return self._result(request, found, num_passes, prefill_ms, deadline)

    def _candidates(
        self,
        request: FillRequest,
        fills: list[Fill],
        seams: Seams,
        logprobs: LogProbs,
        is_sound: Callable[[tuple[str, ...]], bool],
    ) -> tuple[Candidate, ...]:
        return candidates(
            fills,
            seams,
            self._seamstress,
            logprobs,
            self.judge if self._profile.knows_language(request.language) else lambda _: 0.0,
            is_sound,
            multiline=request.multiline,
            num_wanted=request.num_candidates,
        )

    def _result(
        self, request: FillRequest, found: tuple[Candidate, ...], passes: int, prefill_ms: float, deadline: Deadline
    ) -> FillResult:
        self._recent.remember(request, found)
        return FillResult(
            candidates=found[: request.num_candidates],
            passes=passes,
            prefill_ms=prefill_ms,
            total_ms=deadline.elapsed_ms,
            model=self._name,
            reason=None if found else "the model has nothing to add here",
        )

    def _reviewer(self, request: FillRequest, rows: list[Row], seams: Seams) -> Reviewer | None:
        # Inside a word a fill says again what follows it, which a critic of text would take for a fault.
        if self._critic is None or not request.language or not request.max_syntax_rounds or seams.rest:
            return None
        text_of, slack_token_id = self._seamstress.text, self._profile.slack_token_id
        return Reviewer(self._critic, request, rows, seams, text_of, slack_token_id)

    def _steps(
        self, request: FillRequest, passes: Passes, rows: list[Row], reviewer: Reviewer | None = None
    ) -> Generator[Step, None, None]:
        profile, adapter = self._profile, self._adapter
        absorbing = profile.noise == "mask"
        config = DenoiseConfig(
            vocab_size=adapter.vocab_size,
            noise=profile.noise,
            mask_token_id=profile.mask_token_id,
            slack_token_id=passes.slack_of(rows[0]),
            forbidden_ids=self._never(request),
            max_denoising_steps=request.max_denoising_steps or _MAX_STEPS,
            follow_reading=absorbing and request.exact_hole_tokens is not None,
            reach=_REACH,
            keep_accepted=absorbing,
            greedy=absorbing,
            self_conditioning=profile.self_conditioning,
        )
        generator = torch.Generator(adapter.device).manual_seed(request.seed)
        canvas = passes.lay_out(rows)
        if reviewer is None:
            yield from denoise(passes.forward(rows), canvas, config, generator)
            return
        # What a row begins with is no more certain than the rest of it, once a critic may doubt it.
        begun = begun_places(rows, canvas) if absorbing else torch.zeros_like(canvas.known)
        canvas = replace(canvas, known=canvas.known & ~begun)
        yield from denoise(passes.forward(rows, reviewer.over), canvas, config, generator, reviewer, begun)

    def _constraints(self, request: FillRequest, seams: Seams | FurtherSeam) -> Constraints:
        breaks = self._seamstress.line_break_ids
        return constraints(
            self._adapter.vocab_size,
            self._adapter.device,
            never=self._never(request) if request.multiline else (*self._never(request), *breaks),
            first_ids=seams.first_ids,
            never_first=breaks,
        )

    def _never(self, request: FillRequest) -> tuple[int, ...]:
        slack_token_id = self._profile.slack_token_id
        if request.exact_hole_tokens is None or slack_token_id is None:
            return self._forbidden_ids
        return (*self._forbidden_ids, slack_token_id)


def _is_sound(reviewer: Reviewer | None) -> Callable[[tuple[str, ...]], bool]:
    return reviewer.is_sound if reviewer else lambda _: True


def _check(request: FillRequest) -> None:
    widest = (hole.max_hole_tokens for hole in request.further_holes)
    steps = _MAX_STEPS if request.max_denoising_steps is None else request.max_denoising_steps
    counts = (request.num_candidates, steps, request.max_hole_tokens, *widest)
    if min(counts) < 1 or (request.exact_hole_tokens is not None and request.exact_hole_tokens < 1):
        raise RequestError("candidates, denoising steps and hole tokens must each be at least 1")
    if request.instruction is not None:
        raise RequestError("this checkpoint takes no instructions")
    if not all(hole.between for hole in request.further_holes):
        raise RequestError("two holes with nothing between them are one hole")
