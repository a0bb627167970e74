"""Messages to the client: in order, whole, and never waited for."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.transport.outbox import Outbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nobody can tell there whether a pipe has room")

_FULL = 1 << 20  # more than a pipe holds
_MOST_AT_ONCE = getattr(select, "PIPE_BUF", 512)
_WITHIN_S = 30.0


class Pipe:
    """A client's end and the server's, and what the outbox said of the client."""

    def __init__(self) -> None:
        self.end, file = os.pipe()
        self.lost: list[str] = []
        self.outbox = Outbox(file, self.lost.append)
        self._file = file
        self._is_open = True

    def has_something(self) -> bool:
        return bool(select.select([self.end], [], [], 0)[0])

    def read_all(self) -> bytes:
        """Read until the outbox is done."""
        parts: list[bytes] = []
        reader = threading.Thread(target=lambda: parts.extend(iter(lambda: os.read(self.end, 1 << 16), b"")))
        reader.start()
        self.outbox.finish(_WITHIN_S)
        os.close(self._file)
        self._is_open = False
        reader.join(_WITHIN_S)
        return b"".join(parts)

    def close(self) -> None:
        if self._is_open:
            self.hang_up()
            self.outbox.finish(_WITHIN_S)
            os.close(self._file)
        else:
            os.close(self.end)

    def hang_up(self) -> None:
        if self.end >= 0:
            os.close(self.end)
            self.end = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def test_a_short_message_is_written_when_write_returns(pipe: Pipe) -> None:
    pipe.outbox.write(b"a message")
    assert pipe.has_something()
    assert os.read(pipe.end, 100) == b"a message"


def test_a_client_that_does_not_read_is_not_waited_for(pipe: Pipe) -> None:
    first = b"a" * _FULL
    pipe.outbox.write(first)
    pipe.outbox.write(b"b")  # Would overtake the first one, or wait for it.
    assert pipe.read_all() == first + b"b"
    assert not pipe.lost


def test_a_pipe_that_is_nearly_full_is_not_waited_for(pipe: Pipe) -> None:
    message = b"0123456789" * 300
    for _ in range(100):
        pipe.outbox.write(message)
    assert pipe.read_all() == message * 100


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.sampled_from([1, 100, _MOST_AT_ONCE, 5_000, 70_000])))
def test_messages_come_whole_and_in_order(sizes: list[int]) -> None:
    made = Pipe()
    messages = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    for message in messages:
        made.outbox.write(message)
    try:
        assert made.read_all() == b"".join(messages)
    finally:
        made.close()


def test_a_client_that_is_gone_is_told_of(pipe: Pipe) -> None:
    pipe.hang_up()
    pipe.outbox.write(b"a message")
    assert pipe.lost == ["the client closed its end"]
