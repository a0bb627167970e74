"""Parts of an outline as code: which items are worth their room, and how they read without what stands between them.

It knows no hole: a place, what is visible anyway and a budget come in, items and text go out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from infill_lsp.context.budget import Budget
from infill_lsp.context.names import names_in
from infill_lsp.context.outline import Outline
from infill_lsp.context.pieces import Worth, best

_MAX_LOOKED_AT = 120  # items on either side
_MAX_MISFITS = 8
_FADES = 20  # items away, where one counts half
_KIN, _KIN_FIELD = 3, 12
_MAX_MEMBERS = 24


@dataclass(frozen=True, slots=True)
class Visible:
    """The part of a text that is shown as it is."""

    start: int
    end: int

    def hides(self, outline: Outline, position: int) -> bool:
        """Tell whether nothing of an item is visible."""
        item = outline.items[position]
        return item.end <= self.start or item.start >= self.end


NOTHING = Visible(-1, -1)


def rendered(outline: Outline, positions: Iterable[int], base: tuple[int, ...] = ()) -> str:
    """Lay items out in their order, within the headers of what holds them; `base` is open already and stays so."""
    wanted = sorted(positions)
    holders = {holder for position in wanted for holder in outline.ancestors(position)}
    lines: list[str] = []
    opened: list[int] = []
    seen: set[tuple[int, str]] = set()
    for position in wanted:
        around = [holder for holder in reversed(outline.ancestors(position)) if holder not in base]
        while opened and opened != around[: len(opened)]:
            lines.append(outline.closing(opened.pop()))
        for holder in around[len(opened) :]:
            lines.append(outline.header(holder))
            opened.append(holder)
        line = outline.signature(position)
        parent = outline.items[position].parent
        if position not in holders and position not in base and (parent, line) not in seen:
            seen.add((parent, line))
            lines.append(line)
    lines += (outline.closing(holder) for holder in reversed(opened))
    return "".join(lines)


def rendered_open(outline: Outline, positions: Iterable[int], chain: tuple[int, ...]) -> tuple[str, str]:
    """Lay items out around a place: what is closed before it, and the headers that hold it with their members."""
    groups: dict[int, list[int]] = {}
    for position in positions:
        holder = next((each for each in outline.ancestors(position) if each in chain), -1)
        if position not in chain:
            groups.setdefault(holder, []).append(position)
    inner: list[str] = []
    for depth, holder in enumerate(chain):
        inner.append(outline.header(holder))
        inner.append(rendered(outline, groups.get(holder, ()), chain[: depth + 1]))
    return rendered(outline, groups.get(-1, ())), "".join(inner)


def chosen(
    outline: Outline, here: int, chain: tuple[int, ...], visible: Visible, worth: Worth, budget: Budget, room: int
) -> list[int]:
    """Choose the items that are not visible and tell most: near ones first, those of the classes around above all.

    `here` is the first item behind the place and `chain` holds it. What is chosen costs at most `room`.
    """
    around = [name for holder in chain for name in names_in(outline.header(holder), outline.language.id)]
    kin = {each for name in around for each in outline.named.get(name, ()) if outline.items[each].role == "class"}
    candidates: list[tuple[float, int, frozenset[str]]] = []
    for position in range(max(here - _MAX_LOOKED_AT, 0), min(here + _MAX_LOOKED_AT, len(outline.items))):
        item = outline.items[position]
        if item.role == "import" or position in chain or not visible.hides(outline, position):
            continue
        factor = 1 / (1 + abs(position - here) / _FADES)
        if item.parent in kin or (item.parent in chain and outline.items[item.parent].role == "class"):
            factor *= _KIN_FIELD if item.role == "field" else _KIN
        candidates.append((factor, position, outline.names(position)))
    opened = set(chain)

    def cost(position: int) -> int:
        holders = (holder for holder in outline.ancestors(position) if holder not in opened)
        headers = sum(budget.cost(outline.header(holder) + outline.closing(holder)) for holder in holders)
        return headers + budget.cost(outline.signature(position))

    return best(candidates, worth, cost, room)


def named(outline: Outline, names: Iterable[str], visible: Visible, taken: frozenset[int]) -> list[int]:
    """Find the definitions of names that are neither visible nor taken, with the members of classes among them."""
    found: dict[int, None] = {}
    members: dict[int, None] = {}
    for name in names:
        for position in outline.named.get(name, ()):
            if position not in taken and visible.hides(outline, position):
                found[position] = None
                members |= dict.fromkeys(outline.members.get(position, [])[:_MAX_MEMBERS])
    return [*found, *(position for position in members if position not in found and position not in taken)]


def fitting(
    outline: Outline, ranked: Iterable[int], budget: Budget, room: int, base: tuple[int, ...] = ()
) -> tuple[int, ...]:
    """Take items, best first, as long as they and the headers around them fit."""
    taken: list[int] = []
    opened = set(base)
    misfits = 0
    for position in ranked:
        around = [holder for holder in outline.ancestors(position) if holder not in opened]
        cost = budget.cost(outline.signature(position))
        cost += sum(budget.cost(outline.header(holder) + outline.closing(holder)) for holder in around)
        if cost > room:
            misfits += 1
            if misfits > _MAX_MISFITS:
                break
            continue
        room -= cost
        opened.update(around)
        taken.append(position)
    return tuple(taken)
