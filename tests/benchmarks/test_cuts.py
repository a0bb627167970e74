"""What is cut out of a file, and when a hole counts as right."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import cut_judge, cut_report, cuts
from benchmarks.cut_kinds import (
    BLOCK,
    BROKEN_BLOCK,
    BROKEN_SINGLE,
    HALF,
    NO_LINE,
    SINGLE,
    UNINDENTED,
    Cut,
    File,
    LeftOut,
)
from benchmarks.cut_nodes import nodes_of
from benchmarks.cut_report import Outcome
from benchmarks.cut_sources import Source, collected, installed
from infill_lsp.languages import language_for

_PYTHON = """\
import os


def first(path):
    # About the size.
    size = len(os.stat(path))

    for each in range(size):  # in order
        print(each)
    if size: return 1
    return 2
    # No more.


x = 1  # a comment
"""

_GO = """\
package a

func f(x int) int {
\ty := g(x, 1)
\tfor y > 2 {
\t\ty--
\t}
\treturn y
}
"""

_C = """\
int f(int x)
{
    /* nothing */
    while (x) { x--; }
    return x +
        1;
}
"""


def cuts_of(text: str, language: str) -> list[Cut]:
    nodes = nodes_of(text, language)
    file = File(text, language_for(language), nodes)
    found = [cut for statement in nodes.statements for cut in file.statement_cuts(statement)]
    return found + [cut for body in nodes.bodies for cut in file.body_cuts(body)]


def missing(text: str, language: str, row: str) -> list[str]:
    return [cut.missing for cut in cuts_of(text, language) if cut.row == row]


def test_a_statement_alone_on_its_line_is_cut() -> None:
    assert missing(_PYTHON, "python", SINGLE) == [
        "import os",
        "size = len(os.stat(path))",
        "if size: return 1",
        "return 2",
        "print(each)",
    ]
    assert missing(_GO, "go", SINGLE) == ["package a", "y := g(x, 1)", "return y", "y--"]
    assert missing(_C, "c", SINGLE) == ["while (x) { x--; }"]


def test_a_body_is_cut_with_its_comments() -> None:
    first, loop = missing(_PYTHON, "python", BLOCK)
    assert first.startswith("# About the size.\n    size")
    assert first.endswith("return 2\n    # No more.")
    assert loop == "print(each)"
    assert missing(_GO, "go", BLOCK) == ["y := g(x, 1)\n\tfor y > 2 {\n\t\ty--\n\t}\n\treturn y", "y--"]
    assert missing(_C, "c", BLOCK) == ["/* nothing */\n    while (x) { x--; }\n    return x +\n        1;"]


def test_what_ends_a_member_belongs_to_it() -> None:
    text = "interface A {\n  first: number;\n  second(): void,\n  third: string; // the last\n}\n"
    assert missing(text, "typescript", SINGLE) == ["first: number;", "second(): void,"]
    assert missing(text.replace(" // the last", ""), "typescript", BLOCK) == [text[16:-15]]


def test_a_comment_behind_a_closing_brace_is_none_of_the_body() -> None:
    text = "function f() {\n  if (a) {\n    g()\n  } // h\n\n  k()\n}\n"
    assert "g()" in missing(text, "javascript", BLOCK)


def test_a_body_that_begins_at_no_indent_is_left_out() -> None:
    text = "int f(void)\n{\n#ifdef A\n    g();\n#endif\n    return 1;\n}\n"
    assert missing(text, "c", BLOCK) == []


def test_what_no_editor_could_mend_is_counted() -> None:
    nodes = nodes_of(_PYTHON + "\ndef f():\n    x = 1 \n    y\n", "python")
    file = File(_PYTHON + "\ndef f():\n    x = 1 \n    y\n", language_for("python"), nodes)
    for statement in nodes.statements:
        list(file.statement_cuts(statement))
    for body in nodes.bodies:
        list(file.body_cuts(body))
    assert file.left_out == {
        (SINGLE, "other text or blanks on the line"): 3,  # the `return 1`, the comment, the blank
        (BLOCK, "begins on its header's line"): 1,
        (BLOCK, "blanks at a line's end or mixed line endings"): 1,
    }


@pytest.mark.parametrize(("text", "language"), [(_PYTHON, "python"), (_GO, "go"), (_C, "c")])
def test_the_true_text_at_the_caret_gives_the_file_back(text: str, language: str) -> None:
    for cut in cuts_of(text, language):
        lead = {NO_LINE: "\n" + cut.indent, UNINDENTED: cut.indent}.get(cut.row, "")
        assert cut.text[: cut.caret] + lead + cut.missing + cut.text[cut.caret :] == cut.whole, cut
        assert (cut.whole == text) == (cut.row not in (BROKEN_SINGLE, BROKEN_BLOCK)), cut


def test_broken_code_lacks_one_bracket() -> None:
    (broken,) = [cut for cut in cuts_of(_GO, "go") if cut.row == BROKEN_SINGLE and cut.missing == "y--"]
    assert broken.whole == _GO.removesuffix("}\n") + "\n"
    broken = next(cut for cut in cuts_of(_PYTHON, "python") if cut.row == BROKEN_SINGLE)
    assert broken.whole == _PYTHON.replace("stat(path))", "stat(path)")
    assert broken.missing == "if size: return 1"


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("value = call(1)\n", "call(1)"),
        ("value = call(first, second)\n", "first, second)"),
        ("value = call(second) + d\n", "second) + d"),
        ("return_value(a + b).c\n", "a + b).c"),
        ('log("a, (b), c", d, e)\n', "d, e)"),
        ("call\n", None),
        ("call()\n", None),
    ],
)
def test_half_a_statement_ends_where_it_must_go_on(text: str, half: str | None) -> None:
    assert missing(text, "python", HALF) == ([] if half is None else [half])


def judged(cut: Cut, **changes: object) -> str:
    fields = {name: getattr(cut, name) for name in ("row", "text", "caret", "missing", "indent", "whole", "body")}
    return cut_judge.judge(Cut(**{**fields, **changes}), "python").wrong


def test_a_hole_is_right_only_at_the_true_indent_and_with_the_whole_file_back() -> None:
    by_row = {cut.row: cut for cut in cuts_of(_PYTHON, "python") if cut.missing != "import os"}
    single, block = by_row[SINGLE], by_row[BLOCK]
    assert judged(single) == judged(block) == ""
    assert judged(single, indent=single.indent + " ") == "another indent"
    assert judged(single, whole=single.whole + "x") == "the text is changed"
    line = next(cut for cut in cuts_of(_PYTHON, "python") if cut.missing == "return 2")
    assert judged(line, body=block.body) == "no body (statement)"
    assert judged(block, missing=block.missing + "\n        stray = 1") == "the text is changed"
    assert judged(block, caret=0).startswith("no hole")


def test_whole_files_are_resampled() -> None:
    alike = [Outcome("python", SINGLE, file, "" if file else "wrong", 1.0) for file in range(4) for _ in range(100)]
    share = cut_report.share_by_file(alike, seed=1)
    assert (share.value, share.low, share.high) == (0.75, 0.25, 1.0)


def test_rows_are_held_to_their_bars() -> None:
    outcomes = [Outcome("go", row, 0, wrong, 2.0) for row in (HALF, BLOCK, SINGLE) for wrong in ("", "", "", "", "bad")]
    found = cut_report.rows(outcomes, {"go": Counter({LeftOut(BLOCK, "only comments"): 2})}, seed=1)
    assert [(row.row, row.bar, row.held) for row in found] == [
        (SINGLE, 0.9, False),
        (BLOCK, 0.8, True),
        (HALF, None, None),
    ]
    assert found[0].wrong == {"bad": 1}
    assert [row.left_out for row in found] == [{}, {"only comments": 2}, {}]


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    files = {"a.py": _PYTHON * 5, "b.py": _PYTHON * 6, "small.py": "x = 1\n", "broken.py": "def (\n" * 400}
    path = tmp_path / "sources.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for name, text in files.items():
            lines.write(json.dumps({"package": "p", "path": name, "language": "python", "text": text}) + "\n")
    return path


def test_files_are_drawn_by_seed_and_parse(collection: Path) -> None:
    drawn = [source.name for source in collected(collection, ["python"], 9, seed=1)]
    assert sorted(drawn) == ["p/a.py", "p/b.py"]
    assert drawn == [source.name for source in collected(collection, ["python"], 9, seed=1)]
    assert list(collected(collection, ["python"], 0, seed=1)) == []


def test_installed_files_keep_their_line_endings(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    for name in ("a.py", "__pycache__/b.py", "c.txt"):
        (tmp_path / name).write_bytes(_PYTHON.replace("\n", "\r\n").encode() * 6)
    (tmp_path / "d.py").write_bytes(b"\xff" * 2_000)
    (drawn,) = installed(["go", "python"], 9, seed=1, folders=[tmp_path])
    assert drawn == Source(str(tmp_path / "a.py"), "python", _PYTHON.replace("\n", "\r\n") * 6)


def test_the_command_prints_a_table_and_writes_no_source(
    collection: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "cuts.json"
    options = ["--sources", str(collection), "--languages", "python", "--per-file", "5", "--json", str(saved)]
    assert cuts.main([*options, "--failures", "1"]) == 0
    assert "single-line" in capsys.readouterr().out
    record = json.loads(saved.read_text())
    assert {"machine", "rows", "seed"} <= record.keys()
    assert "os.stat" not in saved.read_text()


def test_a_sample_of_statements_depends_on_the_seed_alone() -> None:
    source = Source("p/a.py", "python", _PYTHON * 10)
    first, again = (cuts.cut_file((0, source), 8, 2, seed=1).outcomes for _ in range(2))
    assert [outcome.row for outcome in first] == [outcome.row for outcome in again]
    counts = Counter(outcome.row for outcome in first)
    whole = Counter(outcome.row for outcome in cuts.cut_file((0, source), None, None, seed=1).outcomes)
    assert 0 < counts[BLOCK] <= 8 < whole[BLOCK] == 20
    assert counts[NO_LINE] <= 2 < whole[NO_LINE] == 20
