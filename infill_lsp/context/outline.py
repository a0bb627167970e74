"""What a file declares: its imports, definitions and fields, each as a line or a header without its body.

An outline is made from a tree once and serves until that tree's text is far away: what it gives is text of its own.
It knows no hole and no budget.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple

from infill_lsp.context.names import name_counts, names_in
from infill_lsp.context.pieces import Pieces
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.comments import comment_lines
from infill_lsp.reading.scan import CLOSER_OF
from infill_lsp.text.document import Snapshot
from infill_lsp.trees.landmarks import Landmark

Role = Literal["import", "function", "class", "field"]

_MAX_FIELD_CHARS = 160
_MAX_HEADER_CHARS = 240
_MAX_ASSIGNED = 12
_FIRST_BLANK, _LAST_COMMA = re.compile(r"([(\[]) "), re.compile(r",? ([)\]])")
_BLANKS = re.compile(r"\s*\n\s*")
_ASSIGNED = re.compile(r"([^\W\d]\w*)[ \t]*(?:[:=,]|$)")
_MAX_TAIL = 80
# In code points on either side: all of a text of 20,000 lines would hold up a keystroke for a tenth of a second.
_READ_AROUND = 150_000


class Item(NamedTuple):
    """One import, definition or field: its range, that of its body, its name, and the item that holds it (-1: none)."""

    role: Role
    parent: int
    line: int
    start: int
    end: int
    body_start: int  # equal to `body_end`: no body
    body_end: int
    name: str


class Outline:
    """The items of one text, in its order. What is read of all its lines is read near one place of a long text."""

    def __init__(self, text: str, language: Language, items: list[Item], around: int) -> None:
        self.text = text
        self.language = language
        self.items = items
        self._near = max(around - _READ_AROUND, 0), max(around, 0) + _READ_AROUND
        self._starts = [item.start for item in items]
        self._signatures: dict[int, str] = {}
        self._names: dict[int, frozenset[str]] = {}

    @cached_property
    def named(self) -> dict[str, list[int]]:
        """The definitions and fields of each name."""
        found: dict[str, list[int]] = {}
        for position, item in enumerate(self.items):
            if item.name and item.role != "import":
                found.setdefault(item.name, []).append(position)
        return found

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each name stands in the text."""
        first, last = self._near
        return name_counts(self.text[first:last], self.language.id)

    def names(self, position: int) -> frozenset[str]:
        """The names in the signature of an item."""
        if (known := self._names.get(position)) is None:
            known = self._names[position] = names_in(self.signature(position), self.language.id)
        return known

    @cached_property
    def pieces(self) -> Pieces:
        """The text in pieces of some lines."""
        return Pieces("", self.text, self.language.id, *self._near)

    @cached_property
    def members(self) -> dict[int, list[int]]:
        """The items that each item holds; -1 holds those of the file."""
        found: dict[int, list[int]] = {}
        for position, item in enumerate(self.items):
            found.setdefault(item.parent, []).append(position)
        return found

    def ancestors(self, position: int) -> tuple[int, ...]:
        """Give the items that hold an item, innermost first."""
        found: list[int] = []
        while (position := self.items[position].parent) >= 0:
            found.append(position)
        return tuple(found)

    def first_at(self, offset: int) -> int:
        """Give the first item that begins at an offset or right of it."""
        return bisect_left(self._starts, offset)

    def chain(self, offset: int, column: int) -> tuple[int, ...]:
        """Give the items that hold an offset, outermost first.

        Where blocks are made by indentation, a body that is still open to a line indented to `column` holds it too.
        """
        position = bisect_right(self._starts, offset) - 1
        found: list[int] = []
        while position >= 0:
            item = self.items[position]
            is_open = self.language.blocks == "indentation" and self._column(item) < column and item.role != "field"
            if item.role != "import" and (item.start < offset < item.end or is_open):
                found.append(position)
            position = item.parent
        return tuple(reversed(found))

    def indent(self, position: int) -> str:
        """Give the blanks that an item's line begins with."""
        start = self.items[position].line
        line = self.text.rfind("\n", 0, start) + 1
        before = self.text[line:start]
        return before if not before.strip() else before[: len(before) - len(before.lstrip())]

    def header(self, position: int) -> str:
        """Give a definition up to its body, with what opens the body."""
        item = self.items[position]
        if item.body_start == item.body_end:
            return f"{self.indent(position)}{self.text[item.start : item.end].partition(chr(10))[0].rstrip()}\n"
        head = _one_line(self.text[item.start : item.body_start], self.language)
        brace = " {" if self.text.startswith("{", item.body_start) else ""
        return f"{self.indent(position)}{head}{brace}\n"

    def closing(self, position: int) -> str:
        """Give what must follow the members of an item whose header was given."""
        item = self.items[position]
        tail = self.text[item.body_end : item.end].strip()
        if self.text.startswith("{", item.body_start):
            return f"{self.indent(position)}}}{_spaced(tail)}\n"
        return f"{self.indent(position)}{tail}\n" if tail else ""

    def signature(self, position: int) -> str:
        """Give an item as one short piece of code, its body left out; with a line break at its end."""
        if (known := self._signatures.get(position)) is None:
            known = self._signatures[position] = f"{self.indent(position)}{self._brief(position)}\n"
        return known

    def _brief(self, position: int) -> str:
        item, text = self.items[position], self.text
        if item.body_start == item.body_end:
            return _short(text[item.start : item.end], self.language)
        head = _one_line(text[item.start : item.body_start], self.language)
        tail = text[item.body_end : item.end].strip()
        fields = self._assigned(item)
        if text.startswith("{", item.body_start):
            return f"{head} {{\n{fields}{self.indent(position)}}}{tail}" if fields else f"{head} {{}}{_spaced(tail)}"
        if fields:
            return f"{head}\n{fields}{self.indent(position)}{tail}".rstrip()
        if self.language.blocks == "indentation":
            return f"{head} {self.language.neutral_statements[0]}" if self.language.neutral_statements else head
        if tail:
            return f"{head}\n{self.indent(position)}{tail}"
        return _short(text[item.start : item.end], self.language)

    def _assigned(self, item: Item) -> str:
        """Give the lines of a constructor that make fields, as in `self.name = name`."""
        if item.role != "function" or item.name not in self.language.constructor_names:
            return ""
        found = self.language.field_assignment.finditer(self.text, item.body_start, item.body_end)
        return "".join(match.group().rstrip() + "\n" for match in islice(found, _MAX_ASSIGNED))

    def _column(self, item: Item) -> int:
        return len(self.text[self.text.rfind("\n", 0, item.line) + 1 : item.line].expandtabs(8))


def outline(snapshot: Snapshot, around: int) -> Outline | None:
    """Read the outline off a snapshot's tree, with what the function at `around` holds. None: there is no tree."""
    if snapshot.tree is None:
        return None
    language, text = language_for(snapshot.language), snapshot.text
    roles = _roles(language)
    items: list[Item] = []
    above: list[int] = []  # the item that holds what comes at each depth; -1: it is left out
    for found in snapshot.tree.landmarks(frozenset(roles), language.class_kinds | language.wrapper_kinds, around):
        del above[found.depth :]
        parent = next((position for position in reversed(above) if position >= 0), -1)
        item = _item(found, roles[found.kind], parent, text, language)
        is_local = item.role == "field" and parent >= 0 and items[parent].role == "function"
        if (is_local and found.kind not in language.declaration_kinds) or _says_nothing(item, language):
            above.append(-1)
        else:
            above.append(len(items))
            items.append(item)
    return Outline(text, language, items, around)


def _roles(language: Language) -> dict[str, Role]:
    roles: dict[str, Role] = dict.fromkeys(language.field_kinds | language.declaration_kinds, "field")
    roles |= dict.fromkeys(language.import_kinds, "import")
    roles |= dict.fromkeys(language.class_kinds, "class")
    return roles | dict.fromkeys(language.function_kinds, "function")


def _item(found: Landmark, role: Role, parent: int, text: str, language: Language) -> Item:
    start, end = found.start, found.end
    # What stands around it on its own lines belongs to it: `export`, `typedef`, what closes a call.
    if "\n" not in text[found.outer_start : start]:
        start = found.outer_start
        if found.outer_end - end <= _MAX_TAIL and "\n" not in text[end : found.outer_end]:
            end = found.outer_end
    if text[end : end + 1] == ";" or (role == "field" and text[end : end + 1] == ","):
        end += 1
    body_start, body_end = found.body_start, found.body_end
    if (
        body_start == body_end
        and role != "field"
        and language.blocks == "braces"
        and text.startswith("}", found.end - 1)
    ):
        body_start, body_end = text.find("{", found.name_end, found.end), found.end
    if body_start < 0 or body_start >= body_end:
        body_start = body_end = end
    name = text[found.name_start : found.name_end]
    if not name and role == "field":
        find = _ASSIGNED.match if language.blocks == "indentation" else _ASSIGNED.search
        assigned = find(text, start, end)
        name = assigned.group(1) if assigned else ""
    line = found.outer_start if parent < 0 else start
    return Item(role, parent, line, start, end, body_start, body_end, name)


def _says_nothing(item: Item, language: Language) -> bool:
    """Tell whether what stands among fields is only a statement: a string that documents, a call."""
    return item.role == "field" and not item.name and language.blocks == "indentation"


def _one_line(text: str, language: Language) -> str:
    """Bring a header to one line, without comments on lines of their own; of a very long one, its first and last."""
    text = text.strip()
    if "\n" not in text:
        return text
    for start, end in reversed(comment_lines(f"{text}\n", language.id)):
        text = text[:start] + text[end:]
    text = text.strip()
    if len(text) > _MAX_HEADER_CHARS:
        lines = text.split("\n")
        text = f"{lines[0]}\n{lines[-1]}"
    if any(marker in text for marker in language.line_comments):
        return text
    return _LAST_COMMA.sub(r"\1", _FIRST_BLANK.sub(r"\1", _BLANKS.sub(" ", text)))


def _short(text: str, language: Language) -> str:
    """Give a short piece of code whole, and of a long one the first lines with their bracket closed."""
    text = text.strip()
    if len(text) <= _MAX_FIELD_CHARS:
        return text
    first, _, rest = text.partition("\n")
    first = first.rstrip()
    ended = text.rstrip(";,")
    if first[-1:] not in CLOSER_OF or ended[-1:] != CLOSER_OF[first[-1]] or len(first) > _MAX_FIELD_CHARS:
        return first[:_MAX_HEADER_CHARS]
    room = _MAX_FIELD_CHARS - len(first)
    kept = rest[: max(rest.rfind("\n", 0, room), 0)]
    last = text[text.rfind("\n") + 1 :]
    return f"{first}\n{kept}\n{last}" if kept and _is_balanced(kept) else first + ended[-1] + text[len(ended) :]


def _spaced(tail: str) -> str:
    """Part what follows a brace from it where it is a name."""
    return f" {tail}" if tail[:1].isalnum() else tail


def _is_balanced(text: str) -> bool:
    return all(text.count(opener) == text.count(closer) for opener, closer in CLOSER_OF.items())
