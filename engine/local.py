"""The local engine: tokenizer, adapter and denoising loop behind `engine.api.Filler`.

This is where text becomes a canvas and a canvas becomes text. It owns no thread and knows no transport; it is driven by
whoever pulls the generator.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.api import (
    Candidate,
    Capabilities,
    CheckpointError,
    Draft,
    DraftToken,
    EngineInfo,
    FillRequest,
    FillResult,
    RequestError,
)
from engine.canvas import Canvas
from engine.constraints import Constraints, constraints
from engine.denoise import DenoiseConfig, Forward, Step, denoise
from engine.guidance import Guidance, guided
from engine.layout import Row, hole_ids, lay_out
from engine.length import decide_slack
from engine.models import checkpoint
from engine.models.diffusion_gemma import DiffusionGemma, Prefix
from engine.profile import Profile, read
from engine.seam import Seams, Seamstress

BUNDLED = Path(__file__).parent / "bundled"
_MAX_ROWS = 8
# The causal reading's share of a guided pass (engine/guidance.py).
_CAUSAL_SHARE = 0.6
# So many beginnings are tried even where one fill is asked for: the best is right far more often than the first.
_MIN_TRIED = 2
# A first token this unlikely begins no candidate worth its arithmetic; two are tried in any case.
_MIN_FIRST_PROBABILITY, _MIN_ROWS = 0.02, 2
# When half of the rows are done, the others have so many passes left: what takes much longer is rarely good.
_PATIENCE_PASSES = 1
# How much of the suffix the score looks at: enough to hear a seam that does not fit.
_SCORED_SUFFIX_TOKENS = 8


def load(model: str, *, device: str | None = None) -> LocalFiller:
    """Load a checkpoint: `bundled`, or the path of a folder in the published layout with a `tokenizer.json`.

    Raises: CheckpointError saying what is wrong with it.
    """
    folder = folder_of(model)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # Small matrices in bfloat16 gain nothing on a CPU, and rounding costs quality.
    adapter = checkpoint.load(folder, device=chosen, dtype=torch.float32 if chosen.type == "cpu" else None)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # The library raises bare Exception for a missing and for a broken file alike.
        raise CheckpointError(f"{folder}: no usable tokenizer.json there; download the checkpoint again") from error
    return LocalFiller(model, adapter, tokenizer, read(adapter.declared, adapter.max_canvas_tokens))


def folder_of(model: str) -> Path:
    """Return the folder of a checkpoint by its name or path; it need not be there."""
    return BUNDLED if model == "bundled" else Path(model).expanduser()


class LocalFiller:
    """A loaded checkpoint that fills holes, one at a time."""

    def __init__(self, name: str, adapter: DiffusionGemma, tokenizer: Tokenizer, profile: Profile) -> None:
        self._name, self._adapter, self._profile = name, adapter, profile
        self._seamstress = Seamstress(tokenizer, adapter.vocab_size)
        self._pad_id = self._seamstress.id_of("<pad>") or 0
        named = (self._seamstress.id_of("<bos>", "<s>"), self._seamstress.id_of("<eos>", "</s>"), self._pad_id)
        textless = tuple(index for index, text in enumerate(self._seamstress.token_texts) if not text)
        never = {*adapter.unwritable_ids, *textless, *(index for index in named if index is not None)}
        self._forbidden_ids = tuple(sorted(never - {profile.slack_token_id}))

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
            ),
        )

    def forget_prefixes(self) -> None:
        """Free what is remembered of earlier fills; the next one begins cold."""
        self._adapter.forget_prefixes()

    def num_hole_tokens(self, request: FillRequest, fill: str) -> int:
        """Return how many hole tokens a text takes in this request's hole, the typed half of a token among them."""
        return self._seamstress.num_hole_tokens(request, fill)

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        """Denoise the hole, yielding a draft after every step. Raises RequestError."""
        _check(request)
        started = time.perf_counter()
        rows = self._rows(request)
        suffix_budget = self._profile.canvas_tokens - rows[0].width
        seams = self._seamstress.cut(request, self._profile.max_prefix_tokens, suffix_budget)
        prefix = self._adapter.prefill(seams.prefix_ids)
        prefill_ms = (time.perf_counter() - started) * 1000
        limits = self._constraints(request, seams)
        passes, step, patience = 0, None, _PATIENCE_PASSES
        if self._profile.slack_token_id is not None and rows[0].length != 1:  # A lone token is not worth a branch.
            logits = self._probe(seams, prefix, rows[0], limits)
            passes = 1
            yield Draft(1, self._probe_tokens(logits, rows[0]), (time.perf_counter() - started) * 1000)
            rows = self._branches(logits, rows[0], min(max(request.num_candidates, _MIN_TRIED), _MAX_ROWS))
        for step in self._steps(request, seams, prefix, rows, limits):
            passes += 1
            elapsed_ms = (time.perf_counter() - started) * 1000
            yield Draft(passes, self._draft_tokens(step, rows[0]), elapsed_ms)
            if request.deadline_ms is not None and elapsed_ms > request.deadline_ms:
                break
            if 2 * int(step.finished.sum()) >= len(rows):
                patience -= 1
                if patience < 0:
                    break
        assert step is not None
        candidates = self._candidates(step, rows, seams, prefix)
        return FillResult(
            candidates=candidates[: request.num_candidates],
            passes=passes,
            prefill_ms=prefill_ms,
            total_ms=(time.perf_counter() - started) * 1000,
            model=self._name,
            reason=None if candidates else "the model has nothing to add here",
        )

    def _rows(self, request: FillRequest) -> list[Row]:
        """Return the holes to try: the widest within the request where slack is known, else one of each width."""
        fitting = [width for width in self._profile.hole_widths if width <= request.max_hole_tokens]
        fitting = fitting or [min(self._profile.hole_widths[0], request.max_hole_tokens)]
        length = request.exact_hole_tokens
        if length is None:
            return [Row(width) for width in (fitting[-1:] if self._profile.knows_slack else fitting)]
        # Slack is asked for as it is when the length is unknown, so that the checkpoint sees a width it was taught.
        width = max(length, fitting[-1]) if self._profile.knows_slack else length
        if width >= self._profile.canvas_tokens:
            raise RequestError(f"a hole of {length} tokens does not fit a canvas of {self._profile.canvas_tokens}")
        return [Row(width, length=length)]

    def _probe(self, seams: Seams, prefix: Prefix, row: Row, limits: Constraints) -> Tensor:
        """Run one pass over a hole of noise: logits [its free positions, V], the same as a first denoising step's."""
        canvas = self._lay_out([row], seams)
        forward = self._forward(seams, prefix, [row], limits)
        noise = torch.full_like(canvas.known_ids, self._profile.mask_token_id or 0)
        logits = forward(canvas.with_known(noise), canvas.free, None)
        slack_token_id = self._slack_of(row)
        if slack_token_id is None:
            return logits
        return decide_slack(logits, canvas.free, torch.zeros_like(canvas.known), slack_token_id)

    def _probe_tokens(self, logits: Tensor, row: Row) -> tuple[DraftToken, ...]:
        ids = hole_ids(logits.argmax(-1), row, self._profile.slack_token_id)
        return tuple(DraftToken(self._seamstress.token_texts[index], "noise") for index in ids)

    def _branches(self, logits: Tensor, row: Row, count: int) -> list[Row]:
        """Return rows that begin with the likeliest first tokens, so that candidates differ."""
        first = logits[0].clone()
        first[self._profile.slack_token_id] = -torch.inf
        likeliest = first.softmax(-1).topk(count)
        ranked = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
        return [
            replace(row, first_id=first_id)
            for rank, (first_id, probability) in enumerate(ranked)
            if probability > (0 if rank < _MIN_ROWS else _MIN_FIRST_PROBABILITY)
        ]

    def _lay_out(self, rows: list[Row], seams: Seams) -> Canvas:
        profile = self._profile
        device, mask_token_id = self._adapter.device, profile.mask_token_id
        return lay_out(rows, seams.suffix_ids, profile.canvas_tokens, self._pad_id, device, mask_token_id)

    def _slack_of(self, row: Row) -> int | None:
        """Return the token that ends a fill, or None where the length is known and nothing ends it early."""
        return self._profile.slack_token_id if row.length is None else None

    def _steps(
        self, request: FillRequest, seams: Seams, prefix: Prefix, rows: list[Row], limits: Constraints
    ) -> Generator[Step, None, None]:
        profile, adapter = self._profile, self._adapter
        canvas = self._lay_out(rows, seams)
        absorbing = profile.noise == "mask"
        config = DenoiseConfig(
            vocab_size=adapter.vocab_size,
            noise=profile.noise,
            mask_token_id=profile.mask_token_id,
            slack_token_id=self._slack_of(rows[0]),
            forbidden_ids=self._never(request),
            max_denoising_steps=request.max_denoising_steps,
            keep_accepted=absorbing,
            greedy=absorbing,
            self_conditioning=profile.self_conditioning,
        )
        generator = torch.Generator(adapter.device).manual_seed(request.seed)
        forward = self._forward(seams, prefix, rows, limits)
        yield from denoise(forward, canvas, config, generator)

    def _forward(self, seams: Seams, prefix: Prefix, rows: list[Row], limits: Constraints) -> Forward:
        """Return the pass that denoises the rows: within the limits, and guided by the causal reading of its draft."""
        adapter, slack_token_id = self._adapter, self._profile.slack_token_id
        forward = limits.over(adapter.forward_for(prefix, len(rows)))
        if slack_token_id is None:
            return forward
        guidance = Guidance(_CAUSAL_SHARE, slack_token_id, seams.suffix_ids[0] if seams.suffix_ids else None)
        return guided(forward, partial(adapter.autoregressive_logits, prefix), guidance, rows[0].width)

    def _constraints(self, request: FillRequest, seams: Seams) -> Constraints:
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

    def _draft_tokens(self, step: Step, row: Row) -> tuple[DraftToken, ...]:
        ids = hole_ids(step.argmax_ids[0], row, self._profile.slack_token_id)
        accepted = step.accepted[0].tolist()
        texts = [self._seamstress.token_texts[index] for index in ids]
        settled = [accepted[place] or (place == 0 and row.first_id is not None) for place in range(len(ids))]
        return tuple(
            DraftToken(text, "accepted" if done else "noise") for text, done in zip(texts, settled, strict=True)
        )

    def _candidates(self, step: Step, rows: list[Row], seams: Seams, prefix: Prefix) -> tuple[Candidate, ...]:
        """Return the distinct fills of the rows, best first by the causal encoder's likelihood of fill and suffix.

        The sum of log-probabilities favours short fills and their mean long ones; what lies between did best.
        """
        found: dict[str, Candidate] = {}
        is_done = step.finished.tolist()
        for index, row in enumerate(rows):
            if any(is_done) and not is_done[index]:
                continue  # Its draft is not settled, and others are.
            ids = hole_ids(step.argmax_ids[index], row, self._profile.slack_token_id)
            text = self._seamstress.text(ids)
            if not text.startswith(seams.typed) or not text[len(seams.typed) :].strip():
                continue
            scored = [*ids, *seams.suffix_ids[:_SCORED_SUFFIX_TOKENS]]
            score = float(self._adapter.autoregressive_logprob(prefix, scored).sum()) / len(scored) ** 0.5
            text = text[len(seams.typed) :].rstrip()
            if text not in found or found[text].score < score:
                found[text] = Candidate(text, score, len(ids))
        return tuple(sorted(found.values(), key=lambda candidate: -candidate.score))


def _check(request: FillRequest) -> None:
    counts = (request.num_candidates, request.max_denoising_steps, request.max_hole_tokens)
    if min(counts) < 1 or (request.exact_hole_tokens is not None and request.exact_hole_tokens < 1):
        raise RequestError("candidates, denoising steps and hole tokens must each be at least 1")
