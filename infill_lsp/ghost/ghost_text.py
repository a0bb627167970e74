"""From a request for ghost text to the suggestions that may be shown at this moment, or to none and the reason.

Ghost text is one line's range that holds the caret. It never answers for a document that has moved on.
It knows no wire type and no tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from engine.api import EngineError
from infill_lsp.errors import Superseded
from infill_lsp.fill import Outcome, fill
from infill_lsp.fitting.suggestion import Suggestion
from infill_lsp.ghost import reuse
from infill_lsp.ghost.quiet import why_quiet
from infill_lsp.ghost.rhythm import Rhythm, pause_s
from infill_lsp.holes.hole import Hole, NoHole, hole_at
from infill_lsp.session import Session, Shown
from infill_lsp.text.document import Document, Snapshot

# Who types waits for nothing: every further row makes a pass longer.
_TRIED_WHILE_TYPING = 2
_MOVED_ON = "the document changed while the hole was being filled"


@dataclass(frozen=True, slots=True)
class Selected:
    """The entry that is selected in the editor's completion list: `text` would replace `[start, end)`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for ghost text, and the document as it was when the request arrived."""

    snapshot: Snapshot
    offset: int
    explicit: bool  # the user asked; otherwise they only typed
    selected: Selected | None = None


Offer = tuple[str, Suggestion]
"""A suggestion that is sent, and the name by which the client tells what became of it."""


async def ghost_text(session: Session, asked: Asked) -> tuple[Offer, ...]:
    """Return what to show, best first: at most one for a user who only typed. Superseded requests get nothing."""
    snapshot = asked.snapshot
    rhythm = session.rhythms.get(snapshot.uri) or Rhythm()
    idle_s = rhythm.asked(session.now())
    await session.configured()
    # Whatever this one comes to: the client may still be waiting for an older one, and would show it.
    session.scheduler.supersede(snapshot.uri)
    if (refusal := session.refusal(snapshot)) is not None:
        session.silent(snapshot.uri, refusal, "inactive")
        return ()
    rest = _still_shown(session, asked)
    if not asked.explicit and asked.selected is None:
        if (reason := why_quiet(rhythm)) is not None:
            return _none(session, asked, reason)
        if rest is not None:
            session.editor.status("normal", uri=snapshot.uri)
            return (rest,)
    asked = replace(asked, snapshot=session.parsed(snapshot))
    seen, offset = _as_selected(asked)
    settings = session.settings_of(snapshot)
    hole = hole_at(
        seen,
        offset,
        explicit=asked.explicit,
        in_strings=settings.in_strings,
        in_comments=settings.in_comments,
    )
    if isinstance(hole, NoHole):
        return _none(session, asked, hole.reason)
    wait_s = 0.0
    if not asked.explicit:
        wait_s = max(0.0, pause_s(settings.debounce_ms / 1000, rhythm.gap_s, session.lending.fill_s) - idle_s)
    try:
        outcome = await session.scheduler.run(
            snapshot.uri, partial(_filled, session, asked, seen, hole), delay_s=wait_s
        )
    except Superseded:
        # Who types on, or asks again, expects nothing of the older request; who asked explicitly is told.
        if asked.explicit and not session.is_current(snapshot):
            return _none(session, asked, _MOVED_ON)
        return ()
    except EngineError as error:
        session.silent(snapshot.uri, str(error))
        return ()
    if not session.is_current(snapshot):
        return _none(session, asked, _MOVED_ON)
    shown = [at for each in outcome.suggestions if (at := _at_caret(asked, seen, offset, each)) is not None]
    if not shown:
        return _none(session, asked, outcome.reason or "the suggestion does not fit the line of the caret")
    return _offered(session, asked, shown)


async def _filled(session: Session, asked: Asked, seen: Snapshot, hole: Hole) -> Outcome:
    settings = session.settings_of(asked.snapshot)
    num_candidates, max_tried = (settings.num_candidates, None) if asked.explicit else (1, _TRIED_WHILE_TYPING)
    # Who asks wants the best there is; who types is better served by nothing than by a guess.
    min_confidence = 0.0 if asked.explicit else session.min_confidence(asked.snapshot)
    began = session.now()
    async with session.engine(seen.uri) as engine:
        # With an entry of the completion list selected, the hole lies in a text that the client does not have.
        on_draft = None if asked.selected else partial(session.editor.draft, seen, hole.start, hole.end)
        outcome = await fill(
            seen,
            hole,
            engine,
            settings,
            num_candidates=num_candidates,
            max_tried=max_tried,
            min_confidence=min_confidence,
            warm_start=not asked.explicit,
            surroundings=session.surroundings(seen),
            on_draft=on_draft,
        )
    session.lending.filled_in(session.now() - began)
    if not outcome.suggestions and min_confidence > settings.min_confidence:
        session.feedback.kept_back(seen.language)
    return outcome


def _none(session: Session, asked: Asked, reason: str) -> tuple[Offer, ...]:
    """Remember the reason, and tell the client."""
    session.silent(asked.snapshot.uri, reason, "normal", typing=not asked.explicit)
    return ()


def _offered(session: Session, asked: Asked, shown: list[Suggestion]) -> tuple[Offer, ...]:
    """Name what is sent, and remember it for when the user types it."""
    language, now = asked.snapshot.language, session.now()
    offers = tuple(
        (session.offers.offered(language, each.confidence, now, first=each is shown[0]), each) for each in shown
    )
    session.shown[asked.snapshot.uri] = Shown(asked.snapshot, offers)
    return offers


def _still_shown(session: Session, asked: Asked) -> Offer | None:
    """Return what is left of the first of the last suggestions that the user types; learn what became of the others."""
    shown = session.shown.get(asked.snapshot.uri)
    if shown is None:
        return None
    for name, suggestion in shown.offers:
        if (rest := reuse.rest(shown.snapshot, suggestion, asked.snapshot, asked.offset)) is not None:
            return name, rest
    out = [name for name, each in shown.offers if reuse.is_typed_out(shown.snapshot, each, asked.snapshot)]
    for name, _ in shown.offers:
        if name in out[:1]:
            session.offers.taken(name)
        elif not out:
            session.offers.replaced(name, session.now())
    return None


def _as_selected(asked: Asked) -> tuple[Snapshot, int]:
    """Return the document and the caret as if the selected entry of the completion list had been taken."""
    snapshot, selected = asked.snapshot, asked.selected
    if selected is None:
        return snapshot, asked.offset
    text = snapshot.text[: selected.start] + selected.text + snapshot.text[selected.end :]
    document = Document(snapshot.uri, snapshot.version, text, snapshot.language)
    return document.snapshot(), selected.start + len(selected.text)


def _at_caret(asked: Asked, seen: Snapshot, offset: int, suggestion: Suggestion) -> Suggestion | None:
    """Fit a suggestion for `seen` to the client's text: one line, holding the caret. None: it does not fit."""
    fitting: Suggestion | None = _stretched(seen.text, offset, suggestion)
    if asked.selected is not None and fitting is not None:
        fitting = _after_selected(asked.selected, seen.text, offset, fitting)
    return None if fitting is None else _on_one_line(asked.snapshot, asked.offset, fitting)


def _stretched(text: str, offset: int, suggestion: Suggestion) -> Suggestion:
    """Make the range hold the caret, by taking the text between them into it."""
    start, end = min(suggestion.start, offset), max(suggestion.end, offset)
    new = text[start : suggestion.start] + suggestion.text + text[suggestion.end : end]
    return replace(suggestion, start=start, end=end, text=new)


def _after_selected(selected: Selected, text: str, offset: int, suggestion: Suggestion) -> Suggestion | None:
    """Begin the suggestion with the selected entry, as editors demand. None: it does not go on from it."""
    start = min(suggestion.start, selected.start)
    new = text[start : suggestion.start] + suggestion.text
    begins = text[start:offset]
    if not new.startswith(begins) or len(new) == len(begins):
        return None
    end = selected.end + suggestion.end - offset
    return replace(suggestion, start=selected.start, end=end, text=new[selected.start - start :])


def _on_one_line(snapshot: Snapshot, offset: int, suggestion: Suggestion) -> Suggestion | None:
    """Leave out what the suggestion does not change, until its range lies on the caret's line. None: it never does."""
    index, old, new = snapshot.index, snapshot.text, suggestion.text
    line = index.line_of(offset)
    start, end = suggestion.start, suggestion.end
    while start < index.line_start(line) and new and new[0] == old[start]:
        start, new = start + 1, new[1:]
    while end > index.line_end(line) and new and new[-1] == old[end - 1]:
        end, new = end - 1, new[:-1]
    if start < index.line_start(line) or end > index.line_end(line):
        return None
    return replace(suggestion, start=start, end=end, text=new)
