"""The structured prefix: what it shows, in what order, within every budget, and that typing leaves its head alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import FillRequest
from infill_lsp.actions.difference import difference
from infill_lsp.blocks.lines import leading, line_text
from infill_lsp.context.budget import Budget, estimated_tokens
from infill_lsp.context.context import request_for
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.context.outline_memory import OutlineMemory
from infill_lsp.context.structure import Shares, structured
from infill_lsp.holes.hole import Hole
from infill_lsp.text.document import Document, Snapshot
from infill_lsp.trees.syntax import parse
from tests.fixture import marked, snapshot_of

FILLER = "".join(f"    total = total + {number}\n" for number in range(40))

LONG = f'''"""A long file."""

import os
from shop.prices import price_of

LIMIT = 10


class Basket:
    """Things that are bought."""

    owner: str

    def __init__(self, owner):
        self.owner = owner
        self.articles = []
        print(owner)

    def add(self, article, number=1):
        for _ in range(number):
            self.articles.append(article)

    def report(self, lines, width):
        """Say what is in the basket.

        One line each.
        """
        total = 0
{FILLER.replace("    ", "        ")}
        return total

    def total(self):
        total = 0
        $0

    def clear(self):
        self.articles = []


def far_below(basket, discount):
    total = 0
{FILLER}
    return total
'''


def opened(name: str, text: str, language: str = "python") -> Snapshot:
    return Document(f"file:///project/shop/{name}", 1, text, language).snapshot(1.0)


def hole_of(snapshot: Snapshot, offset: int) -> Hole:
    """Make a hole at a caret, whether or not something would be offered there."""
    indent = leading(line_text(snapshot, snapshot.index.line_of(offset)))
    return Hole(offset, offset, "statement", indent, False, "a test")


def request(
    text: str,
    max_prefix_chars: int = 700,
    max_suffix_chars: int = 60,
    *,
    language: str = "python",
    others: Mapping[str, str] | None = None,
    tokens: int | None = None,
    around: Surroundings | None = None,
) -> FillRequest:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_of(snapshot, at.offset)
    if around is None:
        around = Surroundings(tuple(opened(name, other, language) for name, other in (others or {}).items()))
    made = request_for(
        snapshot,
        hole,
        num_candidates=1,
        max_prefix_chars=max_prefix_chars,
        max_suffix_chars=max_suffix_chars,
        deadline_ms=None,
        surroundings=around,
        max_prefix_tokens=tokens,
    )
    assert len(made.prefix) <= max_prefix_chars
    assert tokens is None or estimated_tokens(made.prefix) <= max(tokens, estimated_tokens(at.text))
    return made


def test_what_is_far_is_shown_as_headers_around_the_text_near_the_hole() -> None:
    made = request(LONG, 1_000)
    near = "".join(f"        total = total + {number}\n" for number in range(13, 40))
    assert made.prefix == (
        "from shop.prices import price_of\n"
        "LIMIT = 10\n"
        "class Basket:\n"
        "    owner: str\n"
        "    def add(self, article, number=1): pass\n"
        "    def report(self, lines, width):\n"
        f"{near}\n        return total\n\n    def total(self):\n        total = 0\n        "
    )
    assert not made.starts_file


@pytest.mark.parametrize(
    ("language", "text", "shown"),
    [
        (
            "go",
            "package shop\n\ntype Basket struct {\n\tarticles []string\n}\n\nfunc (b *Basket) Add(name string) {\n"
            "\tb.articles = append(b.articles, name)\n}\n\nfunc other() {\n"
            + "\tcount(1)\n" * 120
            + "}\n\nfunc (b *Basket) Total() int {\n\tcount(1)\n\t$0\n}\n",
            ["\tarticles []string\n", "func (b *Basket) Add(name string) {}\n", "func (b *Basket) Total() int {\n"],
        ),
        (
            "rust",
            "use std::fmt;\n\nstruct Basket {\n    articles: Vec<String>,\n}\n\nimpl Basket {\n"
            "    fn add(&mut self, name: String) {\n        self.articles.push(name);\n    }\n\n"
            "    fn other() {\n"
            + "        count(1);\n" * 80
            + "    }\n\n    fn total(&self) -> usize {\n        count(1);\n        $0\n    }\n}\n",
            [
                "    articles: Vec<String>,\n",
                "    fn add(&mut self, name: String) {}\n",
                "impl Basket {\n",
                "    fn total(&self) -> usize {\n",
            ],
        ),
        (
            "typescript",
            'import { price } from "./prices";\n\nconst limit = 10;\n\nexport class Basket {\n'
            "  private articles: string[] = [];\n\n  add(name: string): void {\n    this.articles.push(name);\n  }\n\n"
            "  other() {\n" + "    count(1);\n" * 80 + "  }\n\n  total(): number {\n    count(1);\n    $0\n  }\n}\n",
            [
                'import { price } from "./prices";\n',
                "const limit = 10;\n",
                "export class Basket {\n",
                "  private articles: string[] = [];\n",
                "  add(name: string): void {}\n",
                "  total(): number {\n",
            ],
        ),
        (
            "c",
            '#include "shop.h"\n\nstruct basket {\n    int number;\n};\n\nstatic int add(struct basket *b, int n) {\n'
            "    return b->number += n;\n}\n\nvoid other(void) {\n"
            + "    count(1);\n" * 80
            + "}\n\nint total(struct basket *b) {\n    count(1);\n    $0\n}\n",
            [
                '#include "shop.h"\n',
                "    int number;\n",
                "static int add(struct basket *b, int n) {}\n",
                "int total(struct basket *b) {\n",
            ],
        ),
    ],
)
def test_every_language_reads_as_code_of_itself(language: str, text: str, shown: list[str]) -> None:
    made = request(text, 1_000, language=language)
    for line in shown:
        assert line in made.prefix, made.prefix
    whole = marked(text)
    rest = whole.text[whole.offset :]
    tree = parse(made.prefix + rest, language)
    assert tree is not None
    assert not tree.has_faults, made.prefix


def test_comments_far_from_the_hole_give_way_to_code() -> None:
    text = (
        "def first():\n"
        + "    # a long remark\n" * 10
        + "    return name_of_first()\n\n\n"
        + "def other():\n    pass\n\n\n" * 40
        + "x = $0\n"
    )
    made = request(text, 1_200)
    assert "name_of_first" in made.prefix
    assert "remark" not in made.prefix


def test_definitions_and_pieces_of_other_documents_stand_first_below_their_path() -> None:
    prices = (
        "RATE = 3\n\n\ndef price_of(article, currency):\n    table = load_table(article)\n    return table[currency]\n"
    )
    made = request(
        "from prices import price_of\n\nx = price_of(1)\ny = x\n" * 8 + "z = $0\n", others={"prices.py": prices}
    )
    assert made.prefix.startswith("# project/shop/prices.py\ndef price_of(article, currency): pass\n")
    assert "load_table" in made.prefix
    assert made.prefix.endswith("x = price_of(1)\ny = x\nz = ")


def test_other_documents_that_are_not_code_of_the_language_stay_out() -> None:
    snapshot = opened("notes.go", "package notes\n\nfunc price_of() {}\n", "go")
    made = request("x = price_of(1)\n" * 8 + "y = $0\n", around=Surroundings((snapshot,)))
    assert "notes" not in made.prefix


def test_a_language_without_a_tree_is_shown_as_text() -> None:
    text = "some words and names\n" * 60 + "last $0\n"
    snapshot = snapshot_of(marked(text).text, "nothing-known")
    hole = Hole(len(snapshot.text) - 1, len(snapshot.text) - 1, "line", "", False, "a test")
    laid_out = structured(snapshot, hole, "", hole.end, Budget(300), Surroundings())
    assert laid_out is None or laid_out.endswith("some words and names\nlast ")


def test_the_request_is_always_the_same() -> None:
    others = {"a.py": "def total_of(articles):\n    return sum(articles)\n", "b.py": "articles = []\n"}
    made = request(LONG, others=others)
    assert made == request(LONG, others=others)
    around = Surroundings(tuple(opened(name, text) for name, text in others.items()), memory=OutlineMemory())
    assert [request(LONG, around=around) for _ in range(3)] == [made] * 3


def test_typing_leaves_the_head_of_the_prefix_as_it_is() -> None:
    others = (opened("a.py", "def total_of(articles):\n    return sum(articles)\n" * 3),)
    around = Surroundings(others, memory=OutlineMemory())
    typed = "value = total_of(self.articles) + other.compute(1)\n        if value:\n            return helper(value)"
    prefixes = [
        request(LONG.replace("$0", typed[:length] + "$0"), 2_000, around=around).prefix for length in range(len(typed))
    ]
    kept = [difference(*pair).start for pair in pairwise(prefixes)]
    whole = [common >= len(before) - 1 for common, before in zip(kept, prefixes, strict=False)]
    assert sum(whole) >= 0.9 * len(whole), kept
    assert len({prefix[:200] for prefix in prefixes}) <= 2


def test_an_edit_near_the_hole_leaves_the_head_of_the_prefix_as_it_is() -> None:
    before = request(LONG, 1_200).prefix
    after = request(LONG.replace("total + 39", "total + 3900"), 1_200).prefix
    assert before[:200] == after[:200]
    assert before != after


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3_000), st.integers(0, 400), st.none() | st.integers(0, 900), st.sampled_from(range(4)))
def test_the_budget_holds_whatever_it_is(
    max_prefix_chars: int, max_suffix_chars: int, tokens: int | None, num: int
) -> None:
    others = {f"m{each}.py": f"class Part{each}:\n    articles = owner = {each}\n" * 20 for each in range(num)}
    made = request(LONG, max_prefix_chars, max_suffix_chars, others=others, tokens=tokens)
    whole = marked(LONG)
    assert made.prefix.endswith(
        whole.text[: whole.offset].splitlines(True)[-1][-max_prefix_chars:] if max_prefix_chars else ""
    )
    assert whole.text[whole.offset :].startswith(made.suffix)


@settings(deadline=None, max_examples=60)
@given(st.integers(50, 2_000), st.integers(20, 600))
def test_a_structured_prefix_costs_no_more_than_there_is(chars: int, tokens: int) -> None:
    at = marked(LONG)
    snapshot = snapshot_of(at.text)
    hole = hole_of(snapshot, at.offset)
    others = (opened("a.py", "articles = owner = total\n" * 50),)
    laid_out = structured(snapshot, hole, "", hole.end + 40, Budget(chars, tokens), Surroundings(others), Shares())
    if laid_out is not None:
        assert len(laid_out) <= chars
        assert estimated_tokens(laid_out) <= tokens


@given(st.text("ab_ 1+\n", max_size=60), st.integers(0, 80), st.none() | st.integers(0, 40), st.integers(0, 80))
def test_a_text_is_over_a_room_where_it_costs_more(text: str, chars: int, tokens: int | None, room: int) -> None:
    budget = Budget(chars, tokens)
    assert budget.is_over(text, room) == (budget.cost(text) > room)
