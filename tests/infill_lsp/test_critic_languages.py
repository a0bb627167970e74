"""The critic and the gate where a grammar is all there is to judge by."""

from __future__ import annotations

import pytest

from engine.api import FillRequest
from infill_lsp.context.context import request_for
from infill_lsp.fitting.suggestion import shape
from infill_lsp.holes.hole import Hole, hole_at
from infill_lsp.judging.critic import Critic
from infill_lsp.judging.gate import rejection
from infill_lsp.judging.surroundings import closers_below, sound_surroundings
from infill_lsp.languages import language_for
from infill_lsp.trees.syntax import parse
from tests.fixture import marked, snapshot_of

BASE = ("javascript", "typescript", "typescriptreact", "go", "rust", "c", "cpp", "java")


def blamed(text: str, fill: str, language: str) -> str | None:
    """Return the part of the fill that is to blame; "" is its end, None that it is sound."""
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole), hole
    asked = request_for(
        snapshot, hole, num_candidates=1, max_prefix_chars=6000, max_suffix_chars=2000, deadline_ms=None
    )
    spans = Critic()(asked, fill)
    return fill[slice(*spans[0])] if spans else None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", "function f(a) {\n  return g($0);\n}\n"),
        ("typescript", "class A<T> {\n  f(a: T): T {\n    return g($0);\n  }\n}\n"),
        ("typescriptreact", "const a = <B c={g($0)} />;\n"),
        ("go", "package p\n\nfunc f() {\n\tx := g($0)\n}\n"),
        ("rust", "impl A {\n    fn f(&self) {\n        let x = g($0);\n    }\n}\n"),
        ("c", "int f(int a) {\n    return g($0);\n}\n"),
        ("cpp", "class A {\n    int f(int a) { return g($0); }\n};\n"),
        ("java", "class A {\n    int f(int a) {\n        return g($0);\n    }\n}\n"),
    ],
)
def test_the_word_or_sign_that_cannot_stand_there_is_to_blame(language: str, text: str) -> None:
    for fill in ("a, b", "h(a)[1]", "-a + 'b' * 2", '"é😀"'):
        assert blamed(text, fill, language) is None
    assert blamed(text, "a b", language) is not None
    assert blamed(text, "h(a", language) == ""
    assert blamed(text, '"never closed', language) == ""
    assert blamed(text, "a))", language) is None, "it is cut at the bracket that closes nothing"
    assert blamed(text, '"é😀" % % b', language) in ("%", "b")
    assert blamed(text, "/* nothing */", language) == "/"


@pytest.mark.parametrize(
    ("language", "text", "good", "bad"),
    [
        ("csharp", "class A\n{\n    int F() { return g($0); }\n}\n", "a, b", "a, ["),
        ("ruby", "def f(a)\n  g($0)\nend\n", "a, b", "a, ["),
        ("php", "<?php\nfunction f($a) {\n    return g($0);\n}\n", "1, 2", "1 2"),
        ("shellscript", "x=$($0)\n", "ls -l", "ls 'a"),
        ("lua", "function f(a)\n  return g($0)\nend\n", "a, b", "a b"),
        ("css", "a {\n  color: $0;\n}\n", "red", "rgb("),
        ("json", '{"a": $0}\n', "[1, 2]", "[1, 2"),
        ("toml", "a = $0\n", "[1]", "[1"),
        ("yaml", "a:\n  b: $0\n", "[1]", "[1"),
        ("sql", "SELECT f($0) FROM t;\n", "a, b", "(a"),
        ("kotlin", "fun f(a: Int): Int {\n    return g($0)\n}\n", "a, b", "a b"),
        ("scala", "object A {\n  def f(a: Int): Int = g($0)\n}\n", "a, b", "a, ["),
        ("swift", "func f(a: Int) -> Int {\n    return g($0)\n}\n", "a, b", "a, ["),
        ("zig", "fn f(a: i32) i32 {\n    return g($0);\n}\n", "a, b", "a b"),
        ("haskell", "f x = g ($0)\n", "x + 1", "x + ["),
        ("ocaml", "let f x = g ($0)\n", "x + 1", "x + ["),
        ("julia", "function f(a)\n    g($0)\nend\n", "a, b", "a, ["),
        ("elixir", "def f(a) do\n  g($0)\nend\n", "a, b", "a, ["),
        ("dart", "int f(int a) {\n  return g($0);\n}\n", "a, b", "a b"),
        ("html", "<a b=$0></a>\n", '"c"', '"c'),
        ("markdown", "[a]($0)\n", "b", ""),
    ],
)
def test_every_other_language(language: str, text: str, good: str, bad: str) -> None:
    at = marked(text)
    snapshot = snapshot_of(at.text, language)
    hole = hole_at(snapshot, at.offset)
    assert isinstance(hole, Hole), hole
    assert rejection(snapshot, hole, shape(snapshot, hole, good)) is None
    assert blamed(text, good, language) is None
    assert rejection(snapshot, hole, shape(snapshot, hole, bad)) is not None
    assert blamed(text, bad, language) is not None


@pytest.mark.parametrize(
    ("language", "line", "head", "foot"),
    [
        ("javascript", "z = 1;\n", "x = ", ";\n"),
        ("typescript", "let z: A = 1;\n", "x = ", ";\n"),
        ("go", "var z = 1\n", "var x = ", "\n"),
        ("rust", "static Z: i32 = 1;\n", "static X: i32 = ", ";\n"),
        ("c", "int z = 1;\n", "int x = ", ";\n"),
        ("java", "class Z {}\n", "class A { int x = ", "; }\n"),
    ],
)
def test_the_text_far_from_the_hole_is_not_read(language: str, line: str, head: str, foot: str) -> None:
    before, after = "y = (\n" * 10 + line * 2000 + head, foot + line * 2000 + "y = (\n"
    asked = FillRequest(before, after, starts_file=True, ends_file=True, language=language)
    critic = Critic()
    assert critic(asked, "1") == ()
    assert critic(asked, "(1") == ((2, 2),)


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        # Cut in a comment, in a string, in a class, below an opened bracket, before a closing one.
        ("javascript", " * it's } cut */\nfunction f() {\n  g();\n}\n\nx = ", ";\n\nfunction h() {\n"),
        ("javascript", "text ${a} more`;\nfunction f() {\n  x = ", ";\n}\n"),
        ("typescript", "  }\n\n  f(a: A): B {\n    const x = ", ";\n    return x;\n  }\n\n  g(\n"),
        ("go", "\t\t}\n\t}\n\treturn nil\n}\n\nfunc f() {\n\tx := ", "\n\tif a {\n"),
        ("go", "\tA int\n\tB string\n\tC []int\n\tD ", "\n}\n\nfunc f() {\n"),
        ("rust", "        a => b,\n        c => ", ",\n        d => e,\n"),
        ("rust", "    fn f(&self) -> A {\n        let x = ", ";\n        x\n    }\n\n    fn g() {\n"),
        (
            "c",
            "    case 1:\n        break;\n    case 2:\n        x = ",
            ";\n        break;\n    }\n}\n\nint g(void)\n{\n",
        ),
        ("c", "    [A] = 1,\n    [B] = ", ",\n    [C] = 3,\n};\n\nstatic int f(\n"),
        ("java", "        return 1;\n    }\n\n    int f() {\n        int x = ", ";\n        return x;\n    }\n"),
        ("cpp", "    int a;\n    int b = ", ";\n    int c();\n};\n"),
        ("ruby", "    end\n  end\n\n  def f(a)\n    x = ", "\n    x\n  end\n\n  def g\n"),
        ("lua", "  end\n  return a\nend\n\nlocal function f()\n  local x = ", "\n  return x\nend\n\nfunction g()\n"),
    ],
)
def test_what_a_cut_broke_is_left_out_or_closed(language: str, before: str, after: str) -> None:
    fill, broken = ("int", "int (") if language == "go" and before.endswith("D ") else ("f(1)", "f(1")
    found = sound_surroundings(before, after, (fill,), language)
    assert found is not None
    tree = parse(found[0] + fill + found[1], language)
    assert tree is not None
    assert not tree.has_faults
    asked = FillRequest(before, after, starts_file=False, ends_file=False, language=language)
    critic = Critic()
    assert critic(asked, fill) == ()
    assert critic(asked, broken) != ()


def test_the_closers_that_a_cut_took_off_are_known() -> None:
    known = language_for("javascript")
    assert closers_below("f(a, {\n  b: `${c[", known) == "\n]}})"
    assert closers_below("f(a);\n", known) == ""
    assert closers_below("  a;\n}\nf(", known) is None


@pytest.mark.parametrize("language", BASE)
def test_nothing_is_said_where_nothing_near_the_hole_parses(language: str) -> None:
    asked = FillRequest("= = ) ] x = ", " ( } ] = =\n", starts_file=False, ends_file=False, language=language)
    assert Critic()(asked, "(1") == ()


def test_a_file_that_was_broken_before_is_judged_by_what_is_new() -> None:
    text = "const = ;\n\nfunction f() {\n  x = $0;\n}\n"
    assert blamed(text, "1", "javascript") is None
    assert blamed(text, "a = = b", "javascript") is not None
    assert blamed(text, "(1", "javascript") == ""
