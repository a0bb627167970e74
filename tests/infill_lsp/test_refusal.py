"""What is never handed to an engine: the one rule, and that parser, editor and command line all keep to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infill_lsp.excludes.refusal import refusal_of_path, refusal_of_text
from infill_lsp.holes.hole import hole_at
from infill_lsp.settings.settings import SECRETS
from infill_lsp.text.document import Document
from infill_lsp.text.line_index import LONG_LINE, LineIndex
from infill_lsp.trees import syntax
from tests.infill_lsp.raw_client import RawClient, scripted

_BYTES = random.Random(1).randbytes(200_000)

REFUSED = {
    "one long line": ("x=1;" * 2_500_000, "larger than the limit of 2,000,000 bytes"),
    "blanks": (" " * 5_000_000, "larger than the limit of 2,000,000 bytes"),
    "wide characters": ("x = '" + "漢" * 700_000 + "'\n", "larger than the limit of 2,000,000 bytes"),
    "open brackets": ("(" * 100_000, "a line of the file is longer than 20,000 characters"),
    "open generics": ("a<" * 100_000, "a line of the file is longer than 20,000 characters"),
    "a flat list": ("x = [" + "1, " * 600_000 + "]\n", "a line of the file is longer than 20,000 characters"),
    "a long last line": ("x = 1\n" + "-" * (LONG_LINE + 1), "a line of the file is longer than 20,000 characters"),
    "a NUL": ("x = 1\n\0", "this is not text"),
    "bytes": (_BYTES.replace(b"\0", b"").decode("latin-1"), "this is not text"),
    "replaced bytes": (_BYTES.replace(b"\0", b"").decode("utf-8", "replace"), "this is not text"),
    "half characters": ("\ud83d" * 100_000, "this is not text"),
}
KEPT = {
    "nothing": "",
    "one half character": "x = '\ud83d'\n",
    "odd characters that were just typed": "\ufffd\x01\ud83d",
    "a form feed and separators": "a = 1\n\x0c\nb = '\u2028\x1b'\n",
    "a line as long as may be": "#" * (LONG_LINE - 1) + "\n#",
    "many scripts": "# 漢字 ελληνικά 😀 é\n" * 5_000,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_text_that_nobody_wrote_is_refused_and_never_parsed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "Parsing", None)
    text, reason = REFUSED[name]
    document = Document("file:///a", 1, text, "typescript")
    snapshot = document.snapshot()
    assert reason in (refusal_of_text(snapshot.text, snapshot.index) or "")
    assert snapshot.tree is None
    assert not document.is_behind
    assert syntax.parse(text, "typescript") is None


@pytest.mark.parametrize("name", KEPT)
def test_an_odd_text_is_kept(name: str) -> None:
    assert refusal_of_text(KEPT[name], LineIndex(KEPT[name])) is None
    assert Document("file:///a", 1, KEPT[name], "python").snapshot().tree is not None


def test_a_line_that_grows_too_long_is_refused_until_it_is_short_again() -> None:
    document = Document("file:///a.py", 1, "a = 1\n" + "#" * (LONG_LINE - 1) + "\nb = 2\n", "python")
    for edit, is_refused in (((6, 6, "#"), True), ((7, 7, "\n"), False), ((7, 8, ""), True), ((6, 7, ""), False)):
        document.edit(*edit)
        snapshot = document.snapshot(60.0)
        assert (refusal_of_text(snapshot.text, snapshot.index) is not None) == is_refused == (snapshot.tree is None)
        assert document.index.num_long_lines == LineIndex(document.text).num_long_lines


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("(\n" * 100_000, "python"),
        ("{\n" * 100_000, "javascript"),
        ("a<\n" * 100_000, "typescript"),
        ("x = [\n" + "1, 2, 3, 4, 5,\n" * 100_000 + "]\n", "python"),
        ("x = '\ud83d'\n" * 20_000, "python"),
    ],
    ids=["brackets", "braces", "generics", "list", "surrogates"],
)
def test_what_is_not_refused_has_a_parse_that_ends_and_holes(text: str, language: str) -> None:
    document = Document("file:///a", 1, text, language)
    document.snapshot(0.0)
    while document.advance():
        pass
    snapshot = document.snapshot()
    assert hole_at(snapshot, len(text) // 2)
    document.edit(len(text) // 2, len(text) // 2, "x")
    assert hole_at(document.snapshot(0.0), len(text) // 2 + 1)


def test_a_secret_is_refused_by_its_name() -> None:
    assert refusal_of_path("/home/me/a.py", SECRETS) is None
    assert refusal_of_path("/home/me/.env", SECRETS) == "this file is never sent to a model: its name matches .env*"


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    with scripted(tmp_path_factory.mktemp("home")) as client:
        client.initialize(options={"settings": {"max_file_bytes": 2_000_000}})
        yield client


@pytest.mark.parametrize("name", REFUSED)
def test_the_user_sees_why_nothing_is_suggested(name: str, editor: RawClient) -> None:
    uri = f"file:///project/{name.replace(' ', '_')}.py"
    text, reason = REFUSED[name]
    editor.open(uri, text)
    editor.seen.clear()
    assert editor.ghost(uri, {"line": 0, "character": 0}, kind=1) == []
    editor.settle()
    reasons: list[Any] = [message["params"].get("reason") for message in editor.seen if "status" in message["method"]]
    assert any(reason in (each or "") for each in reasons), reasons


def test_the_command_line_refuses_by_the_same_rule(tmp_path: Path) -> None:
    from infill_lsp.cli.mistake import Mistake
    from infill_lsp.cli.source_file import read_source

    file = tmp_path / "a.py"
    for text, reason in REFUSED.values():
        file.write_bytes(text.encode("utf-8", "replace"))
        if "\ud83d" not in text:
            with pytest.raises(Mistake, match=reason):
                read_source(file, 2_000_000)
