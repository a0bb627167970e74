"""What is learnt from suggestions: the threshold, the file, and what counts as taken and as dismissed."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_lsp.ghost.feedback import EDGES, NOTHING, Counts, faded, learnt, threshold
from infill_lsp.ghost.feedback_file import Feedback
from infill_lsp.ghost.offers import Offers
from infill_lsp.ghost.quiet import doubt
from tests.infill_lsp.raw_client import RawClient, environment
from tests.infill_lsp.sample import AUTOMATIC, URI, Sample, opened

SETTING = 0.02


def after(*judged: tuple[float, bool]) -> Counts:
    counts = NOTHING
    for confidence, taken in judged:
        counts = learnt(counts, confidence, taken=taken)
    return counts


def test_at_first_the_setting_holds() -> None:
    assert threshold(SETTING, NOTHING) == SETTING
    assert threshold(SETTING, after(*[(0.03, False)] * 9)) == SETTING, "too few to tell"


def test_what_is_mostly_dismissed_is_kept_back() -> None:
    assert threshold(SETTING, after(*[(0.03, False)] * 15)) == 0.05
    assert threshold(SETTING, after(*[(0.03, False)] * 15, *[(0.07, False)] * 15)) == 0.1


def test_what_is_taken_often_enough_is_shown_and_all_that_is_surer() -> None:
    assert threshold(SETTING, after(*[(0.03, False), (0.03, False), (0.03, True)] * 8)) == SETTING
    taken, dismissed = [(0.03, True), (0.03, False)] * 8, [(0.15, False)] * 8
    assert threshold(SETTING, after(*dismissed, *taken)) == SETTING


def test_when_suggestions_are_taken_the_threshold_falls_back() -> None:
    counts = after(*[(0.03, False)] * 30)
    assert threshold(SETTING, counts) == 0.05
    for _ in range(4):
        counts = learnt(counts, 0.03, taken=True)
    assert threshold(SETTING, counts) == SETTING


def test_what_was_kept_back_for_a_while_is_tried_again() -> None:
    counts = after(*[(0.03, False)] * 200)
    num_kept_back = 0
    while threshold(SETTING, counts) > SETTING:
        counts = faded(counts)
        num_kept_back += 1
    assert 30 <= num_kept_back <= 50


def test_what_the_model_is_half_sure_of_is_always_shown() -> None:
    everything = [(each, False) for each in (0.03, 0.07, 0.15, 0.3, 0.4, 0.9)] * 40
    assert threshold(SETTING, after(*everything)) == EDGES[-1] == 0.5


@given(st.floats(0, 1), st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_the_threshold_is_never_below_the_setting(setting: float, judged: list[tuple[float, bool]]) -> None:
    assert setting <= threshold(setting, after(*judged)) <= max(setting, EDGES[-1])


def test_the_file_holds_numbers_by_language_and_is_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "state" / "feedback.json"
    feedback = Feedback(path)
    assert feedback.threshold("python", SETTING) == SETTING
    assert not path.exists(), "reading makes no file"
    for _ in range(15):
        feedback.judged("python", 0.03, False)
    kept = json.loads(path.read_text())
    assert list(kept) == ["version", "languages"]
    assert list(kept["languages"]) == ["python"]
    assert [len(kept["languages"]["python"]), kept["languages"]["python"][1]] == [6, [0.0, 0.0]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["feedback.json"]
    assert feedback.threshold("python", SETTING) == Feedback(path).threshold("python", SETTING) == 0.05
    assert feedback.threshold("go", SETTING) == SETTING


def test_two_servers_do_not_undo_each_others_counts(tmp_path: Path) -> None:
    one, other = Feedback(tmp_path / "f.json"), Feedback(tmp_path / "f.json")
    for _ in range(15):
        one.judged("python", 0.03, False)
        other.judged("go", 0.03, False)
    assert Feedback(tmp_path / "f.json").threshold("python", SETTING) == 0.05
    assert Feedback(tmp_path / "f.json").threshold("go", SETTING) == 0.05


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "\ud83d",
        "[" * 100_000,
        '{"version": 2, "languages": {}}',
        '{"version": 1, "languages": {"python": [[1, 2]]}}',
        '{"version": 1, "languages": {"python": [[0, NaN],[0,0],[0,0],[0,0],[0,0],[0,0]]}}',
        '{"version": 1, "languages": {"python": "abc"}}',
        '{"version": 1, "languages": []}',
    ],
)
def test_a_file_that_makes_no_sense_counts_as_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert Feedback(path).threshold("python", SETTING) == SETTING
    Feedback(path).judged("python", 0.03, False)
    assert list(json.loads(path.read_text())["languages"]) == ["python"]


def test_a_folder_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    feedback = Feedback(tmp_path / "file" / "f.json")
    feedback.judged("python", 0.03, False)
    assert feedback.threshold("python", SETTING) == SETTING


class Judged(list[tuple[str, float | None, bool]]):
    def __call__(self, language: str, confidence: float | None, taken: bool) -> None:
        self.append((language, confidence, taken))


def test_a_suggestion_is_taken_once() -> None:
    judged = Judged()
    offers = Offers(judged)
    name = offers.offered("python", 0.5, 0.0, first=True)
    offers.taken(name)
    offers.taken(name)
    offers.replaced(name, 9.0)
    offers.taken("no such")
    assert judged == [("python", 0.5, True)]


def test_a_suggestion_is_dismissed_once_it_was_read() -> None:
    judged = Judged()
    offers = Offers(judged)
    glimpsed, read, unmeasured = (offers.offered("python", each, 0.0, first=True) for each in (0.1, 0.2, None))
    second = offers.offered("python", 0.3, 0.0, first=False)
    for name in (glimpsed, read, unmeasured, second, read):
        offers.replaced(name, 0.5 if name == glimpsed else 1.0)
    offers.replaced(glimpsed, 5.0)
    assert judged == [("python", 0.2, False), ("python", None, False)]


def test_of_an_editor_that_tells_what_it_shows_nothing_else_counts_as_shown() -> None:
    judged = Judged()
    offers = Offers(judged)
    first, second = (offers.offered("python", each, 0.0, first=each == 0.1) for each in (0.1, 0.2))
    offers.shown(second, 1.0)
    for name in (first, second):
        offers.replaced(name, 2.0)
    later = offers.offered("python", 0.3, 3.0, first=True)
    offers.replaced(later, 9.0)
    assert judged == [("python", 0.2, False)]


def test_a_doubt_says_what_the_user_can_do() -> None:
    assert doubt(None, 0.5, 0.5, "go") is None
    assert doubt(0.5, 0.5, 0.5, "go") is None
    assert doubt(0.0, 0.0, 0.0, "go") is None, "0 shows all"
    assert doubt(0.01, 0.02, 0.02, "go") == "the model is unsure (1 % sure; setting min_confidence)"
    assert "learn_threshold" in str(doubt(0.03, 0.05, 0.02, "go"))
    assert "not trained on go" in str(doubt(0.0, 0.02, 0.02, "go"))


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[RawClient]:
    """A server on a clock that the test moves, whose engine completes `x = (1)` and is 3 % sure of it."""
    command = [sys.executable, "-m", "tests.infill_lsp.timed_server", "0.01", "x = (1)", "0.03"]
    with RawClient(command, environment(tmp_path)) as client:
        yield client


class Typist:
    """Somebody at a keyboard, and the server's clock."""

    def __init__(self, client: RawClient) -> None:
        self.client, self.now_ms, self.version = client, 0, 1

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.client.result("test/advance", {"to_ms": self.now_ms})

    def ask(self, sample: Sample) -> Any:
        asked = sample.ask_ghost(AUTOMATIC)
        self.wait(400)
        return self.client.answer(asked)["result"]["items"]

    def ask_explicitly(self, sample: Sample) -> Any:
        asked = sample.ask_ghost()
        self.wait(400)
        return self.client.answer(asked)["result"]["items"]

    def type(self, sample: Sample, text: str) -> None:
        self.version += 1
        sample.type(self.version, text)


def kept(folder: Path) -> Any:
    (path,) = folder.rglob("feedback.json")
    return json.loads(path.read_text())["languages"]


def test_whose_suggestions_are_dismissed_gets_fewer_and_whose_are_taken_gets_them_back(
    timed: RawClient, tmp_path: Path
) -> None:
    timed.initialize()
    typist = Typist(timed)
    num_dismissed = 0
    while typist.ask(sample := opened(timed, "x = $0\n")):
        typist.wait(800)
        typist.type(sample, "[")
        typist.ask(sample)
        num_dismissed += 1
    assert 10 <= num_dismissed <= 14
    reason = timed.result("infill/whyNoSuggestion")["silences"][0]["reason"]
    assert "3 % sure" in reason
    assert "dismissed lately" in reason
    for _ in range(3):
        (item,) = typist.ask_explicitly(opened(timed, "x = $0\n"))
        timed.result("workspace/executeCommand", item["command"])
    assert typist.ask(opened(timed, "x = $0\n")) != []
    assert "(1)" not in json.dumps(kept(tmp_path))


def test_who_switches_learning_off_gets_what_the_setting_says(timed: RawClient) -> None:
    timed.initialize(options={"settings": {"learn_threshold": False}})
    typist = Typist(timed)
    for _ in range(20):
        sample = opened(timed, "x = $0\n")
        assert typist.ask(sample)
        typist.wait(800)
        typist.type(sample, "[")
        typist.ask(sample)


def test_a_suggestion_that_was_typed_out_was_taken(timed: RawClient, tmp_path: Path) -> None:
    timed.initialize()
    typist = Typist(timed)
    sample = opened(timed, "x = $0\n")
    assert typist.ask(sample)
    typist.type(sample, "(1)")
    typist.ask(sample)
    assert kept(tmp_path)["python"][0] == [1.0, 0.0]


@pytest.mark.parametrize("rest", [{"acceptedLength": 1}, {}])
def test_clients_made_for_copilot_tell_what_they_show_and_what_is_taken_in_part(
    timed: RawClient, tmp_path: Path, rest: dict[str, Any]
) -> None:
    timed.initialize()
    typist = Typist(timed)
    sample = opened(timed, "x = $0\n")
    (item,) = typist.ask(sample)
    timed.notify("textDocument/didShowCompletion", {"item": item})
    typist.wait(2000)
    timed.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, **rest})
    timed.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, **rest})
    for nonsense in (None, [], {"item": 1}, {"item": {"command": {"arguments": [{}]}}}, {"item": {"command": None}}):
        timed.notify("textDocument/didShowCompletion", nonsense)
    timed.settle()
    assert kept(tmp_path)["python"][0] == [1.0, 0.0]
    assert URI not in json.dumps(kept(tmp_path))
    assert b"Traceback" not in timed.errors
