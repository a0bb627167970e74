"""What a checkpoint reads before its canvas, in either form; the canvas is much the same in both.

Clamped: the prefix as plain text. Prompted, for instruction-tuned checkpoints: a chat turn that shows the file with the
hole marked and says what to do, then the model's answer as if it had been begun, a fence and the prefix's last lines.
The suffix head is known on the canvas in both; prompted, what the caret's line begins with may stand there too, so that
typing in a line changes nothing of what is read before the canvas.
It knows requests, a profile and a tokenizer's seams: no tensors. The words are `engine.wording`'s, the scaffold
`engine.chat`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from engine.api import FillRequest
from engine.chat import marks_of, turn_ids
from engine.profile import Profile
from engine.seam import Seams, Seamstress, clean, excess
from engine.text_ends import Ending
from engine.wording import fence_of, hole_words, opening, part_words

# An answer is begun with at least so many whole lines, and how many it is changes by whole steps: the file in the turn
# is then the same for many lines that are typed. They are no more than so many characters.
_LEAST_LINES, _LINES_A_STEP, _MAX_TAIL_CHARS = 4, 8, 2000
_CHARS_PER_TOKEN = 8
# A longer beginning of the caret's line stands left of the canvas.
_MAX_LEAD_TOKENS = 48
# As much of a prefix as tells what was typed of a token.
_HEALED_CHARS = 80


class Forms:
    """The forms that one checkpoint is given requests in."""

    def __init__(self, seamstress: Seamstress, profile: Profile) -> None:
        """Raises: CheckpointError where the profile asks for a form that the tokenizer has no tokens for."""
        self._seamstress, self._profile = seamstress, profile
        self._marks = None if profile.form == "clamped" else marks_of(seamstress.id_of)
        # While the user types in a line, both stay the same.
        self._turn = lru_cache(maxsize=8)(self._turn_of)
        self._shortened = lru_cache(maxsize=8)(self._last_tokens)

    @property
    def takes_instructions(self) -> bool:
        """Whether requests may say in words what is wanted."""
        return self._marks is not None

    def is_prompted(self, request: FillRequest) -> bool:
        """Tell which form a request takes."""
        return self._profile.form == "prompted" or (self._profile.form == "both" and request.instruction is not None)

    def max_lead_tokens(self, request: FillRequest, widest: int) -> int:
        """Return how much of the caret's line may stand on a canvas beside a hole so wide: none where holes resize."""
        profile = self._profile
        if request.further_holes or profile.knows_slack or profile.resizes_holes or not self.is_prompted(request):
            return 0
        return min(_MAX_LEAD_TOKENS, (profile.canvas_tokens - widest) // 2)

    def ending_of(self, request: FillRequest) -> Ending:
        """Return what ends a request's text that is written on and on."""
        is_one_line = not request.multiline and "\n" not in (request.original or "")
        suffix = clean(request.suffix) if request.original is None else ""
        if self._marks is not None and self.is_prompted(request):
            return Ending(self._marks.end_ids, _fence_of(request), suffix, is_one_line)
        eos = self._seamstress.edge_ids[1]
        return Ending(frozenset() if eos is None else frozenset({eos}), "", suffix, is_one_line)

    def cut(self, request: FillRequest, max_suffix_tokens: int, max_lead_tokens: int = 0) -> Seams:
        """Return the surroundings of a request's hole as ids; at most `max_lead_tokens` are left for the canvas."""
        if not self.is_prompted(request):
            return self._seamstress.cut(request, self._profile.max_prefix_tokens, max_suffix_tokens)
        seams = self._beside(request)
        kept = clean(request.prefix[: len(request.prefix) - len(seams.typed)])
        start = _answer_start(kept)
        line_start = kept.rfind("\n") + 1
        shown = self._shown(request.suffix)
        fence = _fence_of(request)
        head = self._shortened(kept[:start], self._profile.max_prefix_tokens)
        texts = (head, *(clean(hole.between) for hole in request.further_holes), shown)
        said = hole_words(texts, request.language, fence, request.instruction)
        line_ids = self._seamstress.ids_of(self._last_tokens(kept[line_start:], self._profile.max_prefix_tokens))
        on_canvas = len(line_ids) - min(len(line_ids), max_lead_tokens)
        prefix_ids = [*self._begun(said, request.language, fence, kept[start:line_start]), *line_ids[:on_canvas]]
        suffix_ids = self._closed(request.suffix[len(seams.rest) :], fence, max_suffix_tokens)
        return replace(seams, prefix_ids=prefix_ids, suffix_ids=suffix_ids, lead_ids=tuple(line_ids[on_canvas:]))

    def cut_piece(
        self, request: FillRequest, kept_prefix: str, before: str, after: str, max_suffix_tokens: int
    ) -> Seams:
        """Return the surroundings of a piece of the code to rewrite, as ids.

        `kept_prefix` is the prefix up to where tokens are written anew, `before` what was written of the code already,
        `after` what is left of it as it stands behind the piece.
        """
        here = replace(request, prefix=kept_prefix + before, suffix=after + request.suffix)
        if not self.is_prompted(request):
            return self._seamstress.cut(here, self._profile.max_prefix_tokens, max_suffix_tokens, heals=False)
        fence, head = _fence_of(request), clean(kept_prefix)
        part = request.prefix[len(kept_prefix) :] + (request.original or "")
        shown = self._shown(request.suffix)
        near = self._shortened(head, self._profile.max_prefix_tokens)
        said = part_words(near, clean(part), shown, request.language, fence, request.instruction)
        indent = head[head.rfind("\n") + 1 :]
        written = ("" if indent.strip() else indent) + clean(before)
        suffix_ids = self._closed(after, fence, max_suffix_tokens, is_whole=True)
        return Seams(self._begun(said, request.language, fence, written), suffix_ids, "", ())

    def _begun(self, said: str, language: str, fence: str, written: str) -> list[int]:
        return [*self._turn(said), *self._seamstress.ids_of(opening(language, fence) + written)]

    def _turn_of(self, said: str) -> tuple[int, ...]:
        assert self._marks is not None
        return tuple(turn_ids(self._marks, self._seamstress.ids_of, said))

    def _beside(self, request: FillRequest) -> Seams:
        """Find what was typed of a token, and what the hole must end with; the surroundings are left out."""
        near = replace(request, prefix=request.prefix[-_HEALED_CHARS:], starts_file=False, ends_file=False)
        return self._seamstress.cut(near, 1, 1)

    def _closed(self, suffix: str, fence: str, max_suffix_tokens: int, *, is_whole: bool = False) -> list[int]:
        """Return the suffix head, and the end of the answer where there is room for all of it.

        The answer goes on with what the turn shows of the suffix, or with `is_whole` with all of this one.
        """
        assert self._marks is not None
        near = clean(suffix[: max_suffix_tokens * _CHARS_PER_TOKEN])
        if len(near) == len(clean(suffix)):
            shown = (near if is_whole else self._shown(suffix)).rstrip("\n")
            ids = [*self._seamstress.ids_of(f"{shown}\n{fence}"), self._marks.end_turn]
            if len(ids) <= max_suffix_tokens:
                return ids
        return self._seamstress.ids_of(near)[:max_suffix_tokens]

    def _shown(self, suffix: str) -> str:
        """Return what a turn shows of a suffix: its beginning, whole lines where that is possible."""
        most = self._profile.max_suffix_tokens
        near = clean(suffix[: most * _CHARS_PER_TOKEN])
        tokens = self._seamstress.tokens(near)
        if len(tokens) <= most and len(near) == len(clean(suffix)):
            return near
        end = tokens[min(most, len(tokens)) - 1][1]
        return near[: near.rfind("\n", 0, end) + 1 or end]

    def _last_tokens(self, text: str, budget: int) -> str:
        """Return the end of a text that is within a budget of tokens; what is dropped grows by whole steps."""
        near = text[excess(len(text), budget * _CHARS_PER_TOKEN) :]
        tokens = self._seamstress.tokens(near)
        too_many = excess(len(tokens), budget)
        if too_many:
            cut = tokens[too_many - 1][1]
            near = near[near.find("\n", cut - 1) + 1 or cut :]
        return near


def _answer_start(prefix: str) -> int:
    """Return where in a prefix the lines begin that an answer is begun with: at a line start."""
    line_start = prefix.rfind("\n") + 1
    num_lines = prefix.count("\n")
    first = max(0, num_lines - _LEAST_LINES) // _LINES_A_STEP * _LINES_A_STEP
    start = line_start
    for _ in range(num_lines - first):
        start = prefix.rfind("\n", 0, start - 1) + 1
    return start if line_start - start <= _MAX_TAIL_CHARS else line_start


def _fence_of(request: FillRequest) -> str:
    texts: Sequence[str] = (request.prefix, request.suffix, request.original or "")
    return fence_of(*texts, *(hole.between for hole in request.further_holes))
