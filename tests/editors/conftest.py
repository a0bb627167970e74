"""What the editor tests share: an editor with our server attached, started and ended for each test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from neovim_driver import Neovim

Start = Callable[..., Neovim]


@pytest.fixture
def neovim(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Return a function that opens a file of given content in a Neovim, with an engine of given model behind it."""
    monkeypatch.setenv("INFILL_PYTHON", sys.executable)
    with ExitStack() as stack:

        def start(content: str, *, model: str) -> Neovim:
            monkeypatch.setenv("INFILL_MODEL", model)
            file = private_folders / "source.py"
            file.write_bytes(content.encode())
            return stack.enter_context(closing(Neovim(file)))

        yield start
