"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infill_lsp.raw_client import RawClient, scripted


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RawClient]:
    with scripted(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    with scripted(tmp_path_factory.mktemp("home")) as client:
        client.initialize(encodings=["utf-8"])
        yield client
        assert client.end() == 0


@pytest.fixture
def shared(_shared: RawClient) -> RawClient:
    """One server for all the tests that can introduce themselves the same way."""
    _shared.settle()
    _shared.seen.clear()
    return _shared
