"""Rewriting in the real server over stdio: the dial, lines to keep, the command, what an engine cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, let_go, span
from tests.infill_lsp.sample import URI, Sample, check_disabled, edit_of, opened

DIALS = ["Rewrite: tidy", "Rewrite: rework", "Rewrite: redo"]
CODE = "def f(items):\n    $0old = 1\n    kept = old  # infill: keep\n    return old$0\n"
REPLACE = '# {"replace": {"old": "new"}}\n'
APPLIES = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}


def rewritten(sample: Sample, title: str = DIALS[0], **data: object) -> str:
    action = sample.action(title)
    action["data"].update(data)
    resolved = sample.client.result("codeAction/resolve", action)
    assert "disabled" not in resolved, resolved
    return edited(sample.text, edit_of(resolved), sample.client.encoding)


def test_a_selection_can_be_rewritten_three_ways(shared: RawClient) -> None:
    sample = opened(shared, CODE)
    listed = [action for action in shared.actions(URI, sample.range) if action["title"] in DIALS]
    assert [action["title"] for action in listed] == DIALS
    assert [action["kind"] for action in listed] == [f"refactor.rewrite.{name}" for name in ("tidy", "rework", "redo")]
    assert [action["data"]["noise"] for action in listed] == [0.3, 0.6, 0.9]
    assert shared.seen == [], "listing asks nobody"
    only = shared.actions(URI, sample.range, only=["refactor.rewrite.redo"])
    assert [action["title"] for action in only] == DIALS[2:]
    assert not {*opened(shared, "x = 1$0\n").titles()} & {*DIALS}


@pytest.mark.parametrize("title", DIALS)
def test_a_marked_line_stays_at_every_dial(shared: RawClient, title: str) -> None:
    text = rewritten(opened(shared, REPLACE + CODE), title)
    assert text.endswith("def f(items):\n    new = 1\n    kept = old  # infill: keep\n    return new\n")


def test_the_dial_reaches_the_engine(shared: RawClient) -> None:
    text = rewritten(opened(shared, '# {"replace": {"old": "dial({noise})"}}\nx = $0old$0\n'), "Rewrite: rework")
    assert text.endswith("x = dial(0.6)\n")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        (
            "javascript",
            "$0old();\nold(); // infill: keep\nold(/* infill: keep */);\nold();$0\n",
            "anew();\nold(); // infill: keep\nold(/* infill: keep */);\nanew();\n",
        ),
        ("python", "$0old = 'infill: keep'\nb = old$0\n", "anew = 'infill: keep'\nb = anew\n"),
        ("lua", "$0old()\nold() -- Infill:  keep\nold()$0\n", "anew()\nold() -- Infill:  keep\nanew()\n"),
    ],
)
def test_the_marker_is_a_comment_of_the_language(shared: RawClient, language: str, text: str, expected: str) -> None:
    prefix = {"javascript": "//", "lua": "--", "python": "#"}[language]
    direction = REPLACE.replace("# ", f"{prefix} ").replace("new", "anew")
    sample = opened(shared, direction + text, language=language, uri=f"file:///project/sample.{language}")
    assert expected in rewritten(sample)


def test_lines_to_keep_may_be_named(shared: RawClient) -> None:
    sample = opened(shared, REPLACE + "$0a = old\nb = old\nc = old$0\n")
    second = sample.text.index("b = old")
    keep = [span(sample.text, second, second, "utf-8")]
    assert rewritten(sample, keep=keep).endswith("a = new\nb = old\nc = new\n")
    whole = [span(sample.text, second, second + len("b = old\n"), "utf-8")]
    assert rewritten(sample, keep=whole).endswith("a = new\nb = old\nc = new\n")


def test_an_engine_that_changes_what_is_kept_is_not_believed(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": ["new = 1\\n    kept = new\\n    return new"]}\n' + CODE)
    check_disabled(shared, sample.action(DIALS[0]), "what was to be kept")


def test_a_kept_line_may_not_become_part_of_a_string(shared: RawClient) -> None:
    answer = r'"\"\"\"\n    kept = old  # infill: keep\n    \"\"\""'
    sample = opened(shared, f'# {{"texts": [{answer}]}}\n' + CODE)
    check_disabled(shared, sample.action(DIALS[0]), "what was to be kept")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("return (", "the rewriting"),
        ("x = 1\\n  y = 2", "breaks the indentation"),
        ("", "leaves nothing"),
        ("return 1", "nothing would change"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(shared: RawClient, answer: str, reason: str) -> None:
    sample = opened(shared, f'# {{"texts": ["{answer}"]}}\ndef f():\n    $0return 1$0\n')
    check_disabled(shared, sample.action(DIALS[2]), reason)


def test_the_next_candidate_is_taken_where_the_first_does_not_fit(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": [")", "return 1", "return 2"]}\ndef f():\n    $0return 1$0\n')
    assert rewritten(sample, DIALS[2]).endswith("    return 2\n")


def test_a_fault_that_was_there_before_does_not_count(shared: RawClient) -> None:
    text = rewritten(opened(shared, REPLACE + "def broken(:\n    x\n\n$0a = old\na = old\na = old$0\n"))
    assert text.endswith("a = new\na = new\na = new\n")


def test_windows_line_ends_stay(client: RawClient) -> None:
    client.initialize()
    sample = opened(
        client, REPLACE.replace("\n", "\r\n") + "$0s = '🙂' + old\r\nkept = old # infill: keep\r\nold()$0\r\n"
    )
    text = rewritten(sample)
    assert text.endswith("s = '🙂' + new\r\nkept = old # infill: keep\r\nnew()\r\n")


def test_a_document_that_moved_on_is_left_alone(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true, "replace": {"old": "new"}}\n' + CODE)
    action = sample.action(DIALS[0])
    asked = shared.ask("codeAction/resolve", action)
    shared.notification("infill/status", state="busy")
    shared.change(URI, 2, {"text": "x = 1\n"})
    shared.settle()
    let_go(shared)
    assert "changed" in shared.answer(asked)["result"]["disabled"]["reason"]
    shared.notification("window/showMessage")
    check_disabled(shared, action, "changed")


def test_what_the_engine_cannot_do_is_not_offered(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], options={"settings": {"model": "fake:rewriting=no"}})
    sample = opened(client, '# {"texts": ["2"]}\nx = $01$0\n')
    client.result("codeAction/resolve", sample.action())
    client.settle()
    assert sample.titles() == ["Fill hole"]


def command(client: RawClient, sample: Sample, **wanted: object) -> int:
    argument = {"uri": sample.uri, "range": sample.range, **wanted}
    return client.ask("workspace/executeCommand", {"command": "infill-lsp.rewrite", "arguments": [argument]})


def asked_to_apply(client: RawClient, *, applied: bool = True, reason: str | None = None) -> dict[str, Any]:
    request = client.wait_for(lambda m: m.get("method") == "workspace/applyEdit")
    answer = {"applied": applied, **({} if reason is None else {"failureReason": reason})}
    client.send({"jsonrpc": "2.0", "id": request["id"], "result": answer})
    params: dict[str, Any] = request["params"]
    return params


def test_the_command_rewrites_through_the_client(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=APPLIES)
    sample = opened(client, REPLACE + CODE)
    asked = command(client, sample, noise=0.5)
    (change,) = asked_to_apply(client)["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    assert edited(sample.text, change["edits"][0], "utf-8").endswith(
        "    new = 1\n    kept = old  # infill: keep\n    return new\n"
    )
    assert client.answer(asked)["result"] == {"applied": True, "reason": None}


def test_nothing_changes_without_noise(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=APPLIES)
    asked = command(client, opened(client, REPLACE + CODE), noise=0)
    assert client.answer(asked)["result"] == {"applied": False, "reason": "nothing would change"}
    assert not [m for m in client.seen if m.get("method") == "workspace/applyEdit"]


def test_a_client_that_does_not_apply_the_edit_is_heard(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=APPLIES)
    asked = command(client, opened(client, REPLACE + CODE), noise=0.5)
    asked_to_apply(client, applied=False, reason="the version differs")
    answer = client.answer(asked)["result"]
    assert answer["applied"] is False
    assert "the version differs" in answer["reason"]
    assert "the version differs" in client.notification("window/showMessage")["message"]


def test_the_command_on_a_document_that_moves_on_applies_nothing(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=APPLIES)
    sample = opened(client, '# {"hold": true, "replace": {"old": "new"}}\n' + CODE)
    asked = command(client, sample, noise=0.5)
    client.notification("infill/status", state="busy")
    client.change(URI, 2, {"text": "x = 1\n"})
    client.settle()
    let_go(client)
    assert "changed" in client.answer(asked)["result"]["reason"]
    assert "changed" in client.answer(command(client, sample, noise=0.5, version=1))["result"]["reason"]
    assert not [m for m in client.seen if m.get("method") == "workspace/applyEdit"]


def test_a_client_that_applies_no_edits_is_told(shared: RawClient) -> None:
    answer = shared.answer(command(shared, opened(shared, CODE), noise=0.5))["result"]
    assert answer["applied"] is False
    assert "applyEdit" in answer["reason"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"noise": 1.5},
        {"noise": "much"},
        {"noise": 0.5, "instruction": "x"},
        {"noise": 0.5, "keep": [1]},
        {"range": 3},
    ],
)
def test_a_command_that_makes_no_sense_is_an_error(shared: RawClient, wanted: dict[str, object]) -> None:
    answer = shared.answer(command(shared, opened(shared, CODE), **wanted))
    assert answer["error"]["code"] == -32602
    assert shared.error("workspace/executeCommand", {"command": "infill-lsp.rewrite"})["code"] == -32602


def test_an_instruction_needs_an_engine_that_takes_one(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=APPLIES)
    answer = client.answer(command(client, opened(client, REPLACE + CODE), instruction="add types"))["result"]
    assert answer["applied"] is False
    assert "takes no instructions" in answer["reason"]
    assert "takes no instructions" in client.notification("window/showMessage")["message"]


def test_instructions_where_the_engine_takes_them(client: RawClient) -> None:
    options = {"settings": {"model": "fake:instructions=yes"}}
    client.initialize(encodings=["utf-8"], capabilities=APPLIES, options=options)
    replace = '# {"replace": {"pass": "say(\'{instruction}\')"}}\n'
    asked = command(client, opened(client, replace + "def f():\n    $0pass$0\n"), instruction="be loud")
    (change,) = asked_to_apply(client)["edit"]["documentChanges"]
    assert change["edits"][0]["newText"] == "say('be loud')"
    assert client.answer(asked)["result"]["applied"] is True
    caret = opened(client, replace + "def f():\n    $0pass\n")
    assert caret.titles()[-2:] == ["Write docstring", "Annotate types"]
    resolved = client.result("codeAction/resolve", caret.action("Write docstring"))
    assert "say('Write a docstring for this function.')" in edit_of(resolved)["newText"]
