"""The code action `Fill hole` of the real server over stdio."""

from __future__ import annotations

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, let_go, span
from tests.infill_lsp.sample import (
    URI,
    check_disabled,
    edit_of,
    opened,
)


def test_a_request_sees_the_document_as_it_was_when_it_arrived(shared: RawClient) -> None:
    for version in range(1, 40, 2):
        sample = opened(shared, "def f():\n    $0...$0\n")
        asked = shared.ask(
            "textDocument/codeAction",
            {"textDocument": {"uri": URI}, "range": sample.range, "context": {"diagnostics": []}},
        )
        shared.change(URI, version + 1, {"text": "x = 1\n"})
        assert {action["data"]["version"] for action in shared.answer(asked)["result"]} == {1}


def test_the_action_is_listed_without_the_engine_and_filled_when_it_is_picked(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": ["return 1 + 2"]}\ndef f():\n    .$0..\n')
    action = sample.action()
    assert action["title"] == "Fill hole"
    assert action["kind"] == "quickfix"
    assert "edit" not in action
    assert shared.seen == []
    resolved = shared.result("codeAction/resolve", action)
    assert "disabled" not in resolved
    assert list(resolved["edit"]) == ["changes"]
    assert edited(sample.text, edit_of(resolved), "utf-8").endswith("def f():\n    return 1 + 2\n")


def test_a_client_that_knows_versions_gets_an_edit_for_one_version(client: RawClient) -> None:
    client.initialize(capabilities={"workspace": {"workspaceEdit": {"documentChanges": True}}})
    resolved = client.result("codeAction/resolve", opened(client, "x = $0...$0\n").action())
    (change,) = resolved["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}


def test_a_selection_is_rewritten_and_a_finished_line_is_left_alone(shared: RawClient) -> None:
    assert opened(shared, "x = $01 - 1$0\n").action()["kind"] == "refactor.rewrite"
    sample = opened(shared, "x = 1\ny$0 = 2\n")
    assert shared.actions(URI, sample.range) == []


@pytest.mark.parametrize(
    ("only", "kind"),
    [
        (["quickfix"], "quickfix"),
        (["refactor"], "refactor.rewrite"),
        (["refactor.rewrite"], "refactor.rewrite"),
        ([""], "quickfix"),
        ([], None),
        (["refactor.rewrite.inline"], None),
        (["source.organizeImports", "quick"], None),
    ],
)
def test_only_the_kinds_that_are_asked_for_are_listed(shared: RawClient, only: list[str], kind: str | None) -> None:
    sample = opened(shared, "x = .$0..\n")
    actions = shared.actions(URI, sample.range, only=only)
    assert [action["kind"] for action in actions] == ([kind] if kind else [])


def test_an_action_on_a_document_that_moved_on_says_so(shared: RawClient) -> None:
    sample = opened(shared, "x = $0...$0\n")
    action = sample.action()
    shared.change(URI, 2, {"text": "x = 1\n"})
    check_disabled(shared, action, "changed")


def test_an_action_whose_document_moves_on_meanwhile_says_so(shared: RawClient) -> None:
    action = opened(shared, '# {"hold": true}\nx = $0...$0\n').action()
    asked = shared.ask("codeAction/resolve", action)
    shared.notification("infill/status", state="busy")
    shared.change(URI, 2, {"text": "x = 1\n"})
    shared.settle()
    let_go(shared)
    resolved = shared.answer(asked)["result"]
    assert "changed" in resolved["disabled"]["reason"]
    assert "edit" not in resolved


@pytest.mark.parametrize(
    ("direction", "reason"),
    [
        ('{"texts": [], "reason": "the model is unsure"}', "the model is unsure"),
        ('{"error": "unavailable"}', "do this and that"),
    ],
)
def test_an_action_that_comes_to_nothing_says_why(shared: RawClient, direction: str, reason: str) -> None:
    check_disabled(shared, opened(shared, f"# {direction}\nx = $0...$0\n").action(), reason)
    assert reason in shared.result("infill/whyNoSuggestion")["silences"][0]["reason"]


def test_a_bad_candidate_is_not_shown_when_the_next_one_is_good(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": [")))", "1 +", "3"]}\nx = $0...$0\n')
    resolved = shared.result("codeAction/resolve", sample.action())
    assert edited(sample.text, edit_of(resolved), "utf-8").endswith("x = 3\n")


def test_typing_elsewhere_does_not_end_an_action(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = $0...$0\n')
    asked = shared.ask("codeAction/resolve", sample.action())
    shared.notification("infill/status", state="busy")
    ghost = sample.ask_ghost()
    shared.settle()
    let_go(shared)
    assert "edit" in shared.answer(asked)["result"]
    shared.answer(ghost)


def test_an_action_whose_place_another_one_took_says_so(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = $0...$0\ny = ...\n')
    older = shared.ask("codeAction/resolve", sample.action())
    shared.notification("infill/status", state="busy")
    second = sample.text.rindex("...")
    other, *_ = shared.actions(URI, span(sample.text, second, second, "utf-8"))
    newer = shared.ask("codeAction/resolve", other)
    resolved = shared.answer(older)["result"]
    assert "edit" not in resolved
    assert "another action" in resolved["disabled"]["reason"]
    assert resolved["disabled"]["reason"] in shared.notification("window/showMessage")["message"]
    shared.settle()
    let_go(shared)
    assert edited(sample.text, edit_of(shared.answer(newer)["result"]), "utf-8").endswith("y = 1 + 2\n")
    assert not [m for m in shared.seen if m.get("method") == "window/showMessage"]


def test_an_action_that_is_cancelled_is_answered_so(shared: RawClient) -> None:
    asked = shared.ask("codeAction/resolve", opened(shared, '# {"hold": true}\nx = $0...$0\n').action())
    shared.notification("infill/status", state="busy")
    shared.notify("$/cancelRequest", {"id": asked})
    assert shared.answer(asked)["error"]["code"] == -32800
    shared.notification("infill/status", state="normal")


def begun_progress(client: RawClient) -> tuple[int, str]:
    """Pick an action whose fill waits, and see its progress bar begin; return the request's id and the bar's token."""
    client.initialize(capabilities={"window": {"workDoneProgress": True}})
    asked = client.ask("codeAction/resolve", opened(client, '# {"hold": true}\nx = $0...$0\n').action())
    create = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": create["id"], "result": None})
    token = create["params"]["token"]
    value = client.notification("$/progress", token=token)["value"]
    assert value["kind"] == "begin"
    assert value["cancellable"] is True
    return asked, token


def test_an_action_shows_its_progress(client: RawClient) -> None:
    asked, token = begun_progress(client)
    let_go(client)
    assert client.notification("$/progress", token=token)["value"]["kind"] == "end"
    assert "edit" in client.answer(asked)["result"]


def test_closing_the_progress_bar_stops_the_fill_without_more_words(client: RawClient) -> None:
    asked, token = begun_progress(client)
    client.notify("window/workDoneProgress/cancel", {"token": token})
    assert client.notification("$/progress", token=token)["value"]["kind"] == "end"
    assert client.answer(asked)["result"]["disabled"]["reason"] == "cancelled"
    assert not [m for m in client.seen if m.get("method") == "window/showMessage"]
    client.notify("window/workDoneProgress/cancel", {"token": "unknown"})
    client.settle()


def test_a_client_that_cannot_make_a_progress_bar_still_gets_its_edit(client: RawClient) -> None:
    client.initialize(capabilities={"window": {"workDoneProgress": True}})
    asked = client.ask("codeAction/resolve", opened(client, '# {"hold": true}\nx = $0...$0\n').action())
    create = client.wait_for(lambda m: m.get("method") == "window/workDoneProgress/create")
    client.send({"jsonrpc": "2.0", "id": create["id"], "error": {"code": -32603, "message": "no"}})
    client.settle()
    let_go(client)
    assert "edit" in client.answer(asked)["result"]
    assert not [m for m in client.seen if m.get("method") == "$/progress"]
