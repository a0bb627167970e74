"""Fills longer than one canvas: canvas after canvas, what is settled on one joining the prefix of the next.

All canvases but the last are free from end to end; on the last one, which holds what may still be written, the suffix
head is known as in a fill of one canvas. Text ends where it says so (`engine.text_ends`), where the suffix follows best
(`engine.ends`), at the most tokens allowed, or at the deadline. The caller cancels by closing the generator.
It knows the parts of a loaded checkpoint; a canvas is denoised by `engine.fill_steps`.

Source: the blocks of transformers' `DiffusionGemmaGenerationMixin.generate`. Differs: the last canvas knows the suffix,
and the end is looked for after every canvas.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from engine.api import Draft, DraftToken, FillRequest
from engine.candidates import Fill
from engine.deadline import Deadline
from engine.denoise import Step
from engine.drafts import Drafts, settled_fills
from engine.ends import best_ends, possible_ends
from engine.fill_steps import fill_steps
from engine.layout import Row
from engine.limits import Limits
from engine.models.adapter import Adapter
from engine.passes import Passes
from engine.profile import Profile
from engine.rows import rows_for
from engine.seam import Seams, Seamstress
from engine.text_ends import Ending
from engine.trace import Tracer, behind
from engine.writing import as_written, can_write_on

# The mean: what favours early ends more never comes to a second canvas.
_LENGTH_POWER = 1.0


@dataclass(frozen=True, slots=True)
class Writer:
    """What writing needs of a loaded checkpoint."""

    adapter: Adapter[Any]
    profile: Profile
    seamstress: Seamstress
    limits: Limits
    drafts: Drafts


@dataclass(slots=True)
class Written:
    """What was written so far, behind a request's prefix and its lead, and what it cost."""

    ids: list[int] = field(default_factory=list)
    num_passes: int = 0
    prefill_ms: float = 0.0
    has_ended: bool = False  # the text itself said so
    is_late: bool = False
    log_probs: list[float] = field(default_factory=list)  # of each token, read causally; empty: nothing can
    follows: list[float] = field(default_factory=list)  # of the suffix's first token behind 0, 1, 2 ... tokens
    tracer: Tracer | None = None  # where the request asks for a trace


def goes_on(request: FillRequest, profile: Profile) -> bool:
    """Tell whether a fill takes several canvases: one hole of several lines that may be wider than all that fit one."""
    is_free = request.exact_hole_tokens is None and not request.further_holes and request.original is None
    is_long = request.multiline and request.max_hole_tokens > profile.hole_widths[-1]
    return profile.several_canvases and is_free and is_long


def long_fill(
    writer: Writer, request: FillRequest, seams: Seams, ending: Ending, deadline: Deadline, last: Profile
) -> Generator[Draft, None, tuple[list[Fill], Written]]:
    """Fill a hole of at most the request's tokens, yielding a draft of all of it after every pass.

    The `last` canvas is as this profile says, which is the one of a fill of one canvas.
    """
    profile, written = writer.profile, Written()
    if request.trace:
        written.tracer = Tracer(writer.seamstress.token_texts, profile.slack_token_id)
    yield from write(writer, request, seams, ending, written, deadline, leave=profile.hole_widths[-1])
    left = request.max_hole_tokens - len(written.ids)
    if written.has_ended or written.is_late or left <= 0:
        return [Fill([_cut(writer, ending, written)])], written
    passes = _passes(writer, request, seams, written, deadline)
    passes = replace(passes, profile=last, seams=replace(passes.seams, suffix_ids=seams.suffix_ids))
    lead = seams.lead_ids if not written.ids else ()
    rows = [replace(row, lead_ids=lead) for row in rows_for(replace(request, max_hole_tokens=left), profile)]
    _begin(written, passes, rows)
    step = None
    for step in fill_steps(request, passes, rows, writer.limits.never(request)):
        yield _draft(writer, written, seams, step, rows[0], deadline)
        if deadline.leaves_no_pass():
            written.is_late = True
            break
    assert step is not None
    fills = settled_fills(step, rows, profile.slack_token_id)
    return [Fill([[*written.ids, *fill.holes[0]]]) for fill in fills], written


def write(
    writer: Writer,
    request: FillRequest,
    seams: Seams,
    ending: Ending,
    written: Written,
    deadline: Deadline,
    *,
    leave: int = 0,
    begin_ids: Sequence[int] = (),
) -> Generator[Draft, None, None]:
    """Write free canvases until the text has ended or at most `leave` of the request's tokens are left.

    What was `written` grows. The canvases start from `begin_ids`, a share of the request's noise less.
    """
    profile, most = writer.profile, request.max_hole_tokens
    # Where slack is known, so is the length of each canvas, and none is written.
    request = as_written(request, profile.hole_widths[-1]) if can_write_on(request, profile) else request
    never = tuple(token_id for token_id in writer.limits.never(request) if token_id not in ending.end_ids)
    while not written.has_ended and most - len(written.ids) > leave:
        passes = _passes(writer, request, seams, written, deadline, never)
        row, start = _free_row(profile, () if written.ids else seams.lead_ids), len(written.ids)
        # Nothing stands right of the row, so nothing tells it to end there.
        passes = replace(passes, profile=replace(profile, canvas_tokens=row.num_tokens))
        _begin(written, passes, [row])
        step = None
        for step in fill_steps(request, passes, [row], never, begin_ids=begin_ids[start:]):
            yield _draft(writer, written, seams, step, row, deadline)
            if deadline.leaves_no_pass():
                written.is_late = True
                break
        assert step is not None
        first = len(row.lead_ids)
        _settle(writer, seams, ending, written, passes.prefix, step.argmax_ids[0, first : first + row.width].tolist())
        _end(writer, ending, written, most)
        if written.is_late:
            return


def _free_row(profile: Profile, lead_ids: tuple[int, ...]) -> Row:
    if profile.knows_slack:  # As wide as it was taught.
        width = profile.hole_widths[-1]
        return Row(width, length=width, lead_ids=lead_ids)
    return Row(profile.canvas_tokens - len(lead_ids), lead_ids=lead_ids)


def _passes(
    writer: Writer,
    request: FillRequest,
    seams: Seams,
    written: Written,
    deadline: Deadline,
    never: tuple[int, ...] | None = None,
) -> Passes:
    """Read what was written behind the prefix and return the passes of the next canvas, without a suffix."""
    here = replace(seams, suffix_ids=[])
    if written.ids:
        before = [*seams.prefix_ids, *seams.lead_ids, *written.ids]
        here = Seams(before, [], "", ())
    began_ms = deadline.elapsed_ms
    prefix = writer.adapter.prefill(here.prefix_ids)
    written.prefill_ms += deadline.elapsed_ms - began_ms
    limits = writer.limits.behind(request, None if written.ids else here, never)
    return Passes(writer.adapter, writer.profile, here, prefix, limits, writer.limits.pad_id)


def _settle(writer: Writer, seams: Seams, ending: Ending, written: Written, prefix: Any, block: list[int]) -> None:
    """Add a canvas to what was written, up to the first token that ends it; read it causally where that is possible."""
    lead = list(seams.lead_ids) if not written.ids else []
    stop = next((place for place, token_id in enumerate(block) if token_id in ending.end_ids), None)
    block = block if stop is None else block[:stop]
    if writer.adapter.scores_autoregressively:
        ids = torch.tensor([[*lead, *block, 0]], device=writer.adapter.device)
        log_probs = writer.adapter.autoregressive_logits(prefix, ids)[0, len(lead) :].log_softmax(dim=-1)
        taken = torch.tensor(block, dtype=torch.int64, device=log_probs.device)
        written.log_probs += log_probs[:-1].gather(-1, taken[:, None]).squeeze(-1).tolist()
        if seams.suffix_ids:
            written.follows = [*written.follows[:-1], *log_probs[:, seams.suffix_ids[0]].tolist()]
    written.ids += block
    written.has_ended = stop is not None


def _end(writer: Writer, ending: Ending, written: Written, most: int) -> None:
    """End what was written where its text says so, or where it was not asked to say so and the suffix follows best."""
    text = writer.seamstress.text(written.ids)
    place = ending.found_in(text)
    if place is not None:
        written.ids, written.has_ended = writer.seamstress.ids_of(text[:place]), True
    elif written.log_probs and not ending.says_so and not written.has_ended:
        end = _likeliest_end(writer, ending, written)
        if end < len(written.ids):
            written.ids, written.has_ended = written.ids[:end], True
    del written.ids[most:]


def _likeliest_end(writer: Writer, ending: Ending, written: Written) -> int:
    # Where the suffix goes on in a line, so may the fill.
    whole_lines = not ending.suffix or ending.suffix.startswith("\n")
    ends = possible_ends(written.ids, writer.seamstress.line_break_set, whole_lines)
    if not ends:
        return len(written.ids)
    return best_ends(written.log_probs, written.follows or None, ends, 1, _LENGTH_POWER)[0]


def _cut(writer: Writer, ending: Ending, written: Written) -> list[int]:
    """Return what was written; cut where the suffix follows best where nothing ended it."""
    if written.has_ended or not written.log_probs:
        return written.ids
    return written.ids[: _likeliest_end(writer, ending, written)]


def _begin(written: Written, passes: Passes, rows: list[Row]) -> None:
    if written.tracer:
        written.tracer.begin(passes.lay_out(rows), keep_accepted=passes.profile.noise == "mask")


def _draft(writer: Writer, written: Written, seams: Seams, step: Step, row: Row, deadline: Deadline) -> Draft:
    written.num_passes += 1
    texts = writer.seamstress.token_texts
    before = [texts[token_id] for token_id in written.ids]
    tokens = writer.drafts.of(step, row)[len(row.lead_ids) :]
    trace = written.tracer.denoised(step, step.suspect) if written.tracer else None
    if trace and before:
        trace = behind(trace, [*(texts[token_id] for token_id in seams.lead_ids), *before])
    settled = (DraftToken(text, "accepted") for text in before)
    return Draft(written.num_passes, (*settled, *tokens), deadline.elapsed_ms, trace)
