"""The syntax critic: what it blames, and that it and the gate are of one mind."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import replace

import pytest

from engine.api import FillRequest
from infill_lsp.context.context import request_for
from infill_lsp.holes.hole import Hole, hole_at, hole_for_action
from infill_lsp.judging.critic import Critic
from tests.fixture import marked, snapshot_of
from tests.infill_lsp import test_gate

_CASES_OF_THE_GATE = test_gate.test_a_fill_that_does_harm_or_says_nothing_is_not_shown.pytestmark[0].args[1]  # type: ignore[attr-defined]
_GOOD_CASES = test_gate.test_a_good_fill_is_shown.pytestmark[0].args[1]  # type: ignore[attr-defined]


def request_of(text: str, language: str = "python") -> FillRequest:
    at = marked(text)
    snapshot = snapshot_of(at.text)
    found = hole_at(snapshot, at.start) if at.start == at.end else hole_for_action(snapshot, at.start, at.end)
    assert isinstance(found, Hole), found
    asked = request_for(
        snapshot, found, num_candidates=1, max_prefix_chars=6000, max_suffix_chars=2000, deadline_ms=None
    )
    return replace(asked, language=language)


def blamed(text: str, fill: str) -> str | None:
    """Return the part of the fill that is to blame; "" is its end, None that it is sound."""
    spans = Critic()(request_of(text), fill)
    return fill[slice(*spans[0])] if spans else None


@pytest.mark.parametrize(
    ("text", "fill"),
    [
        ("def f(x):\n    $0\n", "# nothing to see"),
        ("def f(x):\n    y = 1\n    $0\n    return y\n", "y = 1"),
        ("def f(x):\n    y = 1\n    $0\n    return y\n", "return y"),
        ("x = $0\n", "al" * 8),
    ],
)
def test_what_says_nothing_new_is_to_blame_from_its_start(text: str, fill: str) -> None:
    said = blamed(text, fill)
    assert said
    assert fill.startswith(said)


@pytest.mark.parametrize(
    ("text", "fill", "to_blame"),
    [
        ("x = $0\n", "1", None),
        ("x = $0\n", "a = = b", "="),
        ("x = $0\n", "foo(a)) + 1", None),  # It is cut at the bracket that closes nothing.
        ("foo($0)\n", ").bar(", ")"),
        ("x = $0\n", "self.total_", None),
        ("x = $0\n", "self.", ""),
        ("x = $0\n", "foo(bar(1)", ""),
        ("x = $0\n", '"""never closed', ""),
        ("x = $0\n", "foo('a'')", "'"),
        ("def f(x):\n    y = 1\n    $0\n    return y\n", "if x:", "if"),
        ("def f(x):\n    $0\n", "if x:", ""),
        ("def f(x):\n    $0\n", "if x:\n        return 1\n    else:\n", ""),
        ("def f(x):\n    $0\n", "y = 1\n    z = = 2\n    return y", "="),
        ("if $0:\n    pass\n", "y and x = 1", "="),
    ],
)
def test_the_word_or_sign_that_cannot_stand_there_is_to_blame(text: str, fill: str, to_blame: str | None) -> None:
    assert blamed(text, fill) == to_blame


@pytest.mark.parametrize(("text", "fill"), _GOOD_CASES)
def test_what_the_gate_shows_is_sound(text: str, fill: str) -> None:
    assert blamed(text, fill) is None


@pytest.mark.parametrize(
    ("text", "fill"), [(text, fill) for text, fill, why in _CASES_OF_THE_GATE if why == test_gate.PARSE]
)
def test_what_the_gate_finds_to_break_the_parse_is_suspect(text: str, fill: str) -> None:
    # The gate's cases are fills as they are shown; a closing bracket too many is cut before that.
    assert blamed(text, fill) is not None or fill == "a))("


def test_true_code_is_sound_wherever_the_text_around_it_is_cut() -> None:
    text, critic = inspect.getsource(textwrap), Critic()
    statements = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and node.lineno == node.end_lineno and not isinstance(node, ast.Pass)
    ]
    lines = text.splitlines(keepends=True)
    found: dict[int, list[bool]] = {200: [], 1000: []}
    for node in statements:
        before = "".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
        fill, after = lines[node.lineno - 1][node.col_offset :].rstrip(), "\n" + "".join(lines[node.lineno :])
        for budget in found:
            start = before.find("\n", max(len(before) - budget, 0)) + 1 if len(before) > budget else 0
            near = FillRequest(
                before[start:],
                after[:budget],
                starts_file=start == 0,
                ends_file=len(after) <= budget,
                language="python",
            )
            assert critic(near, fill) == (), (node.lineno, budget, fill)
            found[budget].append(critic(near, "x = = 1") == ((4, 5),))
    # Few lines tell little, and then the critic is silent; a function's worth of text must nearly always do.
    assert sum(found[1000]) > 0.9 * len(statements)


def test_a_verdict_does_not_depend_on_the_fills_before_it() -> None:
    asked, critic = request_of("x = $0\n\n\ndef f():\n    return x\n"), Critic()
    fills = ["foo(", "1", '"""', "a = = b", "foo(1)", "self."]
    alone = [Critic()(asked, fill) for fill in fills]
    assert [critic(asked, fill) for fill in fills * 2] == alone * 2


def test_nothing_is_said_of_a_language_without_grammar_and_compiler() -> None:
    assert Critic()(request_of("x = $0\n", language="cobol"), "= = (") == ()


def test_where_the_file_does_not_compile_anyway_the_tree_tells() -> None:
    text = "print 'old'\nx = $0\n"
    assert blamed(text, "1") is None
    assert blamed(text, "a = = b") is not None
    assert blamed(text, "(1") is not None


def test_the_text_far_from_the_hole_is_not_read() -> None:
    far = "y = (\n" * 10
    asked = FillRequest(
        far + "z = 1\n" * 2000 + "x = ", "\n" + "z = 1\n" * 2000, starts_file=True, ends_file=True, language="python"
    )
    critic = Critic()
    assert critic(asked, "1") == ()
    assert critic(asked, "(1") == ((2, 2),)
