"""What docs/editors.md and the README point at is there: tests for each feature, and pictures that load quickly."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_TABLE = (_ROOT / "docs/editors.md").read_text().partition("## What each editor supports")[2]
_TESTS = {name for file in _HERE.glob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}


def test_every_feature_is_shown_by_a_test() -> None:
    rows = [row for row in re.findall(r"^\|(.+)\|$", _TABLE, re.MULTILINE) if set(row) - set("|- ")]
    assert rows
    for row in rows:
        feature, *_, shown_by = (cell.strip() for cell in row.split("|"))
        if shown_by not in ("shown by", "the same"):
            assert re.search(r"`test_\w+`", shown_by), f"{feature}: no test is named"


def test_the_tests_that_are_named_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", _TABLE))
    assert named - _TESTS == set()


def test_the_pictures_are_there_and_small_and_said_in_words() -> None:
    shown: set[Path] = set()
    for document in (_ROOT / "README.md", _ROOT / "docs/editors.md"):
        for words, place in re.findall(r"!\[(.*?)\]\(([^)]*pictures/[^)]+)\)", document.read_text()):
            assert words, f"{document.name} says nothing in place of {place}"
            shown.add((document.parent / place).resolve())
    sizes = {file.name: file.stat().st_size for file in shown}
    assert shown == set((_ROOT / "docs/pictures").iterdir())
    assert max(sizes.values()) < 300_000, sizes
    assert sum(sizes.values()) < 1_000_000, sizes
