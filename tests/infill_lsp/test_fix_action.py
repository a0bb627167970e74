"""`Fix here` for a diagnostic, in the real server over stdio: only its words change, or a hole is filled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, span
from tests.infill_lsp.sample import URI, Sample, check_disabled, edit_of, opened


def diagnostic(sample: Sample, start: int, end: int, message: str = "undefined name") -> dict[str, Any]:
    at = span(sample.text, start, end, sample.client.encoding)
    return {"range": at, "message": message, "severity": 1, "source": "linter", "code": "F821"}


def check_fix(client: RawClient, marked: str, direction: str, expected: str) -> None:
    """The marks are the diagnostic's range, the caret is at its start; the fixed text ends as expected."""
    sample = opened(client, f"# {direction}\n{marked}")
    reported = diagnostic(sample, sample.start, sample.end)
    caret = span(sample.text, sample.start, sample.start, client.encoding)
    listed = client.actions(URI, caret, diagnostics=[reported])
    (action,) = (each for each in listed if each["title"] == "Fix here: undefined name")
    assert action["kind"] == "quickfix"
    assert action["diagnostics"] == [reported]
    assert "edit" not in action
    resolved = client.result("codeAction/resolve", action)
    assert "disabled" not in resolved, resolved
    assert edited(sample.text, edit_of(resolved), client.encoding).endswith(expected)


@pytest.mark.parametrize(
    ("marked", "direction", "expected"),
    [
        # Everything of the statement but the reported words is locked, so nothing else can be replaced.
        ("bad = call(bad, $0bad$0)\n", '{"replace": {"bad": "good"}}', "bad = call(bad, good)\n"),
        ("bad = f(b$0a$0d)\nbad()\n", '{"replace": {"bad": "good"}}', "bad = f(good)\nbad()\n"),
        ("bad = f($0$0bad)\n", '{"replace": {"bad": "good"}}', "bad = f(good)\n"),
        ("def g():\n    return $0bad\nbad = bad$0\n", '{"replace": {"bad": "good"}}', "return good\nbad = bad\n"),
        ("x = call(\n    bad,\n    $0bad$0,\n)\n", '{"replace": {"bad": "good"}}', "    bad,\n    good,\n)\n"),
        # What does not parse, and what is missing, is a hole.
        ("x = [1, $02 3 4$0]\n", '{"texts": ["2, 3"]}', "x = [1, 2, 3]\n"),
        ("x = f(a, b$0$0\nprint(x)\n", '{"texts": [")"]}', "x = f(a, b)\nprint(x)\n"),
        ("x = f(a, $0$0)\n", '{"texts": ["b"]}', "x = f(a, b)\n"),
    ],
)
def test_only_what_was_reported_changes(shared: RawClient, marked: str, direction: str, expected: str) -> None:
    check_fix(shared, marked, direction, expected)


def test_only_diagnostics_at_the_caret_are_offered(shared: RawClient) -> None:
    sample = opened(shared, "a = b$0c\nd = ef\n")
    here, there = (diagnostic(sample, sample.text.index(name), sample.text.index(name) + 2) for name in ("bc", "ef"))
    assert sample.titles(diagnostics=[there, here, there]) == ["Fix here: undefined name"]
    action = sample.action("Fix here", diagnostics=[there, here, there])
    assert action["diagnostics"] == [here]
    assert sample.titles(diagnostics=[here], only=["refactor"]) == []


def test_long_messages_are_cut_and_stay_on_one_line(shared: RawClient) -> None:
    sample = opened(shared, "a = b$0c\n")
    message = "this is\nwrong " * 20
    (title,) = sample.titles(diagnostics=[diagnostic(sample, sample.end - 1, sample.end + 1, message)])
    assert title.startswith("Fix here: this is wrong this is")
    assert title.endswith("…")
    assert len(title) <= 70


def test_nothing_is_offered_in_comments_and_strings(shared: RawClient) -> None:
    sample = opened(shared, "a = 1  # wr$0ong\n")
    assert sample.titles(diagnostics=[diagnostic(sample, sample.end - 2, sample.end + 2)]) == []


def test_a_fix_that_breaks_the_file_is_refused(shared: RawClient) -> None:
    sample = opened(shared, '# {"replace": {"bad": "("}}\nx = f(b$0ad)\n')
    action = sample.action("Fix here", diagnostics=[diagnostic(sample, sample.end - 1, sample.end + 2)])
    check_disabled(shared, action, "the rewriting")


def test_a_fix_on_a_document_that_moved_on_is_refused(shared: RawClient) -> None:
    sample = opened(shared, "x = f(b$0ad)\n")
    action = sample.action("Fix here", diagnostics=[diagnostic(sample, sample.end - 1, sample.end + 2)])
    shared.change(URI, 2, {"text": "x = 1\n"})
    check_disabled(shared, action, "changed")


def test_an_engine_that_cannot_rewrite_fixes_by_holes_alone(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], options={"settings": {"model": "fake:rewriting=no"}})
    warm = opened(client, "x = .$0..\n", uri="file:///project/other.py")
    client.result("codeAction/resolve", warm.action())
    client.settle()
    sample = opened(client, "x = f(b$0ad)\n")
    assert sample.titles(diagnostics=[diagnostic(sample, sample.end - 1, sample.end + 2)]) == []
    missing = opened(client, "x = f(a, $0)\n")
    assert missing.titles(diagnostics=[diagnostic(missing, missing.end, missing.end)]) == ["Fix here: undefined name"]
