"""Which holes are drawn, in which language, and when a filled file counts as clean."""

from __future__ import annotations

import pytest

from benchmarks import infill_holes
from engine.training.held_out import HeldOutHole, SourceFile

# Language -> a text, some of its single-line holes, its multi-line holes.
_SAMPLES: dict[str, tuple[str, set[str], set[str]]] = {
    "python": (
        "def f(x):\n    first = g(x, 1)\n    return first\n",
        {"g(x, 1)", "x, 1", "first = g(x, 1)", "first"},
        {"first = g(x, 1)\n    return first"},
    ),
    "javascript": (
        "function f(x) {\n  const y = g(x, 1);\n  if (y > 2) { return y + 1; }\n}\n",
        {"g(x, 1)", "x, 1", "y > 2", "y + 1", "const y = g(x, 1);", "return y + 1;"},
        {"const y = g(x, 1);\n  if (y > 2) { return y + 1; }"},
    ),
    "typescript": (
        "function f(x: number) {\n  const y = g(x, 1);\n  throw h(y);\n}\n",
        {"g(x, 1)", "x, 1", "throw h(y);"},
        {"const y = g(x, 1);\n  throw h(y);"},
    ),
    "go": (
        "package a\n\nfunc f(x int) int {\n\ty := g(x, 1)\n\treturn y + 1\n}\n",
        {"g(x, 1)", "x, 1", "y := g(x, 1)", "y + 1"},
        {"y := g(x, 1)\n\treturn y + 1"},
    ),
    "rust": (
        "fn f(x: i32) -> i32 {\n    let y = g(x, 1);\n    y + 1\n}\n",
        {"g(x, 1)", "x, 1", "let y = g(x, 1);"},
        {"let y = g(x, 1);\n    y + 1"},
    ),
    "c": (
        "int f(int x) {\n    int y = g(x, 1);\n    if (y > 2) return y + 1;\n}\n",
        {"g(x, 1)", "x, 1", "y > 2", "y + 1", "int y = g(x, 1);"},
        {"int y = g(x, 1);\n    if (y > 2) return y + 1;"},
    ),
    "java": (
        "class A {\n    int f(int x) {\n        int y = g(x, 1);\n        return y + 1;\n    }\n}\n",
        {"g(x, 1)", "x, 1", "y + 1", "int y = g(x, 1);"},
        {"int y = g(x, 1);\n        return y + 1;"},
    ),
    "shell": (
        'f() {\n  name=$(basename "$1")\n  if [ -z "$name" ]; then exit 1; fi\n}\n',
        {'name=$(basename "$1")', '$(basename "$1")', '-z "$name"', "exit 1"},
        {'name=$(basename "$1")\n  if [ -z "$name" ]; then exit 1; fi'},
    ),
}


def _files(language: str, text: str, count: int = 40) -> list[SourceFile]:
    return [SourceFile("made", f"{index}", text, held_out=True, language=language) for index in range(count)]


def _golds(language: str, text: str, group: str) -> set[str]:
    return {hole.gold for hole in infill_holes.draw(_files(language, text), language, group, 1000, seed=3)}


@pytest.fixture(params=infill_holes.known_languages())
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_language_has_its_holes(language: str):
    text, single, multi = _SAMPLES[language]
    # Python's single-line holes are drawn alike for files of one length: other blank lines, other holes.
    texts = [text + "\n" * blank for blank in range(20)] if language == "python" else [text]
    assert single <= set().union(*(_golds(language, each, "single-line") for each in texts))
    assert _golds(language, text, "multi-line") == multi


def test_what_stood_there_parses_and_an_open_bracket_does_not(language: str):
    text, _, _ = _SAMPLES[language]
    for group in infill_holes.GROUPS[:2]:
        hole = infill_holes.draw(_files(language, text), language, group, 1, seed=3)[0]
        assert infill_holes.parses(hole, hole.gold, language)
        assert not infill_holes.parses(hole, hole.gold + " ((", language)
        assert not infill_holes.parses(hole, "  ", language)


def test_a_file_that_was_broken_elsewhere_counts_only_new_faults():
    text = "def f(:\n    pass\n\nx = value\n"
    hole = HeldOutHole(text, text.index("value"), text.index("value") + 5, "value")
    assert infill_holes.parses(hole, "other", "python")


@pytest.mark.parametrize("group", infill_holes.GROUPS)
def test_fewer_holes_are_the_first_of_more_and_another_seed_gives_others(group: str):
    files = [
        file for index in range(8) for file in _files("python", _SAMPLES["python"][0] + f"z{index} = f({index})\n")
    ]
    drawn = [infill_holes.draw(files, "python", group, count, seed) for count, seed in ((20, 3), (7, 3), (20, 4))]
    assert len(drawn[0]) == 20
    assert drawn[1] == drawn[0][:7]
    assert drawn[2] != drawn[0]


def test_spans_begin_and_end_at_ink_and_may_cross_lines():
    text = "".join(f"name_{index} = function_{index}(argument, {index})\n\n" for index in range(30))
    golds = [hole.gold for hole in infill_holes.draw(_files("python", text), "python", "random span", 100, seed=3)]
    assert all(gold == gold.strip() and len(gold) <= 100 for gold in golds)
    assert any("\n" in gold for gold in golds)
    assert any("\n" not in gold for gold in golds)


def test_files_of_other_languages_change_no_hole():
    files = _files("python", _SAMPLES["python"][0])
    among_others = [*files, *_files("go", _SAMPLES["go"][0])]
    for group in infill_holes.GROUPS:
        alone, together = (infill_holes.draw(each, "python", group, 9, seed=3) for each in (files, among_others))
        assert alone == together


def test_holes_without_room_are_left_out_and_single_lines_stay():
    text, single, _ = _SAMPLES["python"]
    files = _files("python", text)
    assert infill_holes.draw(files, "python", "multi-line", 10, 3, lambda _: False) == []
    assert {hole.gold for hole in infill_holes.draw(files, "python", "single-line", 10, 3, lambda _: False)} <= single
