"""Rewriting by the user's words: the checkpoint is shown the code and what is wanted, and writes all of it anew.

How long the new code is the model says itself, by closing its answer. It knows requests and forms; the canvases are
`engine.long_fill`'s.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from engine import rewrite
from engine.api import Candidate, Draft, FillRequest, FillResult
from engine.candidates import score_of
from engine.deadline import Deadline
from engine.forms import Forms
from engine.long_fill import Writer, Written, write

# Code rarely grows by more: by a docstring, or by types.
_MAX_GROWTH, _MORE_TOKENS = 2, 128


def is_by_words(request: FillRequest) -> bool:
    """Tell whether code is written anew as a whole; where parts of it are locked it is rewritten around them."""
    return request.original is not None and request.instruction is not None and not request.locked


def rewriting_by_words(
    writer: Writer, forms: Forms, request: FillRequest, model: str, deadline: Deadline
) -> Generator[Draft, None, FillResult]:
    """Write the original of a request anew, yielding a draft after every pass. Raises RequestError.

    The canvases start from the original, but for the share of noise. What did not come to its end is no answer.
    """
    rewrite.check(request)
    original = request.original or ""
    original_ids = writer.seamstress.ids_of(original)
    most = _MAX_GROWTH * len(original_ids) + _MORE_TOKENS
    asked = replace(request, max_hole_tokens=most)
    seams = forms.cut_piece(request, request.prefix, "", "", writer.profile.canvas_tokens)
    written = Written()
    ending = forms.ending_of(request)
    yield from write(writer, asked, seams, ending, written, deadline, begin_ids=original_ids)
    text = writer.seamstress.text(written.ids)
    if "\r\n" in original:
        text = text.replace("\n", "\r\n")
    reason = None
    if not written.has_ended:
        late = "the deadline came before the rewriting's end; choose fewer lines, or raise the deadline"
        long = f"the rewriting is longer than {most} tokens; choose fewer lines, or ask for less at a time"
        reason = late if written.is_late else long
    elif not text.strip():
        reason = "the model has nothing to say here; say in other words what you want"
    score = score_of(written.log_probs[: len(written.ids)], (), multiline=True)
    return FillResult(
        candidates=() if reason else (Candidate(text, min(score, 0.0), len(written.ids)),),
        passes=written.num_passes,
        prefill_ms=written.prefill_ms,
        total_ms=deadline.elapsed_ms,
        model=model,
        reason=reason,
    )
