"""Two code actions of the real server with the bundled checkpoint, over real stdio."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infill_lsp.raw_client import RawClient, edited, environment
from tests.infill_lsp.sample import edit_of, opened

pytestmark = pytest.mark.checkpoint

STACK = """class Stack:
    def __init__(self):
        self.items = []

    def push_and_count(self, item):
        $0size = ...
        if size > 10:
            pass
        return len(...)
"""
KEPT = "        count = 0  # infill: keep"


@pytest.fixture
def bundled(private_folders: Path) -> Iterator[RawClient]:
    folders = {name: value for name, value in os.environ.items() if name.startswith("XDG_")}
    with RawClient([sys.executable, "-m", "infill_lsp"], environment(private_folders, **folders)) as client:
        client.initialize(encodings=["utf-8"], options={"drafts": True})
        yield client


def test_all_holes_of_a_function(bundled: RawClient) -> None:
    sample = opened(bundled, STACK)
    resolved = bundled.result("codeAction/resolve", sample.action("Fill all holes in this function"))
    text = sample.text
    (edits,) = resolved["edit"]["changes"].values()
    for edit in reversed(edits):
        text = edited(text, edit, "utf-8")
    ast.parse(text)
    assert text.startswith(sample.text[: sample.start])
    assert text.count("...") + text.count("pass") < 3
    assert any(message.get("method") == "infill/draft" for message in bundled.seen)
    print(text)


def test_tidy_with_a_locked_line(bundled: RawClient) -> None:
    code = f"def total(prices):\n        $0x = 1\n{KEPT}\n        return x + count$0\n"
    sample = opened(bundled, code)
    resolved = bundled.result("codeAction/resolve", sample.action("Rewrite: tidy"))
    if "disabled" in resolved:
        assert "edit" not in resolved
        assert resolved["disabled"]["reason"]
        print(resolved["disabled"]["reason"])
        return
    text = edited(sample.text, edit_of(resolved), "utf-8")
    ast.parse(text)
    assert KEPT in text.splitlines()
    print(text)
