"""The nodes of a tree that an outline is made of: definitions, with the ranges of their names and bodies.

It walks trees of the parser's library, and like all that does it never recurses. It knows no language.
"""

from __future__ import annotations

from typing import NamedTuple

import tree_sitter

from infill_lsp.text.byte_offsets import offsets_of_bytes

_MAX_DEPTH = 500
_MAX_LANDMARKS = 20_000
_MAX_CHILDREN = 20_000
_MAX_TO_NAME = 5
_SMALL = 100


class Landmark(NamedTuple):
    """A node that a walk was asked for: its range, those of its name and its body, and how many others hold it.

    What it lacks is an empty range. The outer range is that of the nodes around it that the walk passed over.
    """

    kind: str
    depth: int
    outer_start: int
    outer_end: int
    start: int
    end: int
    name_start: int
    name_end: int
    body_start: int
    body_end: int


def landmarks(
    tree: tree_sitter.Tree, text: str, byte: int, wanted: frozenset[str], opened: frozenset[str]
) -> list[Landmark]:
    """Give the nodes of the wanted kinds; see `SyntaxTree.landmarks`, which knows offsets and no bytes."""
    found: list[tuple[str, int, tuple[int, ...]]] = []
    stack: list[tuple[tree_sitter.Node, int, tree_sitter.Node | None]]
    stack = [(node, 0, None) for node in reversed(_children(tree.root_node))]
    while stack and len(found) < _MAX_LANDMARKS:
        node, depth, outer = stack.pop()
        kind, start, end = node.type, node.start_byte, node.end_byte
        holds = start < byte < end
        if kind in wanted:
            name, body = _name_of(node), _body_of(node)
            around = (start, end) if outer is None else (outer.start_byte, outer.end_byte)
            named = (start, start) if name is None else (name.start_byte, name.end_byte)
            bodied = (end, end) if body is None else (body.start_byte, body.end_byte)
            found.append((kind, depth, (*around, start, end, *named, *bodied)))
            if depth < _MAX_DEPTH and (holds or kind in opened):
                stack += [(child, depth + 1, None) for child in reversed(_children(body or node))]
        elif depth < _MAX_DEPTH and (holds or node.is_error or kind in opened or node.descendant_count < _SMALL):
            stack += [(child, depth, outer or node) for child in reversed(_children(node))]
    at = offsets_of_bytes(text, (place for _, _, places in found for place in places))
    return [Landmark(kind, depth, *(at[place] for place in places)) for kind, depth, places in found]


def _children(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return node.named_children if node.child_count <= _MAX_CHILDREN else []


def _body_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Find the body of a definition, or of the function that a variable is declared with."""
    if (body := node.child_by_field_name("body")) is not None or not node.named_child_count:
        return body
    last = node.named_child(node.named_child_count - 1)
    value = last.child_by_field_name("value") if last is not None else None
    return value.child_by_field_name("body") if value is not None else None


def _name_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """Find the name of a definition, where grammars keep it: in a field of its own, or down a chain of declarators."""
    name = node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator") if name is None else None
    for _ in range(_MAX_TO_NAME):
        if inner is None:
            break
        name, inner = inner.child_by_field_name("name") or inner, inner.child_by_field_name("declarator")
    return name
