"""The prefix as structure: pieces from elsewhere, imports, headers of definitions, then the text before the hole.

What changes most stands last, and where the plain text begins moves by whole steps, so that what an engine knows of a
prefix stays valid over many keystrokes. All of it reads as code of the language. It knows no engine and no session.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_lsp.context.budget import Budget
from infill_lsp.context.elsewhere import Surroundings, Wanted, elsewhere
from infill_lsp.context.names import finished_names_in, names_in
from infill_lsp.context.outline import Outline
from infill_lsp.context.outline_memory import fresh_view
from infill_lsp.context.pieces import Worth, best
from infill_lsp.context.plain_text import Plain
from infill_lsp.context.skeleton import Visible, chosen, fitting, named, rendered, rendered_open
from infill_lsp.holes.hole import Hole
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot

_STEPS = 32
_TAB = 8
_NEAR_CHARS = 2_000
_UNTOUCHED_CHARS = 300
_EXTENT_OF_ALL_OTHERS, _LEAST_OTHERS = 60_000, 0.04
_MAX_TRIES = 4
_LEAST_SHARE = 0.2
_SHORT_HEADERS = 0.04


@dataclass(frozen=True, slots=True)
class Shares:
    """Which parts of a budget are kept for what is not the text near the hole."""

    others: float = 0.15  # at most: of a small budget less, since the file itself tells more
    imports: float = 0.1
    outline: float = 0.12
    named: float = 0.02


SHARES = Shares()


def structured(
    snapshot: Snapshot,
    hole: Hole,
    lead: str,
    suffix_end: int,
    budget: Budget,
    surroundings: Surroundings,
    shares: Shares = SHARES,
) -> str | None:
    """Lay a prefix out as structure. None: there is nothing to add to the text before the hole."""
    work = _Work(snapshot, hole, lead, suffix_end, budget, surroundings, shares)
    return work.prefix()


class _Work:
    """One prefix in the making."""

    def __init__(
        self,
        snapshot: Snapshot,
        hole: Hole,
        lead: str,
        suffix_end: int,
        budget: Budget,
        surroundings: Surroundings,
        shares: Shares,
    ) -> None:
        self.snapshot, self.hole, self.lead, self.suffix_end = snapshot, hole, lead, suffix_end
        self.budget, self.surroundings, self.shares = budget, surroundings, shares
        self.language = language_for(snapshot.language)
        self.step = max(1, budget.extent // _STEPS)
        memory = surroundings.memory
        self.view = memory.view(snapshot, hole.start) if memory else fresh_view(snapshot, hole.start)
        text, start = snapshot.text, hole.start
        # Names on the line that is being typed would change what is best at every keystroke.
        steady = start // self.step * self.step
        self.near = names_in(text[max(steady - _NEAR_CHARS, 0) : steady], snapshot.language)
        self.near |= names_in(text[hole.end : min(hole.end + _NEAR_CHARS // 2, suffix_end)], snapshot.language)
        self.plain = self._plain()

    def prefix(self) -> str | None:
        """Lay the prefix out, or give None where there is nothing but plain text."""
        budget, room = self.budget, self.budget.chars
        if room <= 0:
            return None
        # The function around the hole comes first: the parts share what it leaves, but for a little of it.
        inside = self.plain.text(self.function)
        inner = 1.0 if budget.is_over(inside, room) else -(-budget.cost(inside) * _STEPS // room) / _STEPS
        share_of_others = min(self.shares.others, max(budget.extent / _EXTENT_OF_ALL_OTHERS, _LEAST_OTHERS))
        wanted = share_of_others + self.shares.imports + self.shares.outline + self.shares.named
        self.scale = min(1.0, max(1 - inner, _LEAST_SHARE) / wanted) if wanted else 0.0
        near_cut = self.plain.cut(int(room * (1 - wanted * self.scale)))
        room_of_others = int(room * share_of_others * self.scale)
        others = self._others(room_of_others, near_cut, self._own(near_cut))
        kept = budget.cost(others)
        cut = near_cut if self.plain.cut(room - kept) > 0 else 0
        own = self._own(cut)
        left = room - kept - budget.cost(own) - self.plain.cost(cut)
        for _ in range(_MAX_TRIES):
            # What the parts leave over is for the plain text; a part that is near it then may need less, or more.
            if cut == 0 or left < self.step:
                break
            nearer = self.plain.cut(self.plain.cost(cut) + left // self.step * self.step)
            nearer_own = self._own(nearer)
            nearer_left = room - kept - budget.cost(nearer_own) - self.plain.cost(nearer)
            if nearer >= cut or nearer_left < 0:
                break
            cut, own, left = nearer, nearer_own, nearer_left
        more = kept + left // self.step * self.step
        if more > room_of_others:
            others = self._others(more, cut, own)
        head = others + own
        text = head + self.plain.text(cut)
        before = self.snapshot.text[: self.hole.start] + self.lead
        fits_as_it_is = not head and not budget.is_over(before, room)
        return None if fits_as_it_is or before.endswith(text) or budget.is_over(text, room) else text

    def _plain(self) -> Plain:
        """Prepare the text before the hole: as it is in the function around, without comments further up."""
        self.function = untouched = max(self.hole.start - _UNTOUCHED_CHARS, 0) // self.step * self.step
        if self.view is not None:
            outline, place = self.view.outline, self.view.offset(self.hole.start)
            column = len(self.hole.indent.expandtabs(_TAB))
            for each in outline.chain(place, column):
                if outline.items[each].role == "function":  # the innermost one
                    self.function = outline.items[each].start
                    untouched = min(self.function, untouched)
        return Plain(
            self.snapshot.text, self.hole.start, self.lead, untouched, self.snapshot.language, self.budget, self.step
        )

    def _own(self, cut: int) -> str:
        """Lay out what the file itself declares outside of what is shown of it as it is."""
        if self.view is None:
            return ""
        view, outline = self.view, self.view.outline
        visible = Visible(view.offset(cut), view.offset(self.suffix_end))
        chain = outline.chain(view.offset(self.hole.start), len(self.hole.indent.expandtabs(_TAB)))
        held = self._held(outline, chain, visible.start)
        here = outline.first_at(view.offset(self.hole.start))
        names, seen, scale = tuple(self._names(cut, outline)), self._seen(cut), self.scale

        def make() -> str:
            budget, room, shares = self.budget, self.budget.chars * scale, self.shares
            worth = Worth(outline.counts, seen)
            imports = self._imports(outline, visible, worth, int(room * shares.imports))
            headers = sum(budget.cost(outline.header(each)) for each in held)
            room_of_outline = max(int(room * shares.outline) - headers, 0)
            picked = chosen(outline, here, chain, visible, worth, budget, room_of_outline)
            wanted = named(outline, names, visible, frozenset(picked))
            more = fitting(outline, wanted, budget, int(room * shares.named))
            closed, opened = rendered_open(outline, [*picked, *more], held)
            return imports + closed + opened

        if self.surroundings.memory is None:
            return make()
        key = (outline, visible, chain, held, here, names, seen, scale, self.budget, self.shares)
        return self.surroundings.memory.laid_out(*key, make=make)

    def _held(self, outline: Outline, chain: tuple[int, ...], start: int) -> tuple[int, ...]:
        """Give the items whose headers must stand before the plain text: those around the hole, and short ones."""
        around = tuple(each for each in chain if outline.items[each].start < start)
        others = tuple(each for each in outline.chain(start, 0) if each not in around)
        cost = sum(self.budget.cost(outline.header(each)) for each in others)
        return around + others if cost <= self.budget.chars * _SHORT_HEADERS else around

    def _seen(self, cut: int) -> frozenset[str]:
        """Give the names in what is shown as it is, without those that are being typed."""
        text, language_id = self.snapshot.text, self.language.id
        steady = self.hole.start // self.step * self.step
        return names_in(text[cut:steady], language_id) | names_in(text[self.hole.end : self.suffix_end], language_id)

    def _imports(self, outline: Outline, visible: Visible, worth: Worth, room: int) -> str:
        """Lay out the imports that tell most: of those whose names are visible the use is seen there."""
        positions = [
            each for each, item in enumerate(outline.items) if item.role == "import" and item.end <= visible.start
        ]
        candidates = [(1.0, each, outline.names(each)) for each in positions]
        picked = best(candidates, worth, lambda each: self.budget.cost(outline.signature(each)), room)
        return rendered(outline, picked)

    def _names(self, cut: int, outline: Outline) -> list[str]:
        """Give the defined names near the hole, the last one before it first."""
        text, start, end = self.snapshot.text, self.hole.start, self.hole.end
        before = text[max(cut, start - _NEAR_CHARS) : start]
        names = finished_names_in(before, self.language.id) & outline.named.keys()
        after = names_in(text[end : min(self.suffix_end, end + 400)], self.language.id) & outline.named.keys() - names
        return sorted(names, key=lambda name: (-before.rfind(name), name)) + sorted(after)

    def _others(self, room: int, cut: int, own: str) -> str:
        """Lay out what stands elsewhere with the names near the hole: definitions, then pieces that share most."""
        seen, view = self._seen(cut) | names_in(own, self.language.id), self.view
        visible = Visible(0, 0) if view is None else Visible(view.offset(cut), view.offset(self.suffix_end))

        def make() -> str:
            own = None if view is None else view.outline
            wanted = Wanted(self.near, seen, visible, self.budget, room)
            return elsewhere(wanted, self.snapshot, own, self.surroundings)

        if self.surroundings.memory is None or view is None:
            return make()
        others = tuple((each.uri, each.version, hash(each.text)) for each in self.surroundings.others)
        edited = tuple(sorted((uri, tuple(places)) for uri, places in self.surroundings.edited.items()))
        key = (view.outline, visible, seen, self.near, room, self.budget, others, edited)
        return self.surroundings.memory.laid_out(*key, make=make)
