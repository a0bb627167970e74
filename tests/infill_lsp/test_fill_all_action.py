"""The code actions that fill all holes of a function or a file, in the real server over stdio."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, let_go
from tests.infill_lsp.sample import URI, check_disabled, opened

FUNCTION, FILE = "Fill all holes in this function", "Fill all holes in this file"
ANNOTATIONS = {"workspace": {"workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {}}}}
TWO = '# {"texts": ["f({name}, {holes})"]}\ndef g():\n    $0alpha = ...\n    beta = ...\n\nafter = ...\n'


def edits_of(action: dict[str, Any]) -> list[dict[str, Any]]:
    edit = action["edit"]
    if "documentChanges" not in edit:
        ((edits),) = edit["changes"].values()
        return list(edits)
    (change,) = edit["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    return list(change["edits"])


def applied(text: str, action: dict[str, Any], encoding: str = "utf-8") -> str:
    """Apply all edits of an action as clients do: each counts in the text as it was."""
    places = [edit["range"]["start"] for edit in edits_of(action)]
    order = sorted(range(len(places)), key=lambda n: (places[n]["line"], places[n]["character"]))
    assert order == list(range(len(places))), "the edits are in the order of the text"
    for edit in reversed(edits_of(action)):
        text = edited(text, edit, encoding)
    return text


def test_all_holes_of_a_function_are_filled_by_one_edit(shared: RawClient) -> None:
    sample = opened(shared, TWO)
    action = sample.action(FUNCTION)
    assert action["kind"] == "refactor.rewrite.fill.function"
    assert "edit" not in action
    assert shared.seen == [], "listing asks nobody"
    resolved = shared.result("codeAction/resolve", action)
    expected = sample.text.replace("alpha = ...", "alpha = f(alpha, 2)").replace("beta = ...", "beta = f(beta, 2)")
    assert applied(sample.text, resolved) == expected


def test_a_caret_that_is_drawn_as_a_block_is_offered_all_holes(shared: RawClient) -> None:
    titles = set(opened(shared, TWO.replace("$0alpha", "$0a$0lpha")).titles())
    assert {FUNCTION, FILE} <= titles
    titles = set(opened(shared, TWO.replace("$0alpha", "$0alpha$0")).titles())
    assert not {FUNCTION, FILE} & titles


def test_all_holes_of_a_file_are_filled(shared: RawClient) -> None:
    sample = opened(shared, TWO)
    resolved = shared.result("codeAction/resolve", sample.action(FILE))
    filled = applied(sample.text, resolved)
    assert [line.split("= ")[1] for line in filled.splitlines() if "= " in line] == [
        "f(alpha, 3)",
        "f(beta, 3)",
        "f(after, 3)",
    ]


def test_holes_that_do_not_fit_one_canvas_are_filled_one_after_another(shared: RawClient) -> None:
    sample = opened(shared, TWO.replace('"]}', '"], "most_holes": 2}'))
    filled = applied(sample.text, shared.result("codeAction/resolve", sample.action(FILE)))
    # Three holes do not fit, so they are halved: one, and two.
    assert [word for word in ("alpha, 1", "beta, 2", "after, 2") if word in filled] == [
        "alpha, 1",
        "beta, 2",
        "after, 2",
    ]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("def g():\n    $0...\n", ["Fill hole"]),
        ("def g():\n    x = 1$0\n    ...\n", [FUNCTION]),
        ("def g():\n    $0...\n    y = ...\n", ["Fill hole", FUNCTION]),
        ("def g():\n    x = 1$0\n\ny = ...\n", [FILE]),
        ("a = .$0..\nb = ...\n", ["Fill hole", FILE]),
        ("x = 1$0\n", []),
    ],
)
def test_what_is_listed(shared: RawClient, text: str, titles: list[str]) -> None:
    assert opened(shared, text).titles() == titles


def test_every_change_can_be_confirmed_where_the_client_can(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], capabilities=ANNOTATIONS)
    sample = opened(client, TWO)
    resolved = client.result("codeAction/resolve", sample.action(FUNCTION))
    names = [edit["annotationId"] for edit in edits_of(resolved)]
    annotations = resolved["edit"]["changeAnnotations"]
    assert list(annotations) == names == ["change-1", "change-2"]
    assert [each["label"] for each in annotations.values()] == ["Fill line 3", "Fill line 4"]
    assert [each["description"] for each in annotations.values()] == ["f(alpha, 2)", "f(beta, 2)"]
    assert all(each["needsConfirmation"] for each in annotations.values())
    assert "alpha = f(alpha, 2)" in applied(sample.text, resolved)


def test_fills_are_judged_with_the_others_in_place(shared: RawClient) -> None:
    # What the first hole gets is above the second then, and may not be said again.
    sample = opened(shared, '# {"texts": ["value = 1", "other = 2"]}\ndef g():\n    $0...\n    ...\n')
    resolved = shared.result("codeAction/resolve", sample.action(FUNCTION))
    assert applied(sample.text, resolved).endswith("    value = 1\n    other = 2\n")


def test_a_body_that_is_missing_hides_no_fault_of_another_fill(shared: RawClient) -> None:
    # A grammar accepts `g(a=1, 2)`, and the compiler says nothing as long as the second function lacks its body.
    sample = opened(shared, '# {"texts": ["{name}(a=1, 2)", "return 2"]}\ndef g():\n    .$0..\n\n\ndef h():\n')
    resolved = shared.result("codeAction/resolve", sample.action(FILE))
    assert applied(sample.text, resolved).endswith("def g():\n    return 2\n\n\ndef h():\n    return 2\n")


def test_what_could_not_be_filled_is_told_once(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": ["return 1"]}\ndef g():\n    $0x = ...\n    y = ...\n    ...\n')
    resolved = shared.result("codeAction/resolve", sample.action(FUNCTION))
    assert applied(sample.text, resolved).endswith("    x = ...\n    y = ...\n    return 1\n")
    message = shared.notification("window/showMessage")["message"]
    assert message.startswith(f"{FUNCTION}: 2 of 3 holes not filled; the first, in line 3: the fill adds")
    assert not [m for m in shared.seen if m.get("method") == "window/showMessage"]


def test_no_fill_at_all_is_a_reason(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": [")"]}\ndef g():\n    $0x = ...\n    y = ...\n')
    check_disabled(shared, sample.action(FUNCTION), "2 of 2 holes not filled")


def test_an_engine_that_is_gone_is_a_reason(shared: RawClient) -> None:
    sample = opened(shared, '# {"error": "unavailable"}\nx = .$0..\ny = ...\n')
    check_disabled(shared, sample.action(FILE), "do this and that")


def test_a_document_that_moves_on_meanwhile_is_left_alone(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = .$0..\ny = ...\n')
    asked = shared.ask("codeAction/resolve", sample.action(FILE))
    shared.notification("infill/status", state="busy")
    shared.change(URI, 2, {"text": "x = 1\n"})
    shared.settle()
    let_go(shared)
    resolved = shared.answer(asked)["result"]
    assert "changed" in resolved["disabled"]["reason"]
    assert "edit" not in resolved


def test_progress_counts_the_holes_and_its_button_stops_the_work(client: RawClient) -> None:
    client.initialize(capabilities={"window": {"workDoneProgress": True}})
    sample = opened(client, '# {"hold": true, "most_holes": 1}\nx = .$0..\ny = ...\nz = ...\n')
    asked = client.ask("codeAction/resolve", sample.action(FILE))
    create = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": create["id"], "result": None})
    token = create["params"]["token"]
    assert client.notification("$/progress", token=token)["value"]["title"] == FILE
    client.settle()
    let_go(client)
    value = client.notification("$/progress", token=token)["value"]
    assert value["kind"] == "report"
    assert value["message"] == "1 of 3 holes"
    client.notify("window/workDoneProgress/cancel", {"token": token})
    assert client.answer(asked)["result"]["disabled"]["reason"] == "cancelled"
    ends = (client.notification("$/progress", token=token)["value"]["kind"] for _ in itertools.count())
    assert "end" in itertools.islice(ends, 4)


def test_drafts_show_all_holes_of_a_canvas(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], options={"drafts": True})
    sample = opened(client, TWO)
    client.result("codeAction/resolve", sample.action(FUNCTION))
    last = client.notification("infill/draft", step=4)
    assert last["text"] == "f(alpha, 2)\n    beta = f(beta, 2)"
    assert last["range"] == {"start": {"line": 2, "character": 12}, "end": {"line": 3, "character": 14}}


def test_an_engine_for_one_hole_fills_them_one_by_one(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"], options={"settings": {"model": "fake:several_holes=no"}})
    sample = opened(client, TWO)
    assert "beta = f(beta, 1)" in applied(sample.text, client.result("codeAction/resolve", sample.action(FUNCTION)))


def test_crlf_tabs_and_emoji(client: RawClient) -> None:
    client.initialize()
    text = '# {"texts": ["return 1", "2"]}\r\ndef g():\r\n\t$0...\r\n\r\ns = "🙂"; t = ...\r\n'
    sample = opened(client, text)
    filled = applied(sample.text, client.result("codeAction/resolve", sample.action(FILE)), "utf-16")
    assert filled.endswith('def g():\r\n\treturn 1\r\n\r\ns = "🙂"; t = 2\r\n')
