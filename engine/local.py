"""The local engine: tokenizer, adapter and denoising loop behind `engine.api.Filler`.

This is where text becomes a canvas and a canvas becomes text. It owns no thread and knows no transport; it is driven by
whoever pulls the generator.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from engine.api import (
    Capabilities,
    CheckpointError,
    Draft,
    DraftToken,
    EngineInfo,
    FillRequest,
    FillResult,
    RequestError,
)
from engine.candidates import candidates
from engine.constraints import Constraints, constraints
from engine.denoise import DenoiseConfig, Step, denoise
from engine.layout import Row, hole_ids
from engine.models import checkpoint
from engine.models.diffusion_gemma import DiffusionGemma
from engine.passes import Passes
from engine.profile import Profile, read
from engine.rows import branches, rows_for
from engine.seam import Seams, Seamstress

BUNDLED = Path(__file__).parent / "bundled"
# When half of the rows are done, the others have so many passes left: what takes much longer is rarely good.
_PATIENCE_PASSES = 1


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
        rows = rows_for(request, self._profile)
        suffix_budget = self._profile.canvas_tokens - rows[0].width
        seams = self._seamstress.cut(request, self._profile.max_prefix_tokens, suffix_budget)
        prefix = self._adapter.prefill(seams.prefix_ids)
        prefill_ms = (time.perf_counter() - started) * 1000
        passes = Passes(self._adapter, self._profile, seams, prefix, self._constraints(request, seams), self._pad_id)
        num_passes, step, patience = 0, None, _PATIENCE_PASSES
        if self._profile.slack_token_id is not None and rows[0].length != 1:  # A lone token is not worth a branch.
            logits = passes.probe(rows[0])
            num_passes = 1
            yield Draft(1, self._probe_tokens(logits, rows[0]), (time.perf_counter() - started) * 1000)
            rows = branches(logits, rows[0], request.num_candidates, self._profile.slack_token_id)
        for step in self._steps(request, passes, rows):
            num_passes += 1
            elapsed_ms = (time.perf_counter() - started) * 1000
            yield Draft(num_passes, self._draft_tokens(step, rows[0]), elapsed_ms)
            if request.deadline_ms is not None and elapsed_ms > request.deadline_ms:
                break
            if 2 * int(step.finished.sum()) >= len(rows):
                patience -= 1
                if patience < 0:
                    break
        assert step is not None
        logprobs = partial(self._adapter.autoregressive_logprob, prefix)
        found = candidates(self._fills(step, rows), seams, self._seamstress, logprobs)
        return FillResult(
            candidates=found[: request.num_candidates],
            passes=num_passes,
            prefill_ms=prefill_ms,
            total_ms=(time.perf_counter() - started) * 1000,
            model=self._name,
            reason=None if found else "the model has nothing to add here",
        )

    def _steps(self, request: FillRequest, passes: Passes, rows: list[Row]) -> Generator[Step, None, None]:
        profile, adapter = self._profile, self._adapter
        absorbing = profile.noise == "mask"
        config = DenoiseConfig(
            vocab_size=adapter.vocab_size,
            noise=profile.noise,
            mask_token_id=profile.mask_token_id,
            slack_token_id=passes.slack_of(rows[0]),
            forbidden_ids=self._never(request),
            max_denoising_steps=request.max_denoising_steps,
            keep_accepted=absorbing,
            greedy=absorbing,
            self_conditioning=profile.self_conditioning,
        )
        generator = torch.Generator(adapter.device).manual_seed(request.seed)
        yield from denoise(passes.forward(rows), passes.lay_out(rows), config, generator)

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

    def _probe_tokens(self, logits: Tensor, row: Row) -> tuple[DraftToken, ...]:
        ids = hole_ids(logits.argmax(-1), row, self._profile.slack_token_id)
        return tuple(DraftToken(self._seamstress.token_texts[index], "noise") for index in ids)

    def _draft_tokens(self, step: Step, row: Row) -> tuple[DraftToken, ...]:
        ids = hole_ids(step.argmax_ids[0], row, self._profile.slack_token_id)
        accepted = step.accepted[0].tolist()
        texts = [self._seamstress.token_texts[index] for index in ids]
        settled = [accepted[place] or (place == 0 and row.first_id is not None) for place in range(len(ids))]
        return tuple(
            DraftToken(text, "accepted" if done else "noise") for text, done in zip(texts, settled, strict=True)
        )

    def _fills(self, step: Step, rows: list[Row]) -> list[list[int]]:
        """Return the ids of the rows that are settled; where none is, of all."""
        is_done = step.finished.tolist()
        return [
            hole_ids(step.argmax_ids[index], row, self._profile.slack_token_id)
            for index, row in enumerate(rows)
            if is_done[index] or not any(is_done)
        ]


def _check(request: FillRequest) -> None:
    counts = (request.num_candidates, request.max_denoising_steps, request.max_hole_tokens)
    if min(counts) < 1 or (request.exact_hole_tokens is not None and request.exact_hole_tokens < 1):
        raise RequestError("candidates, denoising steps and hole tokens must each be at least 1")
