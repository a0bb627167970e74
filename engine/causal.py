"""The autoregressive engine: a causal language model behind `engine.api.Filler`, one token a step.

A checkpoint with fill-in-the-middle marks is shown both sides of the hole; one without them writes on from the prefix
and is cut where the suffix follows best. It owns no thread and knows no transport; it is driven by whoever pulls the
generator.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from engine.api import (
    Candidate,
    Capabilities,
    CheckpointError,
    Critic,
    Draft,
    DraftToken,
    EngineInfo,
    FillRequest,
    FillResult,
    RequestError,
)
from engine.candidates import Fill, Judge, candidates
from engine.causal_ends import distinct, told_fills, untold_fills
from engine.causal_profile import CausalProfile, read
from engine.causal_prompt import Prompt, Prompter, TextPrompter, seams_of
from engine.causal_rows import CausalRow, write
from engine.causal_rules import Vocabulary, rules_for
from engine.causal_tokenizer import CausalTokenizer, causal_tokenizer
from engine.critic import Reviewer
from engine.deadline import Deadline
from engine.loading import device_of
from engine.models import causal_checkpoint, fim
from engine.models.causal_lm import CausalLM, Prefix
from engine.models.tokenizer_files import tokenizer_of
from engine.request_checks import check
from engine.seam import Seams, Seamstress

_MAX_DRAWN = 8
# Rows beside the greedy one where a critic may find that one unsound and only one fill is asked for.
_MIN_DRAWN = 2
# The longest fill that any request gets, in tokens.
_MAX_HOLE_TOKENS = 1024
# When the greedy row is over, the others have so many tokens left: what takes much longer is rarely good.
_PATIENCE_TOKENS = 8


def load(
    folder: str | Path,
    *,
    device: torch.device | str | None = None,
    critic: Critic | None = None,
    dtype: torch.dtype | None = None,
    prompter: Prompter | None = None,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
    max_prefix_tokens: int | None = None,
) -> CausalFiller:
    """Load a causal checkpoint folder. Fills of requests that name a language are shown to the critic.

    Without a `dtype` weights stay as they are stored, on a CPU float32; `precision`, `offloaded_layers` and
    `max_prefix_tokens` are as in `engine.local.load`. A `prompter` says what the model is to read in place of code
    alone. Raises: CheckpointError saying what is wrong with the folder.
    """
    path = Path(folder).expanduser()
    chosen = device if isinstance(device, torch.device) else device_of(device)
    kept = torch.float32 if dtype is None and chosen.type == "cpu" else dtype
    adapter = causal_checkpoint.load(
        path, device=chosen, dtype=kept, precision=precision, offloaded_layers=offloaded_layers
    )
    tokenizer = causal_tokenizer(tokenizer_of(path))
    profile = read(adapter.declared, adapter.max_positions)
    if max_prefix_tokens is not None:
        profile = replace(profile, max_prefix_tokens=min(profile.max_prefix_tokens, max_prefix_tokens))
    return CausalFiller(str(folder), adapter, tokenizer, profile, critic, prompter)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What stays the same while one hole is filled."""

    request: FillRequest
    seams: Seams
    prompt: Prompt
    prefix: Prefix
    reviewer: Reviewer | None


class CausalFiller:
    """A loaded causal checkpoint that fills holes, one at a time."""

    def __init__(
        self,
        name: str,
        adapter: CausalLM,
        tokenizer: CausalTokenizer,
        profile: CausalProfile,
        critic: Critic | None = None,
        prompter: Prompter | None = None,
    ) -> None:
        """Raises: CheckpointError where the declared convention is not the tokenizer's."""
        self._name, self._adapter, self._profile, self._critic = name, adapter, profile, critic
        # A measurement listens in here.
        self.judge: Judge = profile.confidence.probability if profile.confidence else lambda _: None
        self.prefixes = adapter.prefixes  # its counts are a measurement too
        # What marks the ends of a text is the prompter's concern.
        self._seamstress = Seamstress(tokenizer.tokenizer, adapter.vocab_size, ((), ()))
        self._end_ids = frozenset(adapter.eos_ids) | fim.end_ids(self._id_of)
        try:
            layout = None if profile.has_no_convention else fim.find(self._id_of, profile.convention)
        except ValueError as error:
            raise CheckpointError(f"{name}: its fill-in-the-middle convention is not usable ({error})") from error
        self._prompter = prompter or TextPrompter(layout, tokenizer.begin_ids, self._end_ids)
        texts = self._seamstress.token_texts
        marks = layout.mark_ids if layout else ()
        unwritable = {*marks, *self._end_ids, *(index for index, text in enumerate(texts) if not text)}
        self._vocabulary = Vocabulary(texts, self._seamstress.line_break_set, frozenset(unwritable))

    @property
    def info(self) -> EngineInfo:
        """Who answers."""
        return EngineInfo(
            model=self._name,
            device=str(self._adapter.device),
            dtype=str(self._adapter.dtype).removeprefix("torch."),
            num_parameters=self._adapter.num_parameters,
            capabilities=Capabilities(
                noise="none",
                known_positions=False,
                slack=False,
                max_canvas_tokens=_MAX_HOLE_TOKENS + self._profile.max_suffix_tokens,
                max_prefix_tokens=self._profile.max_prefix_tokens,
                several_holes=False,
                rewriting=False,
            ),
        )

    def forget_prefixes(self) -> None:
        """Free what is remembered of earlier fills; the next one begins cold."""
        self._adapter.forget_prefixes()

    def num_hole_tokens(self, request: FillRequest, fill: str) -> int:
        """Return how many hole tokens a text takes in this request's hole, the typed half of a token among them."""
        return self._seamstress.num_hole_tokens(request, fill)

    def fill(self, request: FillRequest) -> Generator[Draft, None, FillResult]:
        """Write the hole from left to right, yielding a draft after every token. Raises RequestError."""
        _check(request)
        deadline = Deadline(request.deadline_ms)
        profile, adapter = self._profile, self._adapter
        seams = seams_of(request, self._seamstress, profile.max_prefix_tokens, profile.max_suffix_tokens)
        prompt = self._prompter(request, seams)
        room = min(_MAX_HOLE_TOKENS, adapter.max_positions - len(prompt.ids))
        rules = rules_for(request, seams, prompt, self._vocabulary, room, adapter.device)
        prefix = adapter.prefill(prompt.ids, prompt.num_stable)
        prefill_ms = deadline.elapsed_ms
        deadline.leaves_no_pass()  # One token is written in any case.
        reviewer = self._reviewer(request, seams)
        num_drawn = request.num_candidates if request.num_candidates > 1 else _MIN_DRAWN if reviewer else 0
        generator = torch.Generator(adapter.device).manual_seed(request.seed)
        writing = write(prefix.logits, adapter.continuation(prefix), rules, min(num_drawn, _MAX_DRAWN), generator)
        task = _Task(request, seams, prompt, prefix, reviewer)
        rows: list[CausalRow] = []
        num_steps, num_later = 0, 0
        for num_steps, rows in enumerate(writing, 1):
            yield Draft(num_steps, self._draft(rows[0], prompt), deadline.elapsed_ms)
            if deadline.leaves_no_pass():
                break
            num_later += rows[0].is_over
            if num_later > _PATIENCE_TOKENS or (num_later and self._suffices(task, rows, is_new=num_later == 1)):
                break
        found = self._candidates(task, rows)
        return FillResult(
            candidates=found[: request.num_candidates],
            passes=num_steps,
            prefill_ms=prefill_ms,
            total_ms=deadline.elapsed_ms,
            model=self._name,
            reason=None if found else "the model has nothing to add here",
        )

    def _suffices(self, task: _Task, rows: Sequence[CausalRow], *, is_new: bool) -> bool:
        """Tell whether the rows that are over give as many fills as are wanted; `is_new`: the greedy one just ended."""
        if task.request.num_candidates > 1:
            return len({row.ids for row in rows if row.is_over}) >= task.request.num_candidates
        if not is_new or task.reviewer is None:
            return False
        found = self._candidates(task, rows[:1])
        return bool(found) and task.reviewer.is_sound((found[0].text,))

    def _fills(self, task: _Task, rows: Sequence[CausalRow]) -> list[Fill]:
        request, prompt, suffix_ids = task.request, task.prompt, task.seams.suffix_ids
        if request.exact_hole_tokens is not None:
            whole = [row for row in rows if len(row.ids) == request.exact_hole_tokens] or rows
            return [Fill([list(row.ids)], causal=row.log_probs if prompt.shows_suffix else None) for row in whole]
        # Where the suffix goes on in a line, so may the fill.
        whole_lines = request.multiline and (not suffix_ids or suffix_ids[0] in self._vocabulary.breaks)
        if prompt.shows_suffix:
            return told_fills(rows, self._seamstress, whole_lines=whole_lines)
        log_probs = partial(self._adapter.log_probs, task.prefix)
        return untold_fills(rows, suffix_ids, self._seamstress, log_probs, whole_lines=whole_lines)

    def _candidates(self, task: _Task, rows: Sequence[CausalRow]) -> tuple[Candidate, ...]:
        found = candidates(
            self._fills(task, rows),
            task.seams,
            self._seamstress,
            partial(self._adapter.autoregressive_logprob, task.prefix),
            self.judge if self._profile.knows_language(task.request.language) else lambda _: 0.0,
            task.reviewer.is_sound if task.reviewer else lambda _: True,
            multiline=task.request.multiline,
            num_wanted=task.request.num_candidates,
        )
        return distinct(found)

    def _draft(self, row: CausalRow, prompt: Prompt) -> tuple[DraftToken, ...]:
        """Return what a row says; where it ends is not decided yet unless the model says so itself."""
        texts = self._seamstress.token_texts
        return tuple(DraftToken(texts[index], "accepted" if prompt.shows_suffix else "noise") for index in row.ids)

    def _reviewer(self, request: FillRequest, seams: Seams) -> Reviewer | None:
        # Inside a word a fill says again what follows it, which a critic of text would take for a fault.
        if self._critic is None or not request.language or not request.max_syntax_rounds or seams.rest:
            return None
        return Reviewer(self._critic, request, (), seams, self._seamstress.text, None)

    def _id_of(self, name: str) -> int | None:
        found = self._seamstress.id_of(name)
        return found if found is not None and found < self._adapter.vocab_size else None


def _check(request: FillRequest) -> None:
    check(request, 1)
    if request.further_holes:
        raise RequestError("this checkpoint writes from left to right and fills one hole at a time")
    if request.original is not None:
        raise RequestError("this checkpoint writes from left to right and cannot rewrite what is there")
