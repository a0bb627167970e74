"""Ten thousand random edits with requests in between: the server has the text that the client has, and answers all."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, environment, span
from tests.infill_lsp.sample import AUTOMATIC, INVOKED, URI

NUM_EDITS = 10_000
EDITS_A_LOOK = 1_000
_MOST_CHARS = 400

# Widths of 1 to 4 bytes and 1 or 2 UTF-16 units, marks that combine, line ends, and what only Python splits lines at.
_PIECES = [
    *"abxyz_ (){}[]:=\"'#.,\t",
    *"é漢\u0301\U0001f600\U0001d54f\u2028\x85\x0c",
    "\n",
    "\n",
    "\r\n",
    "\n    ",
    "x = ",
    "def f():\n    ",
    "...",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_after_ten_thousand_edits_the_texts_are_equal(tmp_path: Path, encoding: str) -> None:
    chance = random.Random(encoding)
    command = [sys.executable, "-m", "tests.infill_lsp.probed_server"]
    with RawClient(command, environment(tmp_path)) as client:
        client.initialize(encodings=[encoding], options={"settings": {"debounce_ms": 0}})
        assert client.encoding == encoding
        text = "def f():\n    return 1\n"
        client.open(URI, text)
        asked: list[int] = []
        for number in range(1, NUM_EDITS + 1):
            text = one_edit(client, chance, text, number + 1)
            if chance.random() < 0.12:
                asked.append(one_request(client, chance, text))
            if chance.random() < 0.02 and asked:
                client.notify("$/cancelRequest", {"id": chance.choice(asked[-3:])})
            if number % EDITS_A_LOOK == 0:
                assert client.result("test/text", {"uri": URI}) == text, f"after {number} edits"
        check_answers(client, asked)
        assert client.end() == 0
        assert b"Traceback" not in client.errors


def one_edit(client: RawClient, chance: random.Random, text: str, version: int) -> str:
    """Send one notification, of one change or two, and return the text after it."""
    changes = []
    for _ in range(chance.choice((1, 1, 1, 2))):
        start = _between_characters(text, chance.randint(0, len(text)))
        most = 40 if len(text) > _MOST_CHARS else 3
        end = _between_characters(text, min(start + chance.choice((0, 0, 0, most)), len(text)))
        new = "".join(chance.choices(_PIECES, k=chance.choice((0, 1, 1, 2))))
        change = {"range": span(text, start, end, client.encoding), "text": new}
        text = text[:start] + new + text[end:]
        changes.append(change)
    client.change(URI, version, *changes)
    return text


def one_request(client: RawClient, chance: random.Random, text: str) -> int:
    """Ask for ghost text, or for code actions, anywhere."""
    offset = _between_characters(text, chance.randint(0, len(text)))
    where = span(text, offset, offset, client.encoding)
    if chance.random() < 0.2:
        params = {"textDocument": {"uri": URI}, "range": where, "context": {"diagnostics": []}}
        return client.ask("textDocument/codeAction", params)
    return client.ask_ghost(URI, where["start"], kind=chance.choice((INVOKED, AUTOMATIC)))


def check_answers(client: RawClient, asked: list[int]) -> None:
    """Each request has one answer, and none of them is a fault."""
    client.settle()
    answers: dict[Any, list[Any]] = {}
    for message in client.seen:
        if "method" not in message:
            answers.setdefault(message["id"], []).append(message)
    for each in asked:
        if each not in answers:
            answers[each] = [client.answer(each)]
    assert len(asked) > 1000
    for each in asked:
        (answer,) = answers[each]
        assert "result" in answer or answer["error"]["code"] == -32800


def _between_characters(text: str, offset: int) -> int:
    """No editor puts its caret between the two characters of a line end."""
    return offset + 1 if text[offset - 1 : offset + 1] == "\r\n" and offset else offset
