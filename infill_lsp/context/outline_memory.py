"""Outlines that outlive keystrokes: one is kept while all that was typed since lies in the body of one function.

Reading an outline costs milliseconds in a long file, and one of code that is broken at the moment is worse than that of
the same file a keystroke ago. It knows no hole and no budget.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from infill_lsp.actions.difference import difference
from infill_lsp.context.outline import Item, Outline, outline
from infill_lsp.context.repair import repaired
from infill_lsp.languages import language_for
from infill_lsp.text.document import Snapshot

_MAX_DOCUMENTS = 8
_MAX_PARTS = 64
_ANY_COLUMN = 1 << 30


@dataclass(frozen=True, slots=True)
class View:
    """An outline, seen from a text that may differ from its own in one range."""

    outline: Outline
    start: int  # of the range, in both texts
    end: int  # of the range in the newer text
    shift: int  # by how much what follows stands further right in the newer text

    def offset(self, offset: int) -> int:
        """Give the place in the outline's text of an offset in the newer one."""
        if offset <= self.start:
            return offset
        return offset - self.shift if offset >= self.end else self.start


class OutlineMemory:
    """The last outlines of some documents, and which function each was asked about."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Outline, Item | None]] = OrderedDict()
        self._parts: OrderedDict[tuple[Hashable, ...], str] = OrderedDict()

    def view(self, snapshot: Snapshot, around: int) -> View | None:
        """Give the outline of a document, with what the function at `around` holds. None: it has no tree."""
        known = self._known.get(snapshot.uri)
        if known is not None and known[0].language.id == language_for(snapshot.language).id:
            view = _seen(known[0], snapshot.text)
            if _still_stands(view, known[1], snapshot, around):
                return view
        fresh = fresh_view(snapshot, around)
        if fresh is not None:
            self._known[snapshot.uri] = fresh.outline, _function_at(fresh.outline, fresh.offset(around))
            self._known.move_to_end(snapshot.uri)
            while len(self._known) > _MAX_DOCUMENTS:
                self._known.popitem(last=False)
        return fresh

    def laid_out(self, *key: Hashable, make: Callable[[], str]) -> str:
        """Give a part of a prefix, laid out anew only if the key, all that it depends on, is not known."""
        if (known := self._parts.get(key)) is None:
            known = self._parts[key] = make()
            while len(self._parts) > _MAX_PARTS:
                self._parts.popitem(last=False)
        else:
            self._parts.move_to_end(key)
        return known

    def forget(self, uri: str) -> None:
        """Forget a document."""
        self._known.pop(uri, None)
        self._parts.clear()

    def keep(self, uris: frozenset[str]) -> None:
        """Forget every document but these."""
        for uri in self._known.keys() - uris:
            del self._known[uri]


def fresh_view(snapshot: Snapshot, around: int) -> View | None:
    """Read an outline anew; of broken code, that of the code with the missing brackets put in."""
    if snapshot.tree is None:
        return None
    sound = repaired(snapshot, around) if snapshot.tree.has_faults else None
    found = outline(sound or snapshot, around)
    return None if found is None else _seen(found, snapshot.text)


def _seen(known: Outline, text: str) -> View:
    if known.text is text:
        return View(known, len(text), len(text), 0)
    found = difference(known.text, text)
    return View(known, found.start, found.old_end + found.shift, found.shift)


def _still_stands(view: View, asked: Item | None, snapshot: Snapshot, around: int) -> bool:
    """Tell whether the texts differ only within the function that was asked about, as far as trees tell."""
    known = view.outline
    if _function_at(known, view.offset(around)) != asked:
        return False
    if view.start == view.end and not view.shift:
        return True
    after = known.first_at(view.end - view.shift)
    if asked is None or view.start <= asked.body_start or _function_at(known, view.start) != asked:
        return False
    if snapshot.tree is None or snapshot.tree.has_faults:
        return True  # What is broken now was whole a moment ago.
    changed = len(snapshot.text[asked.start : view.end].rstrip()) + asked.start
    end = max(asked.end + view.shift, changed)
    path = snapshot.tree.path_at(changed)
    if not any(asked.line <= node.start < asked.body_start and node.end == end for node in path):
        return False  # It has ended further up, or goes on further down.
    if after == len(known.items):
        return True
    below = known.items[after]
    start, end = below.start + view.shift, below.end + view.shift
    path = snapshot.tree.path_at(min(start + 1, end))
    return any(start <= node.start and node.end <= end for node in path) and any(node.start == start for node in path)


def _function_at(known: Outline, offset: int) -> Item | None:
    """Find the function that an offset stands in, or, where indentation decides that, the one above it."""
    items = (known.items[each] for each in reversed(known.chain(offset, _ANY_COLUMN)))
    return next((item for item in items if item.role == "function"), None)
