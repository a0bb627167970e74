"""The local engine: tokenizer, adapter and denoising loop behind `engine.api.Filler`.

This is where text becomes a canvas and a canvas becomes text. It owns no thread and knows no transport; it is driven by
whoever pulls the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from dataclasses import replace
from typing import Any

from tokenizers import Tokenizer

from engine.api import (
    Candidate,
    Capabilities,
    Critic,
    Draft,
    EngineInfo,
    Filler,
    FillRequest,
    FillResult,
)
from engine.candidates import SCORED_SUFFIX_TOKENS, Fill, Judge, LogProbs, candidates
from engine.critic import Reviewer
from engine.deadline import Deadline, latest_sound
from engine.denoise import Step
from engine.drafts import Drafts, settled_fills
from engine.elastic_fill import can_resize, elastic_fill, elastic_rows, max_width
from engine.fill_steps import MAX_STEPS, fill_steps
from engine.forms import Forms
from engine.graphs import Programs
from engine.instruct import is_by_words, rewriting_by_words
from engine.layout import Row
from engine.likelihood import behind, likelihood
from engine.limits import Limits
from engine.loading import BUNDLED, denoising, device_of, folder_of
from engine.long_fill import Writer, goes_on, long_fill
from engine.models.adapter import Adapter
from engine.models.families import family_of
from engine.passes import Passes
from engine.profile import Profile
from engine.recent import RecentFills
from engine.request_checks import check
from engine.rewriter import Parts, rewriting
from engine.rows import branches, rows_for, rows_of_several, sized
from engine.seam import Seams, Seamstress
from engine.trace import Tracer
from engine.warm import find, warm
from engine.writing import as_written, can_write_on, ended

__all__ = ["BUNDLED", "LocalFiller", "folder_of", "load"]

# When half of the rows are done, the others have so many passes left: what takes much longer is rarely good.
_PATIENCE_PASSES = 1


def load(
    model: str,
    *,
    device: str | None = None,
    critic: Critic | None = None,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
    max_prefix_tokens: int | None = None,
) -> Filler:
    """Load a checkpoint: `bundled`, or the path of a folder in the published layout with its tokenizer.

    Fills of requests that name a language are shown to the critic. `precision` says how weights are kept: "auto" as the
    device has room for, or one of `engine.models.quantize.precision`. The experts of `offloaded_layers` stay in the
    machine's memory, and no more of a prefix is read than `max_prefix_tokens` (see `engine.fitted`).
    Raises: CheckpointError saying what is wrong with it.
    """
    folder, chosen = folder_of(model), device_of(device)
    if family_of(folder) == "causal":
        from engine import causal

        return causal.load(
            folder,
            device=chosen,
            critic=critic,
            precision=precision,
            offloaded_layers=offloaded_layers,
            max_prefix_tokens=max_prefix_tokens,
        )
    loaded = denoising(folder, chosen, precision, offloaded_layers, max_prefix_tokens)
    return LocalFiller(model, loaded.adapter, loaded.tokenizer, loaded.profile, critic)


class LocalFiller:
    """A loaded checkpoint that fills holes, one at a time."""

    def __init__(
        self,
        name: str,
        adapter: Adapter[Any],
        tokenizer: Tokenizer,
        profile: Profile,
        critic: Critic | None = None,
    ) -> None:
        self._name, self._adapter, self._profile, self._critic = name, adapter, profile, critic
        # A measurement listens in here.
        self.judge: Judge = profile.confidence.probability if profile.confidence else lambda _: None
        self.prefixes = adapter.prefixes  # its counts are a measurement too
        # A plan bounds them, as it does the prefixes (`engine.fitted`).
        self.recordings: Programs | None = getattr(getattr(adapter, "static_passes", None), "programs", None)
        self._seamstress = Seamstress(tokenizer, adapter.vocab_size, adapter.edge_tokens)
        self._recent = RecentFills()
        self._drafts = Drafts(self._seamstress.token_texts, profile.slack_token_id)
        self._limits = Limits(adapter, profile, self._seamstress)
        self._forms = Forms(self._seamstress, profile)
        self._writer = Writer(adapter, profile, self._seamstress, self._limits, self._drafts)
        parts = (name, adapter, profile, self._seamstress, self._forms, self._limits.pad_id, self._limits.never_ids)
        self._parts = Parts(*parts, steps=self._steps, draft_tokens=self._drafts.of)

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
                slack=self._profile.knows_slack or self._profile.resizes_holes,
                max_canvas_tokens=self._profile.canvas_tokens,
                max_prefix_tokens=self._profile.max_prefix_tokens,
                several_holes=True,
                rewriting=True,
                instructions=self._forms.takes_instructions,
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
        check(request, MAX_STEPS, takes_instructions=self._forms.takes_instructions)
        deadline = Deadline(request.deadline_ms)
        if is_by_words(request):
            return (yield from rewriting_by_words(self._writer, self._forms, request, self._name, deadline))
        if request.original is not None:
            return (yield from rewriting(self._parts, request))
        further = self._seamstress.further(request)
        betweens = [seam.between_ids for seam in further]
        rows = rows_of_several(request, self._profile, betweens) if further else rows_for(request, self._profile)
        resizes, widest = can_resize(request, self._profile), rows[0].num_tokens
        if resizes:
            rows, widest = elastic_rows(request, self._profile), max_width(request, self._profile)
        lead_budget = self._forms.max_lead_tokens(request, widest)
        profile = sized(self._profile, rows, lead_budget)
        # A narrower row has room for more of the suffix; what a wider one has no room for is not laid out.
        narrowest = widest if resizes else min(row.width for row in rows)
        suffix_budget = profile.canvas_tokens - narrowest
        seams = replace(self._forms.cut(request, suffix_budget, lead_budget), further=further)
        if goes_on(request, self._profile):
            return (yield from self._long(request, seams, deadline, profile))
        rows = [replace(row, lead_ids=seams.lead_ids) for row in rows]
        prefix = self._adapter.prefill(seams.prefix_ids)
        prefill_ms = deadline.elapsed_ms
        limits, others = self._limits.of(request, seams), zip(request.further_holes, further, strict=True)
        more = tuple(self._limits.of(replace(request, multiline=hole.multiline), seam) for hole, seam in others)
        passes = Passes(self._adapter, profile, seams, prefix, limits, self._limits.pad_id, more)
        rest_ids = seams.suffix_ids[SCORED_SUFFIX_TOKENS:]
        scores = likelihood(self._adapter, prefix, rest_ids, self._profile.mask_token_id)
        logprobs = behind(scores, seams.lead_ids) if seams.lead_ids else scores
        last = find(self._recent, request, self._profile.knows_slack)
        if last is not None:
            fills, num_passes = yield from warm(last, rows[0].width, passes, self._seamstress, deadline)
            is_sound = _is_sound(self._reviewer(request, rows, seams))
            found = self._candidates(request, fills, seams, logprobs, is_sound)
            return self._result(request, found, num_passes, prefill_ms, deadline)
        if resizes:
            texts, never = self._seamstress.token_texts, self._limits.never(request)
            fills, num_passes = yield from elastic_fill(passes, rows, request, never, texts, deadline)
            is_sound = _is_sound(self._reviewer(request, rows, seams))
            found = self._candidates(request, fills, seams, logprobs, is_sound)
            return self._result(request, found, num_passes, prefill_ms, deadline)
        # Rows of several widths are guesses of the length: the short ones are done first and need not be the best.
        patience = _PATIENCE_PASSES if len({row.width for row in rows}) == 1 else MAX_STEPS
        num_passes, step = 0, None
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
            passes = replace(passes, limits=self._limits.of(asked, seams))
        if tracer:
            tracer.begin(passes.lay_out(rows), keep_accepted=self._profile.noise == "mask")
        reviewer = self._reviewer(request, rows, seams)
        never, watched_by = self._limits.never(asked), None if writes_on else reviewer
        for step in fill_steps(asked, passes, rows, never, watched_by, completes=not writes_on):
            num_passes += 1
            trace = tracer.denoised(step, step.suspect) if tracer else None
            draft = self._drafts.written(step, rows[0]) if writes_on else self._drafts.of(step, rows[0])
            yield Draft(num_passes, draft[len(seams.lead_ids) :], deadline.elapsed_ms, trace)
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

    def _long(
        self, request: FillRequest, seams: Seams, deadline: Deadline, last: Profile
    ) -> Generator[Draft, None, FillResult]:
        """Fill a hole that may be longer than one canvas."""
        ending = self._forms.ending_of(request)
        fills, written = yield from long_fill(self._writer, request, seams, ending, deadline, last)
        rest_ids = seams.suffix_ids[SCORED_SUFFIX_TOKENS:]
        prefix = self._adapter.prefill([*seams.prefix_ids, *seams.lead_ids])
        logprobs = likelihood(self._adapter, prefix, rest_ids, self._profile.mask_token_id)
        found = self._candidates(request, fills, seams, logprobs, _is_sound(None))
        return self._result(request, found, written.num_passes, written.prefill_ms, deadline)

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

    def _steps(self, request: FillRequest, passes: Passes, rows: list[Row]) -> Generator[Step, None, None]:
        return fill_steps(request, passes, rows, self._limits.never(request))

    def _reviewer(self, request: FillRequest, rows: list[Row], seams: Seams) -> Reviewer | None:
        # Inside a word a fill says again what follows it, which a critic of text would take for a fault.
        if self._critic is None or not request.language or not request.max_syntax_rounds or seams.rest:
            return None
        text_of, slack_token_id = self._seamstress.text, self._profile.slack_token_id
        return Reviewer(self._critic, request, rows, seams, text_of, slack_token_id)


def _is_sound(reviewer: Reviewer | None) -> Callable[[tuple[str, ...]], bool]:
    return reviewer.is_sound if reviewer else lambda _: True
