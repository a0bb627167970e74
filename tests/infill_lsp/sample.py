"""A document with marks, open in a real server, and what always holds for its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.fixture import marked
from tests.infill_lsp.raw_client import RawClient, edited, position, span

URI = "file:///project/sample.py"
INVOKED, AUTOMATIC = 1, 2


@dataclass
class Sample:
    """A document open in the server, and where its text was marked."""

    client: RawClient
    uri: str
    text: str
    start: int
    end: int

    @property
    def at(self) -> dict[str, int]:
        return position(self.text, self.end, self.client.encoding)

    @property
    def range(self) -> dict[str, Any]:
        return span(self.text, self.start, self.end, self.client.encoding)

    def ghost(self, kind: int = INVOKED, selected: object = None) -> Any:
        return self.client.ghost(self.uri, self.at, kind=kind, selected=selected)

    def ask_ghost(self, kind: int = INVOKED) -> int:
        return self.client.ask_ghost(self.uri, self.at, kind=kind)

    def action(self, title: str = "Fill hole", **context: object) -> Any:
        """Return the one listed action whose title begins so."""
        listed = self.client.actions(self.uri, self.range, **context)
        (action,) = (each for each in listed if each["title"].startswith(title))
        return action

    def titles(self, **context: object) -> list[str]:
        return [action["title"] for action in self.client.actions(self.uri, self.range, **context)]

    def type(self, version: int, typed: str) -> None:
        """Type at the caret."""
        self.client.change(self.uri, version, {"range": self.range, "text": typed})
        self.text = self.text[: self.end] + typed + self.text[self.end :]
        self.start = self.end = self.end + len(typed)


def opened(client: RawClient, text: str, *, uri: str = URI, language: str = "python") -> Sample:
    mark = marked(text)
    client.open(uri, mark.text, language=language)
    return Sample(client, uri, mark.text, mark.start, mark.end)


def check_ghost(client: RawClient, text: str, *expected: str, kind: int = INVOKED) -> None:
    """The items, applied one at a time, give these texts; each range is on one line and holds the caret."""
    sample = opened(client, text)
    items = sample.ghost(kind)
    assert [edited(sample.text, item, client.encoding) for item in items] == list(expected)
    for item in items:
        start, end = item["range"]["start"], item["range"]["end"]
        assert start["line"] == end["line"] == sample.at["line"]
        assert start["character"] <= sample.at["character"] <= end["character"]
        assert item["command"]["command"] == "infill.accepted"


def check_silent(client: RawClient, sample: Sample, reason: str, *, kind: int = INVOKED) -> None:
    """No item comes, no message is shown, and the newest silence has the reason."""
    assert sample.ghost(kind) == []
    silences = client.result("infill/whyNoSuggestion")["silences"]
    assert reason in silences[0]["reason"]
    assert silences[0]["uri"] == sample.uri
    assert silences[0]["age_ms"] >= 0
    assert not [m for m in client.seen if m.get("method") == "window/showMessage"]


def edit_of(action: Any) -> Any:
    """Return the one text edit of an action."""
    edit = action["edit"]
    if "documentChanges" in edit:
        (change,) = edit["documentChanges"]
        (only,) = change["edits"]
    else:
        ((only,),) = edit["changes"].values()
    return only


def check_disabled(client: RawClient, action: Any, reason: str) -> None:
    """The action comes back without an edit and with the reason, and the user reads it in one line."""
    resolved = client.result("codeAction/resolve", action)
    assert "edit" not in resolved
    assert reason in resolved["disabled"]["reason"]
    message = client.notification("window/showMessage")["message"]
    assert reason in message
    assert "\n" not in message
    assert not [m for m in client.seen if m.get("method") == "window/showMessage"]
