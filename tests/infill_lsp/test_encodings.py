"""Clients that count in UTF-8, UTF-16 and UTF-32 get the same edit, and their own edits land where they mean them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixture import marked
from tests.infill_lsp.raw_client import RawClient, edited, position, scripted, span

ENCODINGS = ("utf-8", "utf-16", "utf-32")
URI = "file:///project/sample.py"
FILL = "1 + 2"

# Widths of 1 to 4 bytes and 1 or 2 UTF-16 units, marks that combine, and what Python's own splitlines takes for an end
# of line and editors do not.
_ODD = "aé\u0301漢\U0001f600\U0001d54f\t \u2028\u0085\x0b\x0c\u200d\ufeff"
_odd_text = st.text(st.sampled_from(_ODD), max_size=8)
_line_end = st.sampled_from(["\n", "\r\n"])
_edits = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 5), _odd_text), max_size=4)


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RawClient]]:
    clients = [scripted(tmp_path_factory.mktemp("home")) for _ in ENCODINGS]
    try:
        for client, encoding in zip(clients, ENCODINGS, strict=True):
            client.initialize(encodings=[encoding])
            assert client.encoding == encoding
        yield clients
    finally:
        for client in clients:
            client.__exit__()


def check_same_everywhere(clients: list[RawClient], text: str, edits: list[tuple[int, int, str]]) -> None:
    """Type into the comment of the first line, then fill the hole: every client's text is the one that is expected.

    The text has `$0` where the hole is. All changes go in one notification, each counting from the one before.
    """
    for client in clients:
        before, offset = marked(text).text, marked(text).offset
        client.open(URI, before)
        changes = []
        for start, length, new in edits:
            line_length = len(before.split("\n")[0].rstrip("\r"))
            start = 1 + start % line_length
            end = min(start + length, line_length)
            changes.append({"range": span(before, start, end, client.encoding), "text": new})
            before = before[:start] + new + before[end:]
            offset += len(new) - (end - start)
        client.change(URI, 2, *changes)
        (item,) = client.ghost(URI, position(before, offset, client.encoding))
        assert edited(before, item, client.encoding) == before[:offset] + FILL + before[offset:]
        check_action(client, before[:offset] + "..." + before[offset:], offset)


def check_action(client: RawClient, text: str, offset: int) -> None:
    """The action replaces the placeholder at the offset and nothing else."""
    client.change(URI, 3, {"text": text})
    at = span(text, offset, offset, client.encoding)
    (action,) = client.actions(URI, at)
    resolved: Any = client.result("codeAction/resolve", action)
    ((edit,),) = resolved["edit"]["changes"].values()
    assert edited(text, edit, client.encoding) == text[:offset] + FILL + text[offset + 3 :]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(comment=_odd_text, string=_odd_text, line_end=_line_end, edits=_edits)
def test_every_encoding_gives_the_same_edit(
    clients: list[RawClient], comment: str, string: str, line_end: str, edits: list[tuple[int, int, str]]
) -> None:
    text = f"#{comment}\nname = 1\ncall('{string}', $0)\nother = 2\n"
    check_same_everywhere(clients, text.replace("\n", line_end), edits)


@pytest.mark.parametrize(
    "text",
    [
        "# \n\U0001f600 = 1; x = $0\n",
        "# \r\ns = '\U0001f600\U0001f600', $0\r\n",
        "# \nif True:\n\tx = '漢字', $0\n",
        "# \nx = 'e\u0301\u0301', $0",
        "\ufeff# \nx = '\u2028', $0\n",
    ],
)
def test_known_traps(clients: list[RawClient], text: str) -> None:
    check_same_everywhere(clients, text, [])


def test_positions_outside_the_text_are_clamped(clients: list[RawClient]) -> None:
    for client in clients:
        client.open(URI, "x = \ny = 1\n")
        (item,) = client.ghost(URI, {"line": 0, "character": 500})
        assert edited("x = \ny = 1\n", item, client.encoding) == "x = 1 + 2\ny = 1\n"
        client.change(
            URI, 2, {"range": {"start": {"line": 900, "character": 0}, "end": {"line": 0, "character": 4}}, "text": ""}
        )
        assert client.ghost(URI, {"line": 0, "character": 4})


def test_a_position_inside_a_surrogate_pair_does_not_split_it(clients: list[RawClient]) -> None:
    client = clients[1]
    client.open(URI, "s = '\U0001f600'\nx = \n")
    inside = {"line": 0, "character": 6}
    client.change(URI, 2, {"range": {"start": inside, "end": inside}, "text": "é"})
    (item,) = client.ghost(URI, {"line": 1, "character": 4})
    assert item["range"]["start"] == {"line": 1, "character": 4}
