"""Files of settings that change while the server runs: followed, and told when they cannot be used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infill_lsp.settings.folder_settings import FolderSettings
from tests.infill_lsp.raw_client import PATIENCE_S, RawClient
from tests.infill_lsp.sample import Sample, check_silent, opened


@pytest.mark.parametrize("name", ["infill.toml", "infill-lsp/config.toml"])
def test_a_file_that_comes_changes_and_goes_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folders = FolderSettings()
    folders.open([tmp_path])
    file = tmp_path / name
    assert folders.is_source(str(file))
    assert not folders.is_source(str(tmp_path / "other.toml"))
    assert not folders.follow_files()
    file.parent.mkdir(exist_ok=True)
    for content, debounce_ms in (("debounce_ms = 7\n", 7), ("debounce_ms = 1234\n", 1234)):
        file.write_text(content)
        assert folders.follow_files()
        assert folders.first.debounce_ms == debounce_ms
        assert not folders.follow_files()
    file.unlink()
    assert folders.follow_files()
    assert folders.first.debounce_ms == 75


def test_a_file_that_is_saved_in_the_editor_counts_at_once_and_its_mistakes_are_told(
    client: RawClient, tmp_path: Path
) -> None:
    client.initialize(root=tmp_path)
    sample = opened(client, "x = $0\n", uri=(tmp_path / "a.py").as_uri())
    assert sample.ghost()
    file = tmp_path / "infill.toml"
    file.write_text("enabled = false\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
    check_silent(client, sample, "switched off by the setting enabled")
    file.write_text("enable = false\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": file.as_uri()}})
    told = client.notification("window/showMessage")["message"]
    assert "infill.toml: enable: unknown setting (did you mean enabled?)" in told
    assert sample.ghost()


def test_what_is_left_alone_no_more_is_told_before_the_next_request(client: RawClient, tmp_path: Path) -> None:
    client.initialize(root=tmp_path, options={"settings": {"languages": {"go": {"enabled": False}}}})
    python = opened(client, "x = $0\n", uri=(tmp_path / "a.py").as_uri())
    secret = opened(client, "x = $0\n", uri=(tmp_path / ".env").as_uri())
    project = tmp_path / "infill.toml"
    saved = {"textDocument": {"uri": project.as_uri()}}
    project.write_text("enabled = false\n")
    client.notify("textDocument/didSave", saved)
    for sample in (python, secret):
        assert sample.ghost() == []
        client.notification("infill/status", state="inactive", uri=sample.uri)
    project.unlink()
    client.notify("textDocument/didSave", saved)
    assert client.notification("infill/status", state="normal", uri=python.uri)["reason"] is None
    client.settle()
    told = [m["params"] for m in client.seen if m.get("method") == "infill/status"]
    assert not [news for news in told if news.get("uri") == secret.uri], "it is left alone in any case"


@pytest.mark.parametrize("ask", [Sample.ghost, Sample.titles])
def test_a_file_that_another_program_writes_counts_without_a_restart(
    client: RawClient, tmp_path: Path, ask: Callable[[Sample], object]
) -> None:
    client.initialize(root=tmp_path)
    sample = opened(client, "x = $0...\n", uri=(tmp_path / "a.py").as_uri())
    assert ask(sample)
    (tmp_path / "infill.toml").write_text("enabled = false\n")
    deadline = time.monotonic() + PATIENCE_S
    while ask(sample):
        assert time.monotonic() < deadline, "the file was never read"
    check_silent(client, sample, "switched off by the setting enabled")


def test_capabilities_ask_to_be_told_of_saved_files(client: RawClient) -> None:
    assert client.initialize()["textDocumentSync"]["save"]
