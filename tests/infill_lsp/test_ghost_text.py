"""Ghost text from the real server over stdio."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, let_go, span
from tests.infill_lsp.sample import (
    AUTOMATIC,
    URI,
    check_ghost,
    check_silent,
    opened,
)


def test_ghost_text_fills_the_hole_at_the_caret(shared: RawClient) -> None:
    check_ghost(shared, "x = $0\ny = 2\n", "x = 1 + 2\ny = 2\n")


def test_ghost_text_joins_what_stands_right_of_the_caret(shared: RawClient) -> None:
    check_ghost(shared, "total = sum($0)\n", "total = sum(1 + 2)\n")


def test_who_only_types_gets_one_item_and_who_asks_gets_several(shared: RawClient) -> None:
    text = '# {"texts": ["1", "22", "333", "4444", "55555"]}\nx = $0\n'
    before, after = text.split("$0")
    check_ghost(shared, text, before + "1" + after, kind=AUTOMATIC)
    check_ghost(shared, text, *(before + each + after for each in ("1", "22", "333", "4444")))


def test_a_placeholder_that_was_typed_is_replaced_only_on_request(shared: RawClient) -> None:
    check_silent(shared, opened(shared, "x = ...$0\n"), "on request", kind=AUTOMATIC)
    check_ghost(shared, "x = ...$0\n", "x = 1 + 2\n")
    check_ghost(shared, "x = $0...\n", "x = 1 + 2\n", kind=AUTOMATIC)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_ghost_text_has_plain_line_breaks_whatever_the_file_has(shared: RawClient, line_end: str) -> None:
    text = '# {"texts": ["one = 1\\n    return one"]}\ndef f():\n    $0\n'
    (item,) = opened(shared, text.replace("\n", line_end)).ghost()
    assert item["insertText"] == "one = 1\n    return one"


def test_an_empty_file_is_served(shared: RawClient) -> None:
    check_ghost(shared, "$0", "1 + 2")


def test_a_document_that_is_not_open_has_no_ghost_text(shared: RawClient) -> None:
    sample = opened(shared, "x = $0\n")
    shared.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    check_silent(shared, sample, "not open")


def test_half_a_surrogate_pair_in_the_text_does_no_harm(shared: RawClient) -> None:
    check_ghost(shared, "# \ud83d\nx = $0\n", "# \ud83d\nx = 1 + 2\n")
    assert not [m for m in shared.seen if m.get("params", {}).get("state") == "error"]


def test_a_line_that_is_complete_is_a_silence_and_the_status_says_why(shared: RawClient) -> None:
    sample = opened(shared, "return_value = 1$0\n")
    check_silent(shared, sample, "", kind=AUTOMATIC)
    assert shared.notification("infill/status", state="normal", uri=URI)["reason"] == "the line is complete"
    check_silent(shared, sample, "")
    assert not [m for m in shared.seen if m.get("method") == "infill/status"], "the same news is told once"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("count = 1\ntotal = count$0\n", "the line is complete"),
        ("count = 1\ntotal = co$0unt\n", "a word begins right of the caret"),
        ("while True:\n    break$0\n", "the line is complete"),
        ("x = None$0\n", "the line is complete"),
        ("x = foo(1)$0\n", "the line is complete"),
        ("# a comment$0\n", "the caret is in a comment"),
        ("x = 'a string$0'\n", "the caret is in a string"),
    ],
)
def test_who_types_what_needs_no_more_is_left_in_peace(shared: RawClient, text: str, reason: str) -> None:
    check_silent(shared, opened(shared, text), reason, kind=AUTOMATIC)


def test_who_deletes_is_left_in_peace_until_the_next_key(shared: RawClient) -> None:
    sample = opened(shared, "x = ab$0\n")
    shared.change(URI, 2, {"range": span(sample.text, 4, 6, "utf-8"), "text": ""})
    sample.text, sample.start, sample.end = "x = \n", 4, 4
    check_silent(shared, sample, "text was just deleted", kind=AUTOMATIC)
    assert "deleted" in shared.notification("infill/status", state="normal", uri=URI)["reason"]
    assert [item["insertText"] for item in sample.ghost()] == ["1 + 2"], "who asks gets an answer"
    sample.type(3, "-")
    assert sample.ghost(AUTOMATIC)


def test_text_that_is_replaced_is_not_deleted(shared: RawClient) -> None:
    sample = opened(shared, "x = abc $0\n")
    shared.change(URI, 2, {"range": span(sample.text, 4, 8, "utf-8"), "text": "-"})
    sample.text, sample.start, sample.end = "x = -\n", 5, 5
    assert sample.ghost(AUTOMATIC)


def test_a_client_that_sends_whole_texts_deletes_by_sending_a_shorter_one(shared: RawClient) -> None:
    sample = opened(shared, "x = $0\n")
    shared.change(URI, 2, {"text": "xy = \n"}, {"text": "x = \n"})
    assert sample.ghost(AUTOMATIC), "what was added and taken away again is not deleting"
    shared.change(URI, 3, {"text": "x = (\n"})
    shared.change(URI, 4, {"text": "x = \n"})
    check_silent(shared, sample, "text was just deleted", kind=AUTOMATIC)


def test_a_language_that_the_model_never_learnt_is_named(shared: RawClient) -> None:
    never = '# {"texts": ["1"], "confidences": [0.0]}\nx = $0\n'
    check_silent(shared, opened(shared, never), "the model was not trained on python; ask", kind=AUTOMATIC)
    check_ghost(shared, never, never.replace("$0", "1"))


def test_an_engine_in_trouble_stays_the_news_while_the_user_types_elsewhere(client: RawClient) -> None:
    client.initialize(encodings=["utf-8"])
    opened(client, '# {"error": "unavailable"}\nx = $0\n').ghost(AUTOMATIC)
    assert client.notification("infill/status", state="error")
    client.seen.clear()
    check_silent(client, opened(client, "x = 1$0\n"), "complete", kind=AUTOMATIC)
    assert not [m for m in client.seen if m.get("method") == "infill/status"]
    assert opened(client, "x = $0\n").ghost(AUTOMATIC)
    assert client.notification("infill/status", state="normal")["reason"] is None


def test_a_reason_of_the_engine_is_passed_on(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": [], "reason": "the model is unsure"}\nx = $0\n')
    check_silent(shared, sample, "the model is unsure", kind=AUTOMATIC)


def test_what_the_model_is_unsure_of_is_shown_only_on_request(shared: RawClient) -> None:
    unsure = '# {"texts": ["1"], "confidences": [0.004]}\nx = $0\n'
    check_silent(shared, opened(shared, unsure), "unsure (0 % sure; setting min_confidence)", kind=AUTOMATIC)
    check_ghost(shared, unsure, unsure.replace("$0", "1"))


def test_a_surer_candidate_stands_in_for_one_that_the_model_is_unsure_of(shared: RawClient) -> None:
    text = '# {"texts": ["1", "22"], "confidences": [0.004, 0.5]}\nx = $0\n'
    check_ghost(shared, text, text.replace("$0", "22"), kind=AUTOMATIC)


def test_the_user_sets_how_sure_the_model_must_be(client: RawClient) -> None:
    client.initialize(options={"settings": {"min_confidence": 0.6}})
    text = '# {"texts": ["1"], "confidences": [0.594]}\nx = $0\n'
    check_silent(client, opened(client, text), "the model is unsure (59 % sure", kind=AUTOMATIC)
    check_ghost(client, text.replace("0.594", "0.6"), text.replace("0.594", "0.6").replace("$0", "1"), kind=AUTOMATIC)


@pytest.mark.parametrize(
    ("error", "state"), [("unavailable", "error"), ("checkpoint", "error"), ("request", "warning")]
)
def test_an_engine_that_fails_is_a_status_and_never_a_message(shared: RawClient, error: str, state: str) -> None:
    sample = opened(shared, f'# {{"error": "{error}"}}\nx = $0\n')
    check_silent(shared, sample, "the engine cannot answer; do this and that")
    assert shared.notification("infill/status", state=state)["reason"] == "the engine cannot answer; do this and that"


def test_a_fault_in_the_server_is_a_status_and_ghost_text_stays_empty(shared: RawClient) -> None:
    sample = opened(shared, '# {"bug": true}\nx = $0\n')
    assert sample.ghost() == []
    assert "fault" in shared.notification("infill/status", state="error")["reason"]
    resolved = shared.error("codeAction/resolve", opened(shared, '# {"bug": true}\nx = $0...$0\n').action())
    assert resolved["code"] == -32603
    assert "Traceback" not in resolved["message"]
    assert set(resolved) == {"code", "message"}


@pytest.mark.parametrize(
    ("uri", "language", "reason"),
    [
        ("file:///home/u/project/.env.local", "python", ".env*"),
        ("file:///home/u/.ssh/config.py", "python", ".ssh"),
        ("file:///home/u/%2Eenv", "python", ".env*"),
        ("file:///home/u/a.txt", "plaintext", "the language plaintext is not supported"),
    ],
)
def test_files_that_are_left_alone(shared: RawClient, uri: str, language: str, reason: str) -> None:
    sample = opened(shared, "x = $0\n", uri=uri, language=language)
    check_silent(shared, sample, reason)
    assert reason in shared.notification("infill/status", state="inactive", uri=uri)["reason"]
    assert shared.actions(uri, sample.range) == []


def test_a_link_to_a_secret_is_a_secret(shared: RawClient, tmp_path: Path) -> None:
    (tmp_path / "innocent.py").symlink_to(tmp_path / "id_rsa")
    check_silent(shared, opened(shared, "x = $0\n", uri=(tmp_path / "innocent.py").as_uri()), "id_rsa*")


def test_a_file_over_the_limit_is_left_alone(client: RawClient) -> None:
    client.initialize(options={"settings": {"max_file_bytes": 20}})
    check_silent(client, opened(client, "# éééééééé\nx = $0\n"), "larger than the limit of 20 bytes")
    check_ghost(client, "# eeeeeeee\nx = $0\n", "# eeeeeeee\nx = 1 + 2\n")


def test_a_newer_request_supersedes_and_the_older_is_answered_empty_at_once(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = $0\n')
    older = sample.ask_ghost()
    shared.notification("infill/status", state="busy")
    shared.change(URI, 2, {"range": span(sample.text, 0, 16, "utf-8"), "text": "#"})
    sample.text, sample.start, sample.end = "#" + sample.text[16:], sample.start - 15, sample.end - 15
    newer = sample.ask_ghost()
    first = shared.wait_for(lambda m: "result" in m)
    assert first == {"jsonrpc": "2.0", "id": older, "result": {"items": []}}
    assert shared.answer(newer)["result"]["items"][0]["insertText"] == "1 + 2"


def test_of_many_requests_each_is_answered_once_and_the_newest_with_items(shared: RawClient) -> None:
    sample = opened(shared, "x = $0\n")
    ids = []
    for version in range(2, 12):
        sample.type(version, "(")
        ids.append(sample.ask_ghost(AUTOMATIC))
    answers = [shared.answer(each) for each in ids]
    assert [bool(answer["result"]["items"]) for answer in answers[:-1]] == [False] * 9
    shared.settle()
    assert not [m for m in shared.seen if m.get("id") in ids], "a request was answered twice"


def test_documents_do_not_supersede_each_other(shared: RawClient) -> None:
    one = opened(shared, '# {"hold": true}\nx = $0\n')
    held = one.ask_ghost()
    shared.notification("infill/status", state="busy")
    assert opened(shared, "x = $0\n", uri="file:///project/other.py").ghost()
    let_go(shared)
    assert shared.answer(held)["result"]["items"]


def test_when_the_document_moved_on_nothing_is_shown(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = $0\n')
    held = sample.ask_ghost()
    shared.notification("infill/status", state="busy")
    sample.type(2, "1")
    shared.settle()
    let_go(shared)
    assert shared.answer(held)["result"]["items"] == []
    assert "changed" in shared.result("infill/whyNoSuggestion")["silences"][0]["reason"]


def test_cancel_is_answered_and_stops_the_fill(shared: RawClient) -> None:
    sample = opened(shared, '# {"hold": true}\nx = $0\n')
    held = sample.ask_ghost()
    shared.notification("infill/status", state="busy")
    shared.notify("$/cancelRequest", {"id": held})
    assert shared.answer(held)["error"]["code"] == -32800
    shared.notification("infill/status", state="normal")
    shared.settle()
    assert not [m for m in shared.seen if m.get("id") == held]


def test_a_request_and_its_cancel_in_one_packet(shared: RawClient) -> None:
    sample = opened(shared, "x = $0\n")
    ids = [sample.ask_ghost() for _ in range(5)]
    for each in ids:
        shared.notify("$/cancelRequest", {"id": each})
    for each in ids:
        answer = shared.answer(each)
        assert answer.get("error", {}).get("code") == -32800 or "items" in answer["result"]


def test_typing_what_was_suggested_shows_the_rest_without_the_engine(shared: RawClient) -> None:
    sample = opened(shared, "x = $0\n")
    assert [item["insertText"] for item in sample.ghost(AUTOMATIC)] == ["1 + 2"]
    shared.settle()
    shared.seen.clear()
    sample.type(2, "1 ")
    items = sample.ghost(AUTOMATIC)
    assert [edited(sample.text, item, "utf-8") for item in items] == ["x = 1 + 2\n"]
    assert shared.seen == [], "no engine was asked, so there is no news"


def test_typing_any_of_several_suggestions_shows_its_rest(shared: RawClient) -> None:
    text = '# {"texts": ["1 + 2", "sum(y)", "max(y)"]}\nx = $0\n'
    sample = opened(shared, text)
    assert [item["insertText"] for item in sample.ghost()] == ["1 + 2", "sum(y)", "max(y)"]
    shared.settle()
    shared.seen.clear()
    for version, typed, left in [(2, "m", "ax(y)"), (3, "ax", "(y)"), (4, "(", "y)")]:
        sample.type(version, typed)
        (item,) = sample.ghost(AUTOMATIC)
        assert edited(sample.text, item, "utf-8") == text.replace("$0", "max(y)"), left
    assert shared.seen == [], "no engine was asked, so there is no news"


def test_a_silent_request_supersedes_the_older_one_too(shared: RawClient) -> None:
    """Or the older one's answer would be shown where the caret was before."""
    sample = opened(shared, '# {"hold": true}\ny = 1\nx = $0\n')
    older = sample.ask_ghost()
    shared.notification("infill/status", state="busy")
    assert shared.ghost(URI, {"line": 1, "character": 5}, kind=AUTOMATIC) == []
    assert shared.answer(older)["result"] == {"items": []}
    let_go(shared)


def test_after_a_change_of_settings_the_engine_is_asked_again(client: RawClient) -> None:
    client.initialize()
    sample = opened(client, '# {"texts": ["(1)"]}\nx = $0\n')
    assert sample.ghost(AUTOMATIC)
    client.notify("workspace/didChangeConfiguration", {"settings": {"model": "/somewhere/else"}})
    client.settle()
    client.seen.clear()
    sample.type(2, "(")
    sample.ghost(AUTOMATIC)
    assert client.notification("infill/status", state="busy")


def test_ghost_text_goes_on_from_the_selected_completion(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": ["(1, 2)"]}\nvalue = ma$0\n')
    start = sample.end - 2
    info = {"range": span(sample.text, start, sample.end, "utf-8"), "text": "max"}
    (item,) = sample.ghost(selected=info)
    assert item["range"] == info["range"]
    assert item["insertText"].startswith("max")
    assert edited(sample.text, item, "utf-8").endswith("value = max(1, 2)\n")


def test_with_a_selected_completion_that_nothing_follows_there_is_no_ghost_text(shared: RawClient) -> None:
    sample = opened(shared, '# {"texts": [], "reason": "no"}\nvalue = ma$0\n')
    info = {"range": span(sample.text, sample.end - 2, sample.end, "utf-8"), "text": "max"}
    assert sample.ghost(selected=info) == []
