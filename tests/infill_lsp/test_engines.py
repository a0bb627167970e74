"""A model that is not on this machine: told in words, before any process is started for it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from engine.api import CheckpointError
from infill_lsp.checkpoints import checkpoints_folder
from infill_lsp.engines import host_of
from infill_lsp.settings.settings import Settings, load
from tests.infill_lsp.raw_client import RawClient
from tests.infill_lsp.sample import opened

pytestmark = pytest.mark.usefixtures("private_folders")

MISSING = [
    ("nosuch", "there is no model nosuch; infill-lsp models and infill-lsp tune --list show what there is"),
    ("owner/name", "owner/name is not downloaded; to fetch it: infill-lsp download owner/name"),
    ("/there/is/none", "/there/is/none: no such checkpoint folder"),
    ("~nobody-is-called-so/model", "~nobody-is-called-so/model: no such checkpoint folder"),
    (f"./{'long' * 100}", "long: no such checkpoint folder"),
]


@pytest.mark.parametrize(("model", "reason"), MISSING)
def test_no_engine_is_made_for_what_is_not_here(model: str, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        host_of(Settings(model=model))


@pytest.mark.parametrize(("model", "reason"), MISSING[:2])
def test_a_name_that_names_nothing_is_a_problem_of_the_settings(model: str, reason: str) -> None:
    assert load(overrides={"model": model}).problems == (f"model: {reason}",)


@pytest.mark.parametrize("model", ["bundled", "fake:1 / 2"])
def test_what_is_always_here(model: str) -> None:
    assert host_of(Settings(model=model)).model == model
    assert load(overrides={"model": model}).problems == ()


def test_a_checkpoint_that_comes_later_is_found() -> None:
    settings = load(overrides={"model": "mine"}).settings
    with pytest.raises(CheckpointError):
        host_of(settings)
    folder = checkpoints_folder() / "mine"
    folder.mkdir(parents=True)
    (folder / "tuned.json").write_text(json.dumps({"version": 1}))
    assert host_of(settings).model == str(folder)


def test_the_server_tells_and_starts_nothing(private_folders: Path) -> None:
    variables = {**os.environ, "INFILL_MODEL": "nosuch"}
    with RawClient([sys.executable, "-m", "infill_lsp", "--stdio"], variables) as client:
        client.initialize()
        sample = opened(client, "x = $0\n")
        assert "there is no model nosuch" in client.notification("infill/status", state="error")["reason"]
        assert sample.ghost(2) == []
        assert "there is no model nosuch" in client.result("infill/whyNoSuggestion")["silences"][0]["reason"]
        client.notify("workspace/didChangeConfiguration", {"settings": {"idle_minutes": 3}})
        assert client.notification("infill/status", state="normal")["reason"] is None
        assert not list(private_folders.rglob("*.sock"))
