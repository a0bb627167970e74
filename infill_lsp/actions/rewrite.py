"""The pipeline from code to rewritten code, shared by the server and the command line.

What comes back is judged beside the original: it may have the faults that stood there before, and no new ones. It
awaits the engine and nothing else; "nothing good" is a value with a reason, and an `EngineError` passes through.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.api import Draft, Engine
from infill_lsp.actions.rewrite_region import Region, places_of
from infill_lsp.blocks.indentation import line_break
from infill_lsp.context.context import request_for
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.judging.gate import unfit, unhelpful
from infill_lsp.judging.parse_check import broken_parse
from infill_lsp.reading.scan import place_at
from infill_lsp.text.document import Document, Snapshot

if TYPE_CHECKING:
    from infill_lsp.settings.settings import Settings

NO_REWRITING = "this checkpoint fills holes only and cannot rewrite code"
NO_INSTRUCTIONS = "this checkpoint takes no instructions; rewriting by the noise dial works without one"

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_BARE_BREAK = re.compile(r"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a rewriting came to. `text` is None where nothing may be shown, and equals the original where it is kept.

    `reason` says why nothing changes, and is None where something does.
    """

    text: str | None
    reason: str | None
    passes: int
    elapsed_ms: float
    model: str


async def rewrite(
    snapshot: Snapshot,
    region: Region,
    engine: Engine,
    settings: Settings,
    *,
    noise: float,
    instruction: str | None = None,
    surroundings: Surroundings | None = None,
    on_draft: Callable[[Draft], None] | None = None,
) -> Rewriting:
    """Rewrite a share `noise` of a region's code. Raises EngineError.

    With an instruction, which not every engine takes, the code is rewritten as it says.
    """
    start = time.perf_counter()
    capabilities = (await engine.info()).capabilities
    original = region.original(snapshot)
    reason = None if capabilities.rewriting else NO_REWRITING
    if instruction is not None and not capabilities.instructions:
        reason = NO_INSTRUCTIONS
    if _HALF_CHARACTER.search(original):
        reason = "the code holds half a character, which no model can read"
    if reason is not None:
        return Rewriting(None, reason, 0, (time.perf_counter() - start) * 1000, settings.model)
    request = request_for(
        snapshot,
        region.hole,
        num_candidates=settings.num_candidates,
        max_prefix_chars=settings.max_prefix_chars,
        max_suffix_chars=settings.max_suffix_chars,
        deadline_ms=settings.deadline_ms,
        surroundings=surroundings,
        max_prefix_tokens=capabilities.max_prefix_tokens,
    )
    request = replace(request, original=original, noise=noise, locked=region.locked, instruction=instruction)
    result = await engine.fill(request, on_draft)
    text, reason = None, None
    for candidate in result.candidates:
        text, doubt = await _judged(snapshot, region, candidate.text, is_exact=noise == 0)
        reason = reason or doubt
        if text is not None and text != original:
            reason = None
            break
    if text is None and reason is None:
        reason = result.reason or "the engine found nothing"
    return Rewriting(text, reason, result.passes, (time.perf_counter() - start) * 1000, result.model)


async def _judged(
    snapshot: Snapshot, region: Region, answered: str, *, is_exact: bool
) -> tuple[str | None, str | None]:
    """Give the text to put in place and no reason, or a reason: with the original where nothing changes."""
    original = region.original(snapshot)
    if answered == original:
        return original, "nothing would change"
    text = _trimmed(snapshot, region, answered)
    if is_exact or not _keeps(snapshot, region, text):
        return None, "the rewriting changes what was to be kept"
    if not text.strip():
        return None, "the rewriting leaves nothing"
    if text == original:
        return original, "nothing would change"
    reason = _misfit(snapshot, region, text)
    if reason is None:
        reason = await broken_parse(snapshot, region.hole, text)
    return (text, None) if reason is None else (None, reason.replace("the fill", "the rewriting", 1))


def _keeps(snapshot: Snapshot, region: Region, text: str) -> bool:
    """Tell whether what is locked is still there, and still code: a string may have been opened around it."""
    hole = region.hole
    places = places_of(text, region.original(snapshot), region.locked)
    if not places:
        return places is not None
    document = Document(snapshot.uri, snapshot.version, snapshot.text, snapshot.language)
    document.edit(hole.start, hole.end, text)
    now = document.snapshot()
    return all(
        place_at(now, hole.start + place).where == place_at(snapshot, hole.start + start).where
        for place, (start, _) in zip(places, region.locked, strict=True)
    )


def _trimmed(snapshot: Snapshot, region: Region, text: str) -> str:
    """Take blanks off the ends, where the original has none, and write line breaks as the file does."""
    original = region.original(snapshot)
    if not region.locked or region.locked[0][0] > 0:
        text = text.lstrip()
    if not region.locked or region.locked[-1][1] < len(original):
        text = text.rstrip()
    if "\n" not in original and line_break(snapshot, snapshot.index.line_of(region.hole.start)) == "\r\n":
        text = _BARE_BREAK.sub("\r\n", text)
    return text


def _misfit(snapshot: Snapshot, region: Region, text: str) -> str | None:
    """Tell why a rewriting does not fit, or None; what is wrong with the original too does not count."""
    original = region.original(snapshot)
    reason = unfit(snapshot, region.hole, text)
    if reason is not None and reason != unfit(snapshot, region.hole, original):
        return reason
    reason = unhelpful(snapshot, region.hole, text)
    return None if reason is None or reason == _fault_of_original(snapshot, region) else reason


def _fault_of_original(snapshot: Snapshot, region: Region) -> str | None:
    """Tell what is unhelpful about the code as it stands, as if it were the fill of an empty hole."""
    hole = region.hole
    document = Document(snapshot.uri, snapshot.version, snapshot.text, snapshot.language)
    document.edit(hole.start, hole.end, "")
    return unhelpful(document.snapshot(), replace(hole, end=hole.start), region.original(snapshot))
