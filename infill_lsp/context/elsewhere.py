"""What stands elsewhere with the names near a hole: definitions of other documents, then pieces of any that share most.

Each document's text stands below a comment with the end of its path. Which documents may be read is decided by whoever
hands them over. It knows no hole and no session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infill_lsp.context.budget import Budget
from infill_lsp.context.names import names_in
from infill_lsp.context.neighbours import Neighbours, label
from infill_lsp.context.outline import Outline
from infill_lsp.context.outline_memory import OutlineMemory
from infill_lsp.context.pieces import Piece, Worth, alike, best
from infill_lsp.context.skeleton import NOTHING, Visible, fitting, named, rendered
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot

_LEAST_ALIKE = 0.2
_RECENT = 1.5
_DEFINITIONS = 0.5  # of the room


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known besides one document: others, the last places edited by URI, and what was read so far."""

    others: tuple[Snapshot, ...] = ()
    edited: Mapping[str, Sequence[int]] = field(default_factory=dict)
    neighbours: Neighbours = field(default_factory=Neighbours)
    memory: OutlineMemory | None = None  # None: outlines are read anew


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: names near the hole, the names that are visible, and the room that there is."""

    near: frozenset[str]
    seen: frozenset[str]
    visible: Visible  # of the document itself, in the text of its outline
    budget: Budget
    room: int


def elsewhere(wanted: Wanted, snapshot: Snapshot, own: Outline | None, surroundings: Surroundings) -> str:
    """Lay out what fits, the documents in the order of their URIs and each in its own order."""
    language, budget = language_for(snapshot.language), wanted.budget
    found: dict[str, list[tuple[int, str]]] = {}
    seen = wanted.seen
    room, room_of_definitions = wanted.room, int(wanted.room * _DEFINITIONS)
    for uri, outline in surroundings.neighbours.outlines(language, surroundings.others):
        definitions = named(outline, sorted(wanted.near & outline.named.keys()), NOTHING, frozenset())
        head = budget.cost(label(uri, language))
        if taken := fitting(outline, definitions, budget, room_of_definitions - head):
            text = rendered(outline, taken)
            cost = head + budget.cost(text)
            room_of_definitions -= cost
            room -= cost
            seen |= names_in(text, language.id)
            found[uri] = [(-1, text)]
    pieces, candidates = _candidates(wanted, snapshot, own, surroundings)

    def cost_of(number: int) -> int:
        uri = pieces[number].uri or snapshot.uri
        return budget.cost(pieces[number].text) + (0 if uri in found else budget.cost(label(uri, language)))

    for number in best(candidates, Worth({} if own is None else own.counts, seen), cost_of, room):
        piece = pieces[number]
        found.setdefault(piece.uri or snapshot.uri, []).append((piece.start, piece.text))
    return "".join(label(uri, language) + "".join(text for _, text in sorted(found[uri])) for uri in sorted(found))


def _candidates(
    wanted: Wanted, snapshot: Snapshot, own: Outline | None, surroundings: Surroundings
) -> tuple[list[Piece], list[tuple[float, int, frozenset[str]]]]:
    texts = surroundings.neighbours.pieces(language_for(snapshot.language), surroundings.others)
    if own is not None:
        texts.append(own.pieces)
    pieces: list[Piece] = []
    candidates: list[tuple[float, int, frozenset[str]]] = []
    for likeness, piece in alike(texts, wanted.near):
        if piece.uri or piece.end <= wanted.visible.start or piece.start >= wanted.visible.end:
            places = surroundings.edited.get(piece.uri or snapshot.uri, ())
            recent = _RECENT if any(piece.start <= place < piece.end for place in places) else 1
            candidates.append(((_LEAST_ALIKE + likeness) * recent, len(pieces), piece.names))
            pieces.append(piece)
    return pieces, candidates
