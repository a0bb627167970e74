"""The holes of the infill benchmark: single-line, multi-line and random spans, in each language with a grammar.

A language is one row of a table of node types. Drawing depends on the files' names and a seed alone. It knows no
checkpoint; whoever draws says which holes fit.
"""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import tree_sitter

from engine.training.held_out import HOLES_PER_FILE, MAX_CHARS, MIN_CHARS, HeldOutHole, SourceFile, draw_holes, shuffled
from engine.training.scores import parses_as_python

GROUPS = ("single-line", "multi-line", "random span")
_MIN_LINES, _MAX_LINES = 2, 8
_MIN_SPAN, _MAX_SPAN, _SPAN_TRIES = 3, 100, 12


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a language's grammar is and which of its nodes are holes. A pair is a node type and one of its fields."""

    module: str
    function: str = "language"
    inner: frozenset[str] = frozenset({"argument_list"})  # the children from the first to the last are the hole
    fields: frozenset[tuple[str, str]] = frozenset()
    returns: frozenset[str] = frozenset({"return_statement"})
    statements: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset({"block"})


_SCRIPT_FIELDS = frozenset(
    {("variable_declarator", "value"), ("assignment_expression", "right"), ("if_statement", "condition")}
)
_SCRIPT_STATEMENTS = frozenset({"expression_statement", "return_statement", "lexical_declaration", "throw_statement"})

_LANGUAGES = {
    "python": Grammar("tree_sitter_python"),  # its single-line holes come from `engine.training.held_out`
    "javascript": Grammar(
        "tree_sitter_javascript",
        inner=frozenset({"arguments"}),
        fields=_SCRIPT_FIELDS,
        statements=_SCRIPT_STATEMENTS,
        blocks=frozenset({"statement_block"}),
    ),
    "typescript": Grammar(
        "tree_sitter_typescript",
        "language_typescript",
        inner=frozenset({"arguments"}),
        fields=_SCRIPT_FIELDS,
        statements=_SCRIPT_STATEMENTS,
        blocks=frozenset({"statement_block"}),
    ),
    "go": Grammar(
        "tree_sitter_go",
        fields=frozenset(
            {
                ("short_var_declaration", "right"),
                ("assignment_statement", "right"),
                ("var_spec", "value"),
                ("if_statement", "condition"),
            }
        ),
        statements=frozenset(
            {"expression_statement", "short_var_declaration", "assignment_statement", "return_statement"}
        ),
    ),
    "rust": Grammar(
        "tree_sitter_rust",
        inner=frozenset({"arguments"}),
        fields=frozenset(
            {("let_declaration", "value"), ("assignment_expression", "right"), ("if_expression", "condition")}
        ),
        returns=frozenset({"return_expression"}),
        statements=frozenset({"expression_statement", "let_declaration"}),
    ),
    "c": Grammar(
        "tree_sitter_c",
        fields=frozenset(
            {("init_declarator", "value"), ("assignment_expression", "right"), ("if_statement", "condition")}
        ),
        statements=frozenset({"expression_statement", "return_statement", "declaration"}),
        blocks=frozenset({"compound_statement"}),
    ),
    "java": Grammar(
        "tree_sitter_java",
        fields=_SCRIPT_FIELDS,
        statements=frozenset(
            {"expression_statement", "local_variable_declaration", "return_statement", "throw_statement"}
        ),
    ),
    "shell": Grammar(
        "tree_sitter_bash",
        inner=frozenset({"test_command"}),
        fields=frozenset({("variable_assignment", "value")}),
        returns=frozenset(),
        statements=frozenset({"command", "declaration_command", "variable_assignment"}),
        blocks=frozenset({"compound_statement", "do_group"}),
    ),
}


def known_languages() -> tuple[str, ...]:
    """Return the languages that holes are drawn in where their grammars are installed."""
    return tuple(_LANGUAGES)


def draw(
    files: Sequence[SourceFile],
    language: str,
    group: str,
    count: int,
    seed: int,
    fits: Callable[[HeldOutHole], bool] = lambda _: True,
) -> list[HeldOutHole]:
    """Return up to `count` holes of a language and group, at most three a file; fewer where the files hold no more.

    `fits` sorts out multi-line holes and spans that a checkpoint has no room for. Single-line holes are all kept.
    """
    of_language = [file for file in files if file.language == language]
    if language == "python" and group == "single-line":
        return draw_holes(of_language, count, seed)
    return list(islice(_drawn(shuffled(of_language, seed), language, group, seed, fits), count))


def parses(hole: HeldOutHole, fill: str, language: str) -> bool:
    """Whether a fill leaves the file as clean as it was: Python by `ast`, other languages by their grammar's faults.

    A blank fill never counts as clean.
    """
    if not fill.strip():
        return False
    if language == "python":
        return parses_as_python(hole.filled(fill)) or not parses_as_python(hole.text)
    return _num_faults(hole.filled(fill), language) <= _num_faults(hole.text, language)


def _drawn(
    files: Sequence[SourceFile], language: str, group: str, seed: int, fits: Callable[[HeldOutHole], bool]
) -> Iterator[HeldOutHole]:
    for file in files:
        if not file.text.isascii():
            continue  # Offsets of the tree count bytes.
        generator = random.Random(f"{seed} {group} {file.package} {file.path}")
        if group == "random span":
            found = _spans(file.text, generator)
        else:
            found = _nodes(file.text, _LANGUAGES[language], language, multiline=group == "multi-line")
            generator.shuffle(found)
        kept = found if group == "single-line" else (hole for hole in found if fits(hole))
        yield from islice(kept, HOLES_PER_FILE)


def _spans(text: str, generator: random.Random) -> list[HeldOutHole]:
    """Return spans of log-uniform length that begin and end at ink: white space at an edge cannot be asked for."""
    inked = [place for place, character in enumerate(text) if not character.isspace()]
    spans = []
    for _ in range(_SPAN_TRIES if inked else 0):
        start = generator.choice(inked)
        length = round(math.exp(generator.uniform(math.log(_MIN_SPAN), math.log(_MAX_SPAN))))
        gold = text[start : start + length].rstrip()
        if len(gold) >= _MIN_SPAN:
            spans.append(HeldOutHole(text, start, start + len(gold), "span"))
    return spans


def _nodes(text: str, grammar: Grammar, language: str, *, multiline: bool) -> list[HeldOutHole]:
    """Return the holes of a file in the order of its text."""
    holes = []
    for node in _walk(_tree(text, language)):
        for kind, start, end in _block(node, grammar) if multiline else _single(node, grammar):
            gold = text[start:end].rstrip()
            lines = gold.count("\n") + 1
            if multiline and _MIN_LINES <= lines <= _MAX_LINES and "\n" in text[:start]:
                holes.append(HeldOutHole(text, start, start + len(gold), kind))
            elif not multiline and lines == 1 and MIN_CHARS <= len(gold) <= MAX_CHARS:
                holes.append(HeldOutHole(text, start, start + len(gold), kind))
    return holes


def _block(node: tree_sitter.Node, grammar: Grammar) -> Iterator[tuple[str, int, int]]:
    if node.type in grammar.blocks:
        yield from _inside(node, "block")


def _single(node: tree_sitter.Node, grammar: Grammar) -> Iterator[tuple[str, int, int]]:
    if node.type in grammar.inner:
        yield from _inside(node, "arguments")
    if node.type in grammar.returns:
        yield from _inside(node, "return")
    if node.type in grammar.statements and not any(child.type.startswith("string") for child in node.children):
        yield "statement", node.start_byte, node.end_byte
    for kind, field in grammar.fields:
        value = node.child_by_field_name(field) if node.type == kind else None
        if value is not None and value.type == "parenthesized_expression":
            yield from _inside(value, field)
        elif value is not None:
            yield "condition" if field == "condition" else "value", value.start_byte, value.end_byte


def _inside(node: tree_sitter.Node, kind: str) -> Iterator[tuple[str, int, int]]:
    children = node.named_children
    if children:
        yield kind, children[0].start_byte, children[-1].end_byte


def _walk(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def _num_faults(text: str, language: str) -> int:
    root = _tree(text, language)
    return sum(node.is_error or node.is_missing for node in _walk(root)) if root.has_error else 0


def _tree(text: str, language: str) -> tree_sitter.Node:
    return tree_sitter.Parser(_grammar(language)).parse(text.encode("utf-8", "surrogatepass")).root_node


@cache
def _grammar(language: str) -> tree_sitter.Language:
    """Raises: ValueError naming what to install."""
    grammar = _LANGUAGES[language]
    try:
        module = importlib.import_module(grammar.module)
    except ImportError:
        raise ValueError(f"no grammar for {language} is installed; run pip install -e '.[bench]'") from None
    return tree_sitter.Language(getattr(module, grammar.function)())
